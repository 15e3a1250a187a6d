import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { type Header, readHeader } from "@anamnesis/sdk/evidence/header";
import { followSeals } from "@anamnesis/sdk/evidence/seals";
import type { BlockFacts, Trust } from "@anamnesis/sdk/evidence/types";
import { expect, test } from "vitest";
import { addressesOf, type HeaderSpec, sealedHeader } from "./qbft.ts";

/** Headers one after the other, each naming the one before as its parent when it follows it directly. */
function chainOf(...specs: readonly HeaderSpec[]): Header[] {
  const headers: Header[] = [];
  for (const spec of specs) {
    const parent = headers.at(-1);
    const parentHash = parent?.number === spec.number - 1 ? parent.hash : undefined;
    const { rlp } = sealedHeader({ ...(parentHash !== undefined && { parentHash }), ...spec });
    headers.push(readHeader(rlp, `block ${spec.number}`));
  }
  return headers;
}

const trust = (changes: Partial<Trust> = {}): Trust =>
  ({ validators: [{ block: 0, addresses: addressesOf([1, 2, 3, 4]) }], ...changes }) as unknown as Trust;

const follow = (headers: readonly Header[], by: Trust = trust()): readonly BlockFacts[] =>
  followSeals(headers, by, (index) => `headers[${index}]`);

const refusal = (headers: readonly Header[], by?: Trust): string => {
  try {
    follow(headers, by);
    return "none";
  } catch (error) {
    if (error instanceof AnamnesisError) return error.message;
    throw error;
  }
};

const FOUR = [1, 2, 3, 4];
const FIVE = [1, 2, 3, 4, 5];
const add = (proposer: number, candidate = 5) => ({ proposer, vote: { candidate, add: true } });
const drop = (proposer: number, candidate: number) => ({ proposer, vote: { candidate, add: false } });

test("a header in a Buffer is the same bytes afterwards", () => {
  const { rlp } = sealedHeader({ number: 1, validators: FOUR });
  const given = Buffer.from(rlp);
  follow([readHeader(given, "a header")]);
  expect(given.equals(rlp)).toBe(true);
});

test.each([
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 4],
  [6, 4],
  [7, 5],
  [10, 7],
])("of %i validators %i are needed", (n, quorum) => {
  const validators = Array.from({ length: n }, (_, i) => i + 1);
  const by = trust({ validators: [{ block: 0, addresses: addressesOf(validators) }] } as never);
  const sealedBy = (count: number) => chainOf({ number: 9, validators, sealers: validators.slice(0, count) });
  expect(follow(sealedBy(quorum), by)[0]?.sealedBy).toHaveLength(quorum);
  expect(refusal(sealedBy(quorum - 1), by)).toContain(`${quorum} are needed`);
});

test("a stretch may be skipped while the validators stay", () => {
  expect(follow(chainOf({ number: 5, validators: FOUR }, { number: 5000, validators: FOUR }))).toHaveLength(
    2,
  );
});

test("every header since proves a new validator by the votes of a majority", () => {
  const votes = [1, 2, 3].map((proposer, i) => ({ number: 5 + i, validators: FOUR, ...add(proposer) }));
  // Only the new set's quorum seals the next block, without two thirds of the old one.
  const next = { number: 8, validators: FIVE, sealers: [1, 2, 4, 5] };
  expect(follow(chainOf(...votes, next)).at(-1)?.validators).toBe(5);
  // Two of the old four sealed with two strangers: only votes can prove that.
  const six = { number: 9, validators: FIVE, sealers: [1, 2, 5] };
  expect(refusal(chainOf(...votes, next, six))).toContain("4 are needed");
});

test("votes prove a dropped validator, whose votes then count no more", () => {
  const headers = chainOf(
    { number: 5, validators: FOUR, ...add(4) },
    { number: 6, validators: FOUR, ...drop(1, 4) },
    { number: 7, validators: FOUR, ...drop(2, 4) },
    { number: 8, validators: FOUR, ...drop(3, 4) },
    { number: 9, validators: [1, 2, 3], sealers: [1, 2], ...add(1) },
    { number: 10, validators: [1, 2, 3], sealers: [1, 2], ...add(2) },
    { number: 11, validators: [1, 2, 3, 5], sealers: [2, 3, 5] },
  );
  expect(follow(headers).map(({ validators }) => validators)).toEqual([4, 4, 4, 4, 3, 3, 4]);
});

