/** Members decide by the command line: from a proposal to its execution, and everything that is refused on the way. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recoverSigner, signDigest } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Signature } from "@anamnesis/sdk/core/types";
import { getAddress, TypedDataEncoder } from "ethers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readKeystoreAddress } from "../../../node/src/adapters/keys/keystore.ts";
import { readConfig } from "../../../node/src/config.ts";
import { startStandIn } from "../adapters/chain/stand-in-signer.ts";
import { type Governed, giveKeystore, makeGoverned, memberAccount } from "./admin-consortium.ts";
import { runInProcess } from "./in-process.ts";
import type { Outcome } from "./run.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PARAMETERS = { members: 3, witnesses: 1, refutes: 2, maxBatch: 100 };
const NEWCOMER = memberAccount("newcomer");

let directory: string;
let c: Governed;
let close: () => Promise<void> = async () => {};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "anamnesis-admin-"));
  const founders = [1, 2, 3, 4].map((n) => memberAccount(n).address);
  [c, close] = await makeGoverned(directory, founders, PARAMETERS);
  for (const n of [1, 2, 3, 4]) giveKeystore(directory, n);
  giveKeystore(directory, 5, NEWCOMER);
});
afterAll(async () => {
  await close();
  rmSync(directory, { recursive: true, force: true });
});

/** One line on standard error, and nothing that looks like an answer. */
function expectRefusal({ code, out, err }: Outcome, exit: number, words: RegExp): void {
  expect(err, out).toMatch(words);
  expect(err.trim().split("\n"), err).toHaveLength(1);
  expect([code, out]).toEqual([exit, ""]);
}

const json = async (...args: string[]) => JSON.parse((await c.run([...args, "-o", "json"])).out);

/** Proposes and gives the number. */
async function propose(member: number, ...words: string[]): Promise<string> {
  const made = await c.as(member, "members", "propose", ...words, "-o", "raw");
  expect(made.err).toBe("");
  await c.pass(1);
  return made.out.trim();
}

async function decide(...words: string[]): Promise<string> {
  const number = await propose(1, ...words);
  for (const member of [1, 2, 3]) {
    const { members } = await json("members", "list");
    const { votesNeeded } = await json("members", "list");
    const shown = await json("members", "show", number);
    if (shown.votes.for >= votesNeeded || members[member - 1].state !== "active") break;
    const voted = await c.as(member, "members", "vote", number, "for");
    expect(voted.err).toBe("");
  }
  return number;
}

