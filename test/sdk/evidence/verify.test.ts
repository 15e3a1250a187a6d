import { isKeyActiveAt } from "@anamnesis/sdk/core/key-activity";
import type { Bytes32 } from "@anamnesis/sdk/core/types";
import { assembleBundle } from "@anamnesis/sdk/evidence/assemble";
import { encodeBundle, parseBundle } from "@anamnesis/sdk/evidence/parse";
import type { EvidenceCode, SnapshotFacts, Verdict } from "@anamnesis/sdk/evidence/types";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
import { beforeAll, describe, expect, test } from "vitest";
import { sealedHeader } from "./qbft.ts";
import { feedOf, makeWorld, NOW, trustOf, type World, type WorldOptions } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});

/** The verdict on a bundle in which somebody changed a value, by its path, and wrote it in canonical form again. */
function verdictOn(path: string, change: unknown): Verdict {
  const bundle = structuredClone(world.bundle);
  const steps = path.split(/[.[\]]+/).filter((step) => step !== "");
  const last = steps.pop() as string;
  let at = bundle as unknown as Record<string, unknown>;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  at[last] = typeof change === "function" ? change(at[last]) : change;
  return verifyEvidence(parseBundle(encodeBundle(bundle)), world.trust);
}

const verdictOf = async (options: WorldOptions): Promise<Verdict> => {
  const { bytes, trust } = await makeWorld(options);
  return verifyEvidence(parseBundle(bytes), trust);
};

const factsOf = (verdict: Verdict): SnapshotFacts => {
  if (!verdict.verified) throw new Error(verdict.conclusion);
  return verdict.facts[0] as SnapshotFacts;
};

const failureOf = (verdict: Verdict): [code: string, field: string] => {
  if (verdict.verified) throw new Error("verified");
  return [verdict.failure.code, verdict.failure.field];
};