test("without the votes, a new set needs more than two thirds of both", () => {
  const jump = (sealers: number[], validators = FIVE) =>
    chainOf({ number: 5, validators: FOUR }, { number: 90, validators, sealers });
  expect(follow(jump([1, 2, 3, 5]))[1]?.sealedBy).toHaveLength(4);
  expect(refusal(jump([1, 2, 3]))).toContain("3 of 4 trusted and 3 of its own 5");
  expect(refusal(jump([1, 2, 5, 6], [1, 2, 5, 6]))).toContain("2 of 4 trusted and 4 of its own 4");
  // Exactly two thirds are not more than two thirds.
  const three = trust({ validators: [{ block: 0, addresses: addressesOf([1, 2, 3]) }] } as never);
  expect(refusal(chainOf({ number: 90, validators: [1, 2, 4], sealers: [1, 2, 4] }), three)).toContain(
    "2 of 3",
  );
});

test.each([
  ["a vote twice by one proposer", [add(1), add(1), add(1)]],
  ["too few votes", [add(1), add(2), {}]],
  ["a vote taken back", [add(1), add(2), { proposer: 2, vote: { candidate: 5, add: false } }, add(3)]],
  ["votes for another", [add(1), add(2), add(3, 6)]],
  ["a vote of a stranger", [add(1), add(2), add(9)]],
])("%s does not change the validators", (_, votes) => {
  const headers = votes.map((vote, i) => ({ number: 5 + i, validators: FOUR, ...vote }));
  const next = { number: 5 + votes.length, validators: FIVE, sealers: [1, 2, 4, 5] };
  // Three of the old four sealed as well; with only two of them, the votes alone could have proved it.
  expect(follow(chainOf(...headers, next))).toHaveLength(votes.length + 1);
  const five = { ...next, validators: [1, 2, 3, 4, 5], sealers: [3, 4, 5] };
  expect(refusal(chainOf(...headers, five))).toContain("other validators than those trusted");
});

test("votes end with their epoch", () => {
  const headers = chainOf(
    { number: 8, validators: FOUR, ...add(1) },
    { number: 9, validators: FOUR, ...add(2) },
    { number: 10, validators: FOUR },
    { number: 11, validators: FOUR, ...add(3) },
    { number: 12, validators: FIVE, sealers: [1, 2, 4, 5].slice(1) },
  );
  expect(refusal(headers, trust({ epochBlocks: 10 }))).toContain("other validators than those trusted");
});

test("votes before a gap are not counted", () => {
  const headers = chainOf(
    { number: 5, validators: FOUR, ...add(1) },
    { number: 6, validators: FOUR, ...add(2) },
    { number: 8, validators: FOUR, ...add(3) },
    { number: 9, validators: FIVE, sealers: [2, 4, 5] },
  );
  expect(refusal(headers)).toContain("other validators than those trusted");
});

test("the trust file's changes count from their block on", () => {
  const by = trust({
    validators: [
      { block: 0, addresses: addressesOf(FOUR) },
      { block: 100, addresses: addressesOf([6, 7, 8, 9]) },
    ],
  } as never);
  const headers = chainOf({ number: 99, validators: FOUR }, { number: 100, validators: [6, 7, 8, 9] });
  expect(follow(headers, by)).toHaveLength(2);
  expect(refusal(chainOf({ number: 99, validators: [6, 7, 8, 9] }), by)).toContain("other validators");
  expect(refusal(chainOf({ number: 100, validators: FOUR }), by)).toContain("other validators");
});

test("a block before the trust file's first validators is refused", () => {
  const by = trust({ validators: [{ block: 50, addresses: addressesOf(FOUR) }] } as never);
  expect(refusal(chainOf({ number: 49, validators: FOUR }), by)).toContain("no validators for it");
});

test("headers that do not follow each other are refused", () => {
  const [first, second] = chainOf({ number: 5, validators: FOUR }, { number: 6, validators: FOUR });
  expect(refusal([second as Header, first as Header])).toContain("out of order");
  expect(refusal([first as Header, first as Header])).toContain("out of order or there twice");
  const [stranger] = chainOf({ number: 6, validators: FOUR, parentHash: `0x${"77".repeat(32)}` });
  expect(refusal([first as Header, stranger as Header])).toContain("does not follow block 5");
});

test("more seals than validators are not looked at", () => {
  const headers = chainOf({ number: 5, validators: [1], sealers: [1, 2, 3] });
  expect(refusal(headers)).toContain("3 seals of 1 validators");
});