describe("members", () => {
  test("are listed for people and programs", async () => {
    const listed = await c.run(["members", "list"]);
    expect([listed.code, listed.err]).toEqual([0, ""]);
    expect(listed.out).toMatch(/^MEMBER +ACCOUNT +STATE +KIND\n1 +0x[0-9a-fA-F]{40} +active +key\n/);
    expect(listed.out).toMatch(
      /4 active members; 3 votes decide\. A record is attested by 3 members, 1 of them witnesses/,
    );
    expect(await json("members", "list")).toMatchObject({
      activeMembers: 4,
      votesNeeded: 3,
      parameters: PARAMETERS,
      members: [
        { number: 1, account: memberAccount(1).address, state: "active", isContract: false },
        {},
        {},
        {},
      ],
    });
    expect((await c.run(["members", "list", "-o", "raw"])).out.split("\n")[3]).toBe(
      `4 ${memberAccount(4).address} active`,
    );
  });

  test("admit another by majority, and everybody can follow it", async () => {
    const made = await c.as(
      1,
      "members",
      "propose",
      "admit",
      getAddress(NEWCOMER.address),
      "--because",
      "plant E joins",
    );
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out).toMatch(/^Done in block \d+: propose to admit 0x/);
    expect(made.out).toMatch(/Proposal 1: admit 0x\w+ as member 5/);
    expect(made.out).toMatch(
      /Next: 3 votes for it are missing; not voted yet: member 1, member 2, member 3, member 4\./,
    );
    await c.pass(1);

    expectRefusal(await c.as(1, "members", "execute", "1"), 2, /proposal 1 has 0 of 3 votes it needs/);
    const first = await c.as(1, "members", "vote", "1", "for");
    expect([first.code, first.err]).toEqual([0, ""]);
    expect(first.out).toMatch(/vote for proposal 1, to admit/);
    expect((await c.as(2, "members", "vote", "1", "against", "--because", "too early")).code).toBe(0);
    expect((await c.as(3, "members", "vote", "1", "for")).code).toBe(0);
    expectRefusal(await c.as(3, "members", "vote", "1", "for"), 2, /has voted on proposal 1/);

    const shown = await c.run(["members", "show", "1"]);
    expect(shown.out).toMatch(/state +open, votes until \d{4}-/);
    expect(shown.out).toMatch(/votes +for 2, against 1, abstained 0; 3 for are needed/);
    expect(shown.out).toMatch(/says +admit 0x\w+: plant E joins \(after block \d+\)/);
    expect(shown.out).toMatch(/against +member 2 \(0x\w+\) +too early/);
    expect(shown.out).toMatch(
      /Next: 1 vote for it is missing; not voted yet: member 4\.\n +anamnesis admin members vote 1 for/,
    );

    expect((await c.as(4, "members", "vote", "1", "for")).out).toMatch(/Next: anybody may carry it out/);
    expectRefusal(await c.as(1, "members", "vote", "1", "for"), 2, /passed already; execute it/);
    // Anybody: even an account that is no member yet.
    const done = await c.as(5, "members", "execute", "1");
    expect([done.code, done.err]).toEqual([0, ""]);
    expect(done.out).toMatch(/5 +0x\w+ +active +key/);
    expectRefusal(await c.as(1, "members", "execute", "1"), 2, /proposal 1 was executed already; nothing/);
    expectRefusal(await c.as(1, "members", "vote", "1", "for"), 2, /proposal 1 was executed/);
    expect(await json("members", "show", "1")).toMatchObject({
      number: 1,
      state: "executed",
      votes: { for: 3, against: 1, abstain: 0 },
      needed: 3,
      understood: true,
      calls: [{ target: c.consortium.registry }],
    });
    expect((await c.run(["members", "show", "1", "-o", "raw"])).out).toBe("executed\n");
    const { id } = await json("members", "show", "1");
    expect((await c.run(["members", "show", id])).code).toBe(0);
  });

  test("suspend, reinstate, remove and set, also several at once", async () => {
    await c.as(1, "members", "execute", await decide("suspend", "member", "4"));
    expectRefusal(
      await c.as(4, "members", "propose", "suspend", "1"),
      2,
      /member 4 is suspended and has no vote/,
    );
    await c.as(1, "members", "execute", await decide("reinstate 4 and set M 2 maxBatch 50"));
    expect(await json("members", "list")).toMatchObject({
      activeMembers: 5,
      parameters: { ...PARAMETERS, members: 2, maxBatch: 50 },
    });
    await c.as(1, "members", "execute", await decide("remove", "4"));
    const { members } = await json("members", "list");
    expect(members[3].state).toBe("removed");
    // Its account may come back, under a number of its own.
    await c.as(1, "members", "execute", await decide("admit", memberAccount(4).address));
    expect((await json("members", "list")).members[5]).toMatchObject({
      number: 6,
      account: memberAccount(4).address,
      state: "active",
    });
  });

  test("the list of proposals is short, the newest first", async () => {
    const { out } = await c.run(["members", "show"]);
    expect(out).toMatch(/^PROPOSAL +STATE +FOR +AGAINST +NEEDED +TO\n5 +executed/);
    expect(out).toMatch(/\n3 +executed .* reinstate member 4 and set M 2 W 1 R 2 maxBatch 50\n/);
  });

  test("a proposal nobody votes for is defeated, and one that nobody executes expires", async () => {
    const lost = await propose(2, "suspend 3");
    const passed = await decide("suspend 3", "--because", "again");
    await c.pass(8 * 86_400);
    expect((await json("members", "show", lost)).state).toBe("defeated");
    expectRefusal(await c.as(3, "members", "vote", lost, "for"), 2, /is defeated; propose again/);
    expectRefusal(await c.as(3, "members", "execute", lost), 2, /did not pass; propose again/);
    expect((await json("members", "show", passed)).state).toBe("succeeded");
    await c.pass(7 * 86_400);
    expectRefusal(await c.as(3, "members", "execute", passed), 2, /was not executed in time/);
  });
});