describe("what a bundle proves", () => {
  test("records with status, stances and content, entries of feeds, and who sealed the block", () => {
    const verdict = verifyEvidence(parseBundle(world.bytes), world.trust);
    const facts = factsOf(verdict);
    expect(facts.records.map(({ name, status }) => [name.type, status.name])).toEqual([
      ["response", "attested"],
      ["indicator", "attested"],
    ]);
    expect(facts.records[1]?.stances.map(({ member, basis, shown }) => [member, basis, shown?.kind])).toEqual(
      [
        [1, 1, "content"],
        [2, 2, "content"],
        [3, 3, undefined],
      ],
    );
    expect(facts.feeds[0]?.entries.map(({ index, entry }) => [index, entry.kind])).toEqual([
      [3, "receipt"],
      [7, "receipt"],
    ]);
    expect(facts.block).toMatchObject({ number: 7528, timestamp: NOW, validators: 4 });
    expect(facts.block.sealedBy).toHaveLength(3);
    expect(verdict.conclusion).toBe(
      "Verified: 2 records (2 attested) and 2 feed entries at block 7528 of 2027-01-15T08:00:00Z, sealed by 3 of 4 validators.",
    );
    expect(verdict.checks.every(({ result }) => result === "passed")).toBe(true);
    expect(verdict.checks.map(({ name, detail }) => `${name}: ${detail}`)).toMatchInlineSnapshot(`
      [
        "chain: chain, contracts and genesis are those of the trust file",
        "content: 3 content entries under their commitments",
        "attestations: 6 signatures by the keys shown",
        "state: code, parameters, members and 3 keys proved by storage",
        "registers: 6 registers of active members, all there or proved to be empty",
        "status: 2 statuses computed from the registers",
        "inclusion: 2 feed entries under anchored heads",
        "seals: 1 header from the trusted validators on",
      ]
    `);
  });

  test("when a key was active", () => {
    const key = factsOf(verifyEvidence(world.bundle, world.trust)).keys.find(
      ({ key: each }) => each === feedOf(2),
    );
    expect([isKeyActiveAt(key, 11), isKeyActiveAt(key, 12), isKeyActiveAt(key, 7528)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("a suspended member's register does not count and need not be shown", async () => {
    const facts = factsOf(await verdictOf({ suspended: [3], response: false }));
    expect(facts.records[0]?.status).toMatchObject({ name: "proposed", supports: 2 });
    expect(facts.members[2]).toMatchObject({ active: false });
  });

  test("two refutes refute, and one disputes", async () => {
    const support = [1, 1, 1] as const;
    const one = await verdictOf({ response: false, stances: [[...support], [2, 2, 3]] });
    expect(factsOf(one).records[0]?.status).toMatchObject({ name: "proposed", disputed: true });
    const two = await verdictOf({ response: false, stances: [[...support], [2, 2, 3], [3, 2, 3]] });
    expect(factsOf(two).records[0]?.status).toMatchObject({ name: "refuted", refutes: 2 });
  });

  test("an expired support is dormant at the block's time, whatever the clock says", async () => {
    const verdict = await verdictOf({ response: false, header: { timestamp: NOW + 86_401 } });
    expect(factsOf(verdict).records[0]?.status.name).toBe("dormant");
  });

  test("a whole feed has no path", async () => {
    const { bundle, trust } = await makeWorld({
      leaves: 100,
      shown: Array.from({ length: 100 }, (_, i) => i),
    });
    expect(bundle.snapshots[0]?.feeds[0]?.path).toEqual([]);
    expect(factsOf(verifyEvidence(bundle, trust)).feeds[0]?.entries).toHaveLength(100);
  });

  test("a hundred members, of whom three speak", async () => {
    const facts = factsOf(await verdictOf({ members: 100, indicators: 3 }));
    expect(facts.records.map(({ status }) => status.name)).toEqual([
      "attested",
      "attested",
      "attested",
      "attested",
    ]);
  });

  test("a bundle that is an object is the same as its bytes", () => {
    const copy = structuredClone(world.bundle);
    expect(verifyEvidence(copy, world.trust)).toEqual(verifyEvidence(parseBundle(world.bytes), world.trust));
  });

  test("an attestation without its content, withheld or erased", () => {
    const verdict = verdictOn("snapshots[0].contents", []);
    expect(factsOf(verdict).records[1]?.stances.map(({ shown }) => shown)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("two blocks in one bundle, over a header that leads from one to the other", async () => {
    const later = await makeWorld({ indicators: 3, header: { number: 9000 } });
    const between = sealedHeader({ number: 8000, validators: [1, 2, 3, 4] });
    const bundle = assembleBundle({
      trust: world.trust,
      snapshots: [later.input, world.input],
      headers: [between.rlp],
    });
    const verdict = verifyEvidence(bundle, world.trust);
    expect(verdict.verified && verdict.facts.map(({ block }) => block.number)).toEqual([7528, 9000]);
    expect(bundle.headers).toHaveLength(3);
  });
});

const other = `0x${"ab".repeat(32)}` as Bytes32;
const flip =
  (at: number) =>
  (hex: string): string =>
    hex.slice(0, at) + (hex[at] === "0" ? "1" : "0") + hex.slice(at + 1);
const reverse = (list: unknown[]) => [...list].reverse();
const less = (list: unknown[]) => list.slice(0, -1);
const more = (by: unknown) => (list: unknown[]) => [...list, by];
const plus = (by: number) => (value: number) => value + by;
const repeat = (list: unknown[]) => [list[0], ...list];
const swap = (a: string, b: string) => (object: Record<string, unknown>) => ({
  ...object,
  [a]: object[b],
  [b]: object[a],
});

const S = "snapshots[0]";
const R = `${S}.records[0]`;
const A = `${R}.attestations`;
const F = `${S}.feeds[0]`;

test.each<[what: string, code: EvidenceCode, field: string, path: string, change: unknown]>([
  ["another chain id", "evidence.chain", "chain.chainId", "chain.chainId", plus(1)],
  ["another genesis", "evidence.chain", "chain.genesisHash", "chain.genesisHash", other],
  ["the contracts exchanged", "evidence.chain", "chain.registry", "chain", swap("memory", "registry")],
  ["another salt", "evidence.content", `${S}.contents[0]`, `${S}.contents[0].salt`, other],
  ["contents in another order", "evidence.content", `${S}.contents[1]`, `${S}.contents`, reverse],
  ["a content there twice", "evidence.content", `${S}.contents[1]`, `${S}.contents`, repeat],
  ["a blind of another record", "evidence.record", `${S}.records[1]`, `${S}.records[1].blind`, other],
  ["records in another order", "evidence.record", `${S}.records[1]`, `${S}.records`, reverse],
  ["a record left out", "evidence.content", `${S}.contents[2]`, `${S}.records`, less],
  ["another confidence", "evidence.attestation", `${A}[0].signature`, `${A}[0].confidence`, 99],
  ["another signature", "evidence.attestation", `${A}[1].signature`, `${A}[1].signature`, flip(50)],
  ["another key of the bundle", "evidence.attestation", `${A}[0].signature`, `${A}[0].key`, feedOf(2)],
  ["attestations in another order", "evidence.attestation", `${A}[1]`, A, reverse],
  ["a member whose key it is not", "evidence.member", `${A}[2].member`, `${A}[2].member`, 4],
  ["a member there is not", "evidence.member", `${A}[2].member`, `${A}[2].member`, 5],
  ["an attestation left out", "evidence.register", R, A, less],
  ["a key that is not shown", "evidence.key", `${A}[0].key`, `${A}[0].key`, feedOf(9)],
  ["keys in another order", "evidence.key", `${S}.keys[1]`, `${S}.keys`, reverse],
  ["a key that is no point", "evidence.key", `${S}.keys[3]`, `${S}.keys`, more(`0x03${"ff".repeat(32)}`)],
  ["a member more", "evidence.member", `${S}.proof.registry`, `${S}.memberCount`, plus(1)],
  ["a member less", "evidence.proof", `${S}.proof.registry[12]`, `${S}.memberCount`, plus(-1)],
  ["a node too many", "evidence.proof", `${S}.proof.memory[7]`, `${S}.proof.memory`, more("0x80")],
  ["nodes in another order", "evidence.proof", `${S}.proof.registry[0]`, `${S}.proof.registry`, reverse],
  ["a node missing", "evidence.proof", `${S}.proof.accounts`, `${S}.proof.accounts`, less],
  ["exchanged proofs", "evidence.proof", `${S}.proof.registry[0]`, `${S}.proof`, swap("memory", "registry")],
  ["another size of a head", "evidence.head", `${F}.size`, `${F}.size`, plus(1)],
  ["another root", "evidence.head", `${F}.root`, `${F}.root`, other],
  ["another root of the same leading bits", "evidence.head", `${F}.signature`, `${F}.root`, flip(60)],
  ["an entry at another index", "evidence.inclusion", `${F}.items`, `${F}.items[0].index`, 2],
  ["an entry beyond the head", "evidence.inclusion", `${F}.items[1].index`, `${F}.items[1].index`, 11],
  ["entries in another order", "evidence.inclusion", `${F}.items[1]`, `${F}.items`, reverse],
  ["an entry of another time", "evidence.inclusion", `${F}.items`, `${F}.items[0].entry.at`, plus(1)],
  ["a path too long", "evidence.inclusion", `${F}.path`, `${F}.path`, more(other)],
  ["a path too short", "evidence.inclusion", `${F}.path`, `${F}.path`, less],
  ["a feed whose key is not shown", "evidence.key", `${F}.feed`, `${F}.feed`, feedOf(9)],
  ["a feed there twice", "evidence.inclusion", `${S}.feeds[1]`, `${S}.feeds`, repeat],
  ["another block number", "evidence.header", `${S}.block.number`, `${S}.block.number`, plus(1)],
  ["another block hash", "evidence.header", `${S}.block.hash`, `${S}.block.hash`, other],
  ["two snapshots of one block", "evidence.header", "snapshots[1].block.number", "snapshots", repeat],
  ["a header there twice", "evidence.header", "headers[1]", "headers", repeat],
])("%s is refused", (_, code, field, path, change) => {
  const verdict = verdictOn(path, change);
  expect(failureOf(verdict)).toEqual([code, field]);
  expect("facts" in verdict).toBe(false);
  expect(verdict.conclusion).toMatch(/^Not verified: /);
  expect(verdict.checks.filter(({ result }) => result === "failed")).toHaveLength(1);
});

test("proofs of another consortium are refused", async () => {
  const strangers = await makeWorld({ members: 5 });
  const verdict = verdictOn("snapshots[0].proof", strangers.bundle.snapshots[0]?.proof);
  expect(failureOf(verdict)).toEqual(["evidence.proof", "snapshots[0].proof.accounts[0]"]);
});

test("a stance that its member signed and the register does not hold is refused", async () => {
  const { bundle } = await makeWorld({ confidence: 60 });
  const verdict = verdictOn("snapshots[0].records", bundle.snapshots[0]?.records);
  expect(failureOf(verdict)).toEqual([
    "evidence.register",
    "snapshots[0].records[0].attestations[0].confidence",
  ]);
});

test("a content about another record is refused, although a member signed its commitment", async () => {
  const { bundle, trust } = await makeWorld({ foreignContent: true, response: false });
  const [code, field] = failureOf(verifyEvidence(bundle, trust));
  expect([code, field]).toEqual(["evidence.content", "snapshots[0].contents[0].entry"]);
});

test("a response is not judged without its indicator", async () => {
  const { input, trust } = await makeWorld();
  const responses = input.records.filter(({ name }) => name.type === "response");
  const bundle = assembleBundle({ trust, snapshots: [{ ...input, records: responses }] });
  expect(failureOf(verifyEvidence(bundle, trust))).toEqual([
    "evidence.record",
    "snapshots[0].records[0].name.indicator",
  ]);
});

test("another course of action is another record", () => {
  expect(verdictOn("snapshots[0].records[0].name.object.x_anamnesis_action", "isolate").verified).toBe(false);
});

test.each([
  ["registry", "evidence.code"],
  ["memory", "evidence.code"],
] as const)("other code of the %s is refused", (contract, code) => {
  const trust = { ...world.trust, [contract]: { ...world.trust[contract], codeHash: other } };
  expect(failureOf(verifyEvidence(world.bundle, trust))).toEqual([code, "snapshots[0].proof.accounts"]);
});

test("a block that too few sealed is refused, and the rest of the checks is told", async () => {
  const verdict = await verdictOf({ header: { sealers: [1, 2] } });
  expect(failureOf(verdict)).toEqual(["evidence.seal", "headers[0]"]);
  expect(verdict.checks.map(({ result }) => result)).toEqual([
    ...Array.from({ length: 7 }, () => "passed"),
    "failed",
  ]);
});

test("a block that others sealed is refused", async () => {
  expect(failureOf(await verdictOf({ header: { validators: [5, 6, 7, 8] } }))[0]).toBe("evidence.seal");
});

test("who waits is told which check has begun", async () => {
  const { bytes, trust } = await makeWorld();
  const begun = new Set<string>();
  verifyEvidence(bytes, trust, (name) => begun.add(name));
  expect([...begun].sort()).toEqual([
    "attestations",
    "chain",
    "content",
    "inclusion",
    "registers",
    "seals",
    "state",
    "status",
  ]);
});

test("a chain that nobody seals is refused, unless the trust file allows it", async () => {
  const { bundle } = await makeWorld({ unsealed: true });
  expect(failureOf(verifyEvidence(bundle, trustOf()))).toEqual(["evidence.unsealed", "headers[0]"]);
  const verdict = verifyEvidence(bundle, trustOf({ validators: [], allowUnsealed: true }));
  expect(verdict.checks.at(-1)?.detail).toBe(
    "1 header of a chain that nobody seals, as the trust file allows",
  );
  expect(verdict.conclusion).toContain("which nobody seals and the trust file allows");
  expect(factsOf(verdict).block.sealedBy).toEqual([]);
});
