/** Proposals in words: what is read, what is told, and what is refused before anybody votes. */
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Hex, MemberNumber } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Action,
  type Constitution,
  decodeCall,
  encodeActions,
  parseActions,
  tellAction,
  tellCalls,
  tryActions,
} from "../../../node/src/cli/commands/admin-actions.ts";

const REGISTRY = `0x${"a1".repeat(20)}` as Address;
const NEW = `0x${"5e".repeat(20)}` as Address;
const four: Constitution = {
  members: [1, 2, 3, 4].map((n) => ({
    number: n as MemberNumber,
    account: `0x${`0${n}`.repeat(20)}` as Address,
    state: "active",
  })),
  parameters: { members: 3, witnesses: 1, refutes: 2, maxBatch: 100 },
};
const three: Constitution = { ...four, members: four.members.slice(0, 3) };
const parse = (text: string, constitution = four) => parseActions(text.split(" "), constitution);

function refusal(work: () => unknown) {
  try {
    work();
  } catch (error) {
    if (isAnamnesisError(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("words", () => {
  it.each([
    [`admit ${NEW}`, [{ do: "admit", account: NEW }]],
    [`admit ${getAddress(NEW)}`, [{ do: "admit", account: NEW }]],
    ["suspend 2", [{ do: "suspend", member: 2 }]],
    ["suspend member 2", [{ do: "suspend", member: 2 }]],
    ["Reinstate Member 2", [{ do: "reinstate", member: 2 }]],
    ["remove 4", [{ do: "remove", member: 4 }]],
    ["set M 2 maxBatch 50", [{ do: "set", parameters: { ...four.parameters, members: 2, maxBatch: 50 } }]],
    ["set m=2 w=2", [{ do: "set", parameters: { ...four.parameters, members: 2, witnesses: 2 } }]],
    [
      `admit ${NEW} and remove member 2`,
      [
        { do: "admit", account: NEW },
        { do: "remove", member: 2 },
      ],
    ],
    [
      "set M 2 and suspend 4 and set R 1",
      [
        { do: "set", parameters: { ...four.parameters, members: 2 } },
        { do: "suspend", member: 4 },
        { do: "set", parameters: { ...four.parameters, members: 2, refutes: 1 } },
      ],
    ],
  ])("%s", (text, actions) => {
    expect(parse(text)).toEqual(actions);
    expect(parseActions([text], four)).toEqual(actions);
  });

  it.each([
    ["", /needs words/],
    ["expel 2", /"expel" is nothing that can be proposed/],
    ["suspend", /does not name one member/],
    ["suspend two", /member is "two"/],
    ["suspend 0", /member is "0"/],
    ["suspend 65536", /member is "65536"/],
    ["suspend 2 3", /does not name one member/],
    ["admit", /does not name one account/],
    ["admit 0x12", /"0x12" is no address/],
    ["set", /does not give each name a number/],
    ["set M", /does not give each name a number/],
    ["set Q 3", /"Q" is no parameter/],
    ["suspend 2 and", /nothing that can be proposed/],
  ])("%s is refused, with what can be said", (text, words) => {
    const { code, message } = refusal(() => parse(text));
    expect(code).toBe("config.invalid");
    expect(message).toMatch(words);
    expect(message).not.toContain("\n");
  });

  it("takes no address with a mistaken digit", () => {
    const right = getAddress(NEW);
    const at = right.indexOf("E");
    const mistaken = `${right.slice(0, at)}e${right.slice(at + 1)}`;
    expect(refusal(() => parse(`admit ${mistaken}`)).message).toMatch(/wrong checksum/);
  });
});

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    do: fc.constant("admit" as const),
    account: fc
      .uint8Array({ minLength: 20, maxLength: 20 })
      .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}` as Address),
  }),
  fc.record({
    do: fc.constantFrom("suspend" as const, "reinstate" as const, "remove" as const),
    member: fc.integer({ min: 1, max: 65_535 }) as fc.Arbitrary<MemberNumber>,
  }),
  fc.record({
    do: fc.constant("set" as const),
    parameters: fc.record({
      members: fc.integer({ min: 1, max: 65_535 }),
      witnesses: fc.integer({ min: 1, max: 65_535 }),
      refutes: fc.integer({ min: 1, max: 65_535 }),
      maxBatch: fc.integer({ min: 1, max: 65_535 }),
    }),
  }),
);

describe("calls", () => {
  it("are told in the words that make them again", () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 5 }), (actions) => {
        const calls = encodeActions(REGISTRY, actions);
        expect(calls.map((call) => decodeCall(REGISTRY, call))).toEqual(actions);
        const { words, understood } = tellCalls(REGISTRY, calls);
        expect(understood).toBe(true);
        expect(parse(words)).toEqual(actions);
        expect(words).toBe(actions.map((each) => tellAction(each)).join(" and "));
      }),
    );
  });

  it("that are not ours, or carry more than the words would say, are not told as ours", () => {
    const [call] = encodeActions(REGISTRY, [{ do: "suspend", member: 2 as MemberNumber }]);
    const { data, target } = call as NonNullable<typeof call>;
    for (const foreign of [
      { target: NEW, data },
      { target, data: `${data}00` as Hex },
      { target, data: data.slice(0, -2) as Hex },
      { target, data: "0x12345678" as Hex },
      { target, data: "0x" as Hex },
    ]) {
      const told = tellCalls(REGISTRY, [call as NonNullable<typeof call>, foreign]);
      expect(told.understood).toBe(false);
      expect(told.words).toMatch(/^suspend member 2 and call 0x.*not understood/);
    }
    expect(tellCalls(REGISTRY, []).understood).toBe(false);
  });

  it("say which numbers new members get", () => {
    const calls = encodeActions(REGISTRY, [...parse(`admit ${NEW}`), ...parse(`admit ${REGISTRY}`)]);
    expect(tellCalls(REGISTRY, calls, 4).words).toMatch(
      /^admit 0x\S+ as member 5 and admit 0x\S+ as member 6$/,
    );
  });
});

describe("trying out", () => {
  const attempt = (text: string, constitution = four) => tryActions(constitution, parse(text, constitution));

  it("lets through what the registry would", () => {
    for (const text of [
      "suspend 4",
      `admit ${NEW} and remove 1`,
      "suspend 4 and reinstate 4",
      "remove 4",
      `suspend 4 and remove 4 and admit ${four.members[3]!.account}`,
      "set M 2 W 2 R 4",
    ])
      attempt(text);
    attempt(`admit ${NEW} and remove 1`, three);
  });

  it.each([
    ["suspend 9", "api.notFound", /there is no member 9; members are 1 to 4/],
    ["reinstate 2", "config.invalid", /member 2 is active/],
    ["suspend 4 and suspend 4", "config.invalid", /member 4 is suspended/],
    ["remove 4 and reinstate 4", "config.invalid", /member 4 is removed/],
    [`admit ${four.members[0]!.account}`, "config.invalid", /the account is that of member 1, active/],
    [
      "suspend 4 and suspend 3",
      "config.invalid",
      /2 active members would be left, and three have to be; admit/,
    ],
    ["set M 4 and suspend 4", "config.invalid", /M is 4 and 3 active members would be left; set a lower M/],
    ["set R 4 and suspend 4", "config.invalid", /R is 4 and 3 active/],
    ["set W 4", "config.invalid", /W 4 is more than M 3/],
    ["set M 5", "config.invalid", /M is 5 and 4 active/],
  ])("%s: %s", (text, code, words) => {
    const refused = refusal(() => attempt(text));
    expect(refused.code).toBe(code);
    expect(refused.message).toMatch(words);
  });
});