describe("bad input", () => {
  test("ends with one line that says what to do", async () => {
    const proposal = (...words: string[]) => c.as(1, "members", "propose", ...words);
    const wrong = `${getAddress(NEWCOMER.address).slice(0, -1)}${NEWCOMER.address.endsWith("a") ? "b" : "a"}`;
    for (const [run, exit, words] of [
      [() => proposal("suspend", "9"), 1, /there is no member 9; members are 1 to 6 \(api\.notFound\)/],
      [() => proposal("admit", wrong), 2, /wrong checksum: a digit is mistaken; copy it again/],
      [() => proposal("expel", "3"), 2, /"expel" is nothing that can be proposed; say: admit/],
      [() => proposal("reinstate", "3"), 2, /this cannot be done: reinstate member 3: member 3 is active/],
      [() => c.as(1, "members", "vote", "99", "for"), 1, /there is no proposal 99; they are 1 to 7/],
      [() => c.as(1, "members", "vote", "7", "yes"), 2, /"yes" is no vote; say for, against or abstain/],
      [() => c.as(1, "keys", "revoke", "0x12"), 2, /the key "0x12" is no address/],
      [() => c.as(1, "keys", "list", "--member", "9"), 1, /there is no member 9/],
      [
        () => c.as(1, "keys", "active", NEWCOMER.address, "--block", "999999"),
        2,
        /the chain is at \d+; ask later/,
      ],
      [() => c.run(["members", "propose", "suspend", "3"]), 2, /no member account is given; add --keystore/],
      [() => c.run(["members", "list", "--chain", "nowhere"]), 2, /--chain "nowhere" is no URL/],
      [
        () => c.run(["members", "list", "--chain", "http://127.0.0.1:1"]),
        3,
        /no chain node answers.*127\.0\.0\.1:1/,
      ],
      [() => c.run(["members", "list", "--consortium", "none.json"]), 2, /none\.json/],
    ] as const)
      expectRefusal(await run(), exit, words);
  });

  test("a stranger is told so before anything is signed", async () => {
    giveKeystore(directory, 9, memberAccount("stranger"));
    expectRefusal(
      await c.as(9, "members", "propose", "suspend", "3"),
      2,
      /account 0x\w+ is no member of this consortium; see anamnesis admin members list/,
    );
  });

  test("a password that is wrong, missing, or open to others; and it is never told", async () => {
    const keystore = ["--keystore", join(directory, "member-1.json")];
    const run = (args: string[], env?: NodeJS.ProcessEnv) =>
      c.run(["members", "propose", "suspend", "3", ...keystore, ...args], env);
    expectRefusal(await run([]), 2, /--password-file is not given and ANAMNESIS_ACCOUNT_PASSWORD is not set/);
    const wrong = await run([], { ANAMNESIS_ACCOUNT_PASSWORD: "hunter2" });
    expectRefusal(
      wrong,
      2,
      /ANAMNESIS_ACCOUNT_PASSWORD does not open .*member-1\.json \(keystore\.password\)/,
    );
    expect(wrong.err).not.toContain("hunter2");
    const open = join(directory, "open.password");
    writeFileSync(open, "correct horse\n", { mode: 0o644 });
    expectRefusal(
      await run(["--password-file", open]),
      2,
      /open\.password is open to other users.*chmod 600/,
    );
    chmodSync(open, 0o600);
    expect((await run(["--password-file", open])).code).toBe(0);
    expect((await run([], { ANAMNESIS_ACCOUNT_PASSWORD: "correct horse" })).code).toBe(0);
  });
});

describe("a member account elsewhere", () => {
  test("behind a signer it proposes; a signer that cheats sends nothing", async () => {
    const standIn = await startStandIn(memberAccount(2).key, c.consortium.chainId);
    const signer = ["--signer", standIn.url, "--account", memberAccount(2).address];
    try {
      const made = await c.run(["members", "propose", "suspend", "3", ...signer, "-o", "raw"]);
      expect([made.code, made.err]).toEqual([0, ""]);
      await c.pass(1);
      standIn.fault = "other data";
      const vote = ["members", "vote", made.out.trim(), "for"];
      expectRefusal(await c.run([...vote, ...signer]), 2, /other|the data 0x.*nothing was sent/);
      standIn.fault = "HTTP 500";
      expectRefusal(await c.run([...vote, ...signer]), 3, /did not answer eth_signTransaction: HTTP 500/);
      standIn.fault = "none";
      expect((await c.run([...vote, ...signer])).code).toBe(0);
      expectRefusal(
        await c.run([...vote, "--signer", standIn.url, "--account", memberAccount(3).address]),
        2,
        /does not hold account/,
      );
    } finally {
      await standIn.close();
    }
  });

  test("a contract is a member like others: its calls are printed, and do what they say", async () => {
    const contract = await c.deployForwarder();
    await c.as(1, "members", "execute", await decide("admit", contract));
    await c.pass(1);
    const { members } = await json("members", "list");
    expect(members.at(-1)).toMatchObject({ account: contract, isContract: true, state: "active" });

    const printed = await c.run(["members", "propose", "suspend", "3", "--print", "--account", contract]);
    expect([printed.code, printed.err]).toEqual([0, ""]);
    expect(printed.out).toMatch(/^Nothing was sent\. Submit this call through 0x/);
    expect(printed.out).toMatch(/does +propose to suspend member 3\nto +0x\w{40}\nvalue +0\ndata +0x/);
    // The address alone says that a contract speaks.
    const { call, does } = JSON.parse(
      (await c.run(["members", "propose", "suspend", "3", "--account", contract, "-o", "json"])).out,
    );
    expect(does).toBe("propose to suspend member 3");
    const before = (await json("members", "show")).proposals.length;
    await c.forward(contract, call.to, call.data);
    const { proposals } = await json("members", "show");
    expect(proposals.length).toBe(before + 1);
    expect(proposals[0]).toMatchObject({ proposer: contract, does: "suspend member 3", understood: true });

    // Its node key, added through it.
    const node = memberAccount("multisig node");
    const domain = { chainId: c.consortium.chainId, verifyingContract: c.consortium.registry };
    const proof = signDigest(createHasher(domain).possession(contract), node.key);
    const add = ["keys", "add", node.address, "--account", contract];
    const addition = await c.run([...add, "--proof", proof, "-o", "json"]);
    expect(addition.err).toBe("");
    const { call: adding } = JSON.parse(addition.out);
    await c.forward(contract, adding.to, adding.data);
    expect((await c.run(["keys", "active", node.address])).code).toBe(0);
  });
});

describe("node keys", () => {
  const KEY = memberAccount("node key");
  const proofFor = (account: Address, key = KEY) => {
    const domain = { chainId: c.consortium.chainId, verifyingContract: c.consortium.registry };
    return signDigest(createHasher(domain).possession(account), key.key);
  };
  const height = async () => Number(await c.call("eth_blockNumber", []));

  test("are added with their own word, listed, and revoked at once", async () => {
    const before = await height();
    expectRefusal(
      await c.as(2, "keys", "add", KEY.address),
      2,
      /--proof is missing; .*anamnesis node proof --account 0x/,
    );
    expectRefusal(
      await c.as(2, "keys", "add", KEY.address, "--proof", proofFor(memberAccount(1).address)),
      2,
      /--proof was not signed by key 0x\w+ for account/,
    );
    expectRefusal(
      await c.as(2, "keys", "add", KEY.address, "--proof", "0x12"),
      2,
      /no signature of 65 bytes/,
    );
    const proof = proofFor(memberAccount(2).address);
    const added = await c.as(2, "keys", "add", getAddress(KEY.address), "--proof", proof);
    expect([added.code, added.err]).toEqual([0, ""]);
    expect(added.out).toMatch(/From block \d+ on it speaks for member 2/);
    const second = memberAccount("second node key");
    const more = await c.as(
      2,
      "keys",
      "add",
      second.address,
      "--proof",
      proofFor(memberAccount(2).address, second),
    );
    expect(more.code).toBe(0);
    expectRefusal(
      await c.as(2, "keys", "add", KEY.address, "--proof", proof),
      2,
      /speaks for member 2 already/,
    );

    const { keys } = await json("keys", "list", "--member", "2");
    expect(keys).toMatchObject([
      { key: KEY.address, member: 2, state: "open" },
      { key: second.address, member: 2, state: "open" },
    ]);
    const { addedAtBlock } = keys[0];
    expect(addedAtBlock).toBeGreaterThan(before);

    expectRefusal(
      await c.as(1, "keys", "revoke", KEY.address),
      2,
      /is of member 2, whose account is 0x\w+; 0x\w+ is member 1/,
    );
    expectRefusal(await c.as(1, "keys", "revoke", NEWCOMER.address), 1, /was never added/);
    const revoked = await c.as(2, "keys", "revoke", KEY.address, "-o", "json");
    expect([revoked.code, revoked.err]).toEqual([0, ""]);
    const { revokedAtBlock } = JSON.parse(revoked.out);
    expectRefusal(
      await c.as(2, "keys", "revoke", KEY.address),
      2,
      new RegExp(`closed since block ${revokedAtBlock}`),
    );
    expectRefusal(
      await c.as(2, "keys", "add", KEY.address, "--proof", proof),
      2,
      /never returns; .*anamnesis node rekey/,
    );
    expect((await c.run(["keys", "list"])).out).toMatch(/ 2 +revoked +block \d+ +block \d+ +0 entries/);

    const active = async (block: number) =>
      (await c.run(["keys", "active", KEY.address, "--block", String(block)])).code;
    expect(await active(addedAtBlock - 1)).toBe(1);
    expect(await active(addedAtBlock)).toBe(0);
    expect(await active(revokedAtBlock - 1)).toBe(0);
    expect(await active(revokedAtBlock)).toBe(1);
    const told = await c.run(["keys", "active", KEY.address, "--block", String(addedAtBlock)]);
    expect(told.out).toMatch(
      /^Yes: 0x\w+ was active at block \d+\.\nIt was added for member 2 at block \d+ and revoked at block \d+\./,
    );
    expect((await c.run(["keys", "active", NEWCOMER.address])).out).toMatch(/^No: 0x\w+ was never added/);
  });
});

describe("at a plant", () => {
  const data = () => join(directory, "data");
  const plant = () => join(data(), "plants", "e");
  const here = (...args: string[]) => runInProcess([...args, "--data", data(), "--plant", "e"]);
  const domain = () => ({ chainId: c.consortium.chainId, verifyingContract: c.consortium.registry });
  const keystore = (member: number) => [
    "--keystore",
    join(directory, `member-${member}.json`),
    "--password-file",
    join(directory, `member-${member}.password`),
  ];
  const keyOf = () => readKeystoreAddress(join(plant(), "node.keystore.json"));

  test("its own key is added without being named, and the configuration signed", async () => {
    const file = join(directory, "consortium.json");
    const made = await here("node", "init", "--consortium", file, "--chain", c.anvil.url, "-o", "raw");
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out.trim()).toBe(keyOf());
    const added = await here("admin", "keys", "add", ...keystore(1));
    expect([added.code, added.err]).toEqual([0, ""]);
    expect((await here("admin", "keys", "active", keyOf())).code).toBe(0);
    const signed = await here("admin", "sign", ...keystore(1));
    expect([signed.code, signed.err]).toEqual([0, ""]);
    expect(signerOf()).toBe(memberAccount(1).address);
  });

  /** Who signed the plant's configuration, if it was signed as it is. */
  function signerOf(): string | undefined {
    const { digest, signature } = readConfig(join(plant(), "plant.yaml"));
    if (signature === undefined) return undefined;
    return recoverSigner(createHasher(domain()).configuration(digest), signature.signature as Signature);
  }

  test("plant.yaml may say who speaks: a signer", async () => {
    const standIn = await startStandIn(memberAccount(2).key, c.consortium.chainId);
    const file = join(plant(), "plant.yaml");
    const text = readFileSync(file, "utf8");
    try {
      writeFileSync(
        file,
        `${text}\nmember: { account: "${memberAccount(2).address}", signer: "${standIn.url}" }\n`,
      );
      expect(signerOf()).not.toBe(memberAccount(1).address);
      expect((await here("admin", "sign")).err).toBe("");
      expect(signerOf()).toBe(memberAccount(2).address);
      expect(standIn.asked).toEqual(["eth_accounts", "eth_signTypedData"]);
      standIn.fault = "another key";
      expectRefusal(await here("admin", "sign"), 2, /gave a signature that is not this account's/);
      // Options go before the file.
      expect((await here("admin", "sign", ...keystore(3))).code).toBe(0);
      expect(signerOf()).toBe(memberAccount(3).address);
    } finally {
      writeFileSync(file, text);
      await standIn.close();
    }
    expectRefusal(
      await here("admin", "sign", "--account", memberAccount(1).address),
      2,
      /is a key and signs itself; give --keystore/,
    );
  });

  test("a contract's owners are shown what they sign, and what they made of it is held against the contract", async () => {
    const { members } = await json("members", "list");
    const { account } = members.find((each: { isContract: boolean }) => each.isContract);
    const sign = (...more: string[]) => here("admin", "sign", "--account", account, ...more);
    const asked = await sign();
    expect([asked.code, asked.err]).toEqual([0, ""]);
    expect(asked.out).toMatch(
      /^Nothing was signed\. The owners of 0x\w+ \(member \d+\) sign this structure:\n\{/,
    );
    const { digest, typedData } = JSON.parse((await sign("-o", "json")).out);
    const { types, domain: inDomain, message } = typedData;
    expect(TypedDataEncoder.hash(inDomain, { Configuration: types.Configuration }, message)).toBe(digest);
    const before = signerOf();
    expectRefusal(
      await sign("--signature", `0x${"12".repeat(65)}`),
      2,
      /does not call this signature its own/,
    );
    expectRefusal(await sign("--signature", "0x1"), 2, /--signature is no signature: write 0x/);
    expectRefusal(await here("admin", "sign", ...keystore(1), "--signature", "0x"), 2, /for a contract's/);
    expect(signerOf()).toBe(before);
    // This one calls its own what begins with the digest.
    const signed = await sign("--signature", `${digest}ff`);
    expect([signed.code, signed.err]).toEqual([0, ""]);
    expect(readConfig(join(plant(), "plant.yaml")).signature).toEqual({
      signer: account,
      signature: `${digest}ff`,
    });
  });

  test("a new key keeps the old keystore, and is proved to a member account elsewhere", async () => {
    const old = keyOf();
    const made = await here("node", "rekey", "-o", "json");
    expect([made.code, made.err]).toEqual([0, ""]);
    const { key, kept } = JSON.parse(made.out);
    expect([key, readKeystoreAddress(kept)]).toEqual([keyOf(), old]);
    expect(key).not.toBe(old);
    for (const path of [kept, join(plant(), "node.keystore.json")])
      expect(statSync(path).mode & 0o077).toBe(0);

    const proof = (
      await here("node", "proof", "--account", memberAccount(2).address, "-o", "raw")
    ).out.trim();
    expectRefusal(
      await c.as(3, "keys", "add", key, "--proof", proof),
      2,
      /was not signed by key 0x\w+ for account 0x\w+; make it again: anamnesis node proof/,
    );
    expect((await c.as(2, "keys", "add", key, "--proof", proof)).code).toBe(0);
    expect((await json("keys", "list", "--member", "2")).keys.at(-1)).toMatchObject({ key, state: "open" });
  });

  test("a running node keeps its key, and secrets that others can read are refused", async () => {
    const key = keyOf();
    writeFileSync(join(plant(), "run.json"), JSON.stringify({ pid: process.pid, url: "http://127.0.0.1:1" }));
    expectRefusal(await here("node", "rekey"), 2, /is running \(process \d+\); stop it first/);
    rmSync(join(plant(), "run.json"));
    chmodSync(join(plant(), "keystore.password"), 0o644);
    expectRefusal(await here("node", "rekey"), 2, /keystore\.passwordFile: .* chmod 600/);
    chmodSync(join(plant(), "keystore.password"), 0o600);
    expectRefusal(await here("node", "proof", "--account", "0x12"), 2, /--account "0x12" is no address/);
    expect(keyOf()).toBe(key);
  });
});

test("a proposal needs the votes there were when it was made, and only from who had one", async () => {
  const place = mkdtempSync(join(tmpdir(), "anamnesis-admin-"));
  const founders = [1, 2, 3].map((n) => memberAccount(n).address);
  const [d, end] = await makeGoverned(place, founders, { ...PARAMETERS, members: 2 });
  try {
    for (const n of [1, 2, 3]) giveKeystore(place, n);
    giveKeystore(place, 4, NEWCOMER);
    await d.as(1, "members", "propose", "set R 1");
    await d.as(1, "members", "propose", "admit", NEWCOMER.address);
    await d.pass(1);
    for (const member of [1, 2]) expect((await d.as(member, "members", "vote", "2", "for")).err).toBe("");
    expect((await d.as(3, "members", "execute", "2")).out).toMatch(/4 active members; 3 votes decide/);

    const shown = async () => JSON.parse((await d.run(["members", "show", "1", "-o", "json"])).out);
    expect((await shown()).needed).toBe(2);
    expect((await d.run(["members", "show", "1"])).out).toMatch(
      /2 votes for it are missing; not voted yet: member 1, member 2, member 3\./,
    );
    expectRefusal(
      await d.as(4, "members", "vote", "1", "for"),
      2,
      /0x\w+ was no active member when proposal 1 was made, and has no vote on it/,
    );
    for (const member of [1, 3]) expect((await d.as(member, "members", "vote", "1", "for")).err).toBe("");
    expect((await shown()).state).toBe("succeeded");
  } finally {
    await end();
    rmSync(place, { recursive: true, force: true });
  }
});
