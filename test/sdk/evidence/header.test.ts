import { readFileSync } from "node:fs";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { type Header, readHeader } from "@anamnesis/sdk/evidence/header";
import { followSeals } from "@anamnesis/sdk/evidence/seals";
import type { Trust } from "@anamnesis/sdk/evidence/types";
import { RLP } from "@ethereumjs/rlp";
import { expect, test } from "vitest";

interface SealedVector {
  readonly id: string;
  readonly headerRlp: string;
  readonly validators: string[];
  readonly commitHash?: string;
  readonly blockHash?: string;
  readonly signers?: string[];
  readonly derived?: { commitHash: string; blockHash: string; signers: string[] };
}

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/evidence/qbft-vectors.json", import.meta.url), "utf8"),
) as {
  headers: [SealedVector, { header: { qbft_block_header: Record<string, string | number> } }];
  selfComputedHeaders: SealedVector[];
  extraData: { id: string; rlp: string; validators?: string[]; round?: number }[];
  staleExtraData: { rlpNullVote: string; rlpDropVote: string };
};
const SEALED = [vectors.headers[0], ...vectors.selfComputedHeaders];
const BESU = vectors.headers[0];

const trusting = (validators: readonly string[]) =>
  ({ validators: [{ block: 0, addresses: validators }] }) as unknown as Trust;
const seal = (header: Header, validators: readonly string[]) =>
  followSeals([header], trusting(validators), (index) => `headers[${index}]`);
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "done";
  } catch (error) {
    if (error instanceof AnamnesisError) return error.code;
    throw error;
  }
};

type Extra = [
  vanity: Uint8Array,
  validators: Uint8Array[],
  vote: unknown,
  round: Uint8Array,
  seals: Uint8Array[],
];
interface Change {
  readonly fields?: (fields: Uint8Array[]) => unknown;
  readonly extra?: (extra: Extra) => unknown;
}

/** A header with other fields, or another extraData. */
function changed(rlp: string, { fields: changeFields, extra: changeExtra }: Change): Uint8Array {
  const fields = RLP.decode(fromHex(rlp)) as Uint8Array[];
  const extra = RLP.decode(fields[12]) as unknown as Extra;
  changeExtra?.(extra);
  fields[12] = RLP.encode(extra as never);
  changeFields?.(fields);
  return RLP.encode(fields);
}

const put = <T>(list: T[], at: number, value: T): void => {
  list[at] = value;
};
const setByte = (bytes: Uint8Array | undefined, at: number, value: number): void => {
  if (bytes !== undefined) bytes[at] = value;
};

test.each(SEALED)("$id gives its commit hash, block hash and signers", (vector) => {
  const expected = vector.derived ?? vector;
  const header = readHeader(fromHex(vector.headerRlp), "the header");
  expect(toHex(header.qbft?.commitHash as Uint8Array)).toBe(expected.commitHash);
  expect(header.hash).toBe(expected.blockHash);
  expect(header.qbft?.validators).toEqual(vector.validators);
  const [block] = seal(header, vector.validators);
  expect(block?.sealedBy).toEqual([...(expected.signers as string[])].sort());
});

test("the live header of Besu is block 7528", () => {
  const { number, timestamp, qbft, stateRoot } = readHeader(fromHex(BESU.headerRlp), "the header");
  expect([number, timestamp, qbft?.round]).toEqual([7528, 1_715_495_307, 1]);
  expect(toHex(stateRoot)).toBe((BESU as unknown as { stateRoot: string }).stateRoot);
});

test("headers of the codec before QBFT was final are refused", () => {
  const { qbft_block_header: old } = vectors.headers[1].header;
  const order =
    "parentHash ommersHash coinbase stateRoot transactionsRoot receiptsRoot logsBloom difficulty number gasLimit gasUsed timestamp extraData mixHash";
  const fields = order.split(" ").map((name) => old[name] as string | number);
  const rlp = RLP.encode([...fields, new Uint8Array(8)]);
  expect(codeOf(() => readHeader(rlp, "the header"))).toBe("evidence.header");
});

test.each([
  ["no vote as the empty string", vectors.staleExtraData.rlpNullVote],
  ["a dropping vote as zero", vectors.staleExtraData.rlpDropVote],
  ["an empty vanity", vectors.extraData.find(({ id }) => id === "goquorum-round5")?.rlp as string],
])("extraData with %s is refused", (_, extra) => {
  const rlp = changed(BESU.headerRlp, { fields: (fields) => put(fields, 12, fromHex(extra)) });
  expect(codeOf(() => readHeader(rlp, "the header"))).toBe("evidence.header");
});

test.each(["besu-codec-raw", "elc-1-validator"])("extraData of %s is read", (id) => {
  const vector = vectors.extraData.find((each) => each.id === id) as { rlp: string; round: number };
  const rlp = changed(BESU.headerRlp, { fields: (fields) => put(fields, 12, fromHex(vector.rlp)) });
  expect(readHeader(rlp, "the header").qbft?.round).toBe(vector.round);
});

test.each<[string, string, Change]>([
  ["two seals swapped", "done", { extra: ([, , , , seals]) => seals.reverse() }],
  [
    "a seal there twice",
    "evidence.seal",
    { extra: ([, , , , seals]) => put(seals, 2, seals[0] as Uint8Array) },
  ],
  ["two of four seals", "evidence.seal", { extra: ([, , , , seals]) => seals.pop() }],
  ["another recovery bit", "evidence.seal", { extra: ([, , , , seals]) => setByte(seals[0], 64, 1) }],
  ["a recovery bit of 2", "evidence.seal", { extra: ([, , , , seals]) => setByte(seals[0], 64, 2) }],
  ["another round", "evidence.seal", { extra: (extra) => put(extra, 3, Uint8Array.of(2)) }],
  ["another vanity", "evidence.seal", { extra: ([vanity]) => setByte(vanity, 0, 1) }],
  ["another state root", "evidence.seal", { fields: (fields) => setByte(fields[3], 0, 1) }],
  ["validators out of order", "evidence.header", { extra: ([, validators]) => validators.reverse() }],
  [
    "a seal of 64 bytes",
    "evidence.header",
    { extra: ([, , , , seals]) => put(seals, 0, (seals[0] as Uint8Array).subarray(0, 64)) },
  ],
  ["a round of zero as a byte", "evidence.header", { extra: (extra) => put(extra, 3, Uint8Array.of(0)) }],
  [
    "a leading zero in its round",
    "evidence.header",
    { extra: (extra) => put(extra, 3, Uint8Array.of(0, 1)) },
  ],
  ["another difficulty", "evidence.header", { fields: (fields) => put(fields, 7, Uint8Array.of(2)) }],
  ["a field less", "evidence.header", { fields: (fields) => fields.pop() }],
  ["another mixHash", "evidence.unsealed", { fields: (fields) => setByte(fields[13], 0, 1) }],
])("a header with %s: %s", (_, code, change) => {
  const rlp = changed(BESU.headerRlp, change);
  expect(codeOf(() => seal(readHeader(rlp, "the header"), BESU.validators))).toBe(code);
});

test("a changed round changes what is sealed and not the block's hash", () => {
  const [one, two] = [1, 2].map((round) =>
    readHeader(changed(BESU.headerRlp, { extra: (extra) => put(extra, 3, Uint8Array.of(round)) }), "it"),
  ) as [Header, Header];
  expect(two.hash).toBe(one.hash);
  expect(toHex(two.qbft?.commitHash as Uint8Array)).not.toBe(toHex(one.qbft?.commitHash as Uint8Array));
});

test("a header with a byte after its end is refused", () => {
  const rlp = Uint8Array.of(...fromHex(BESU.headerRlp), 0);
  expect(codeOf(() => readHeader(rlp, "the header"))).toBe("evidence.header");
});

test("seals of others than the trusted validators are refused", () => {
  const header = readHeader(fromHex(BESU.headerRlp), "the header");
  const others = (vectors.selfComputedHeaders[0] as SealedVector).validators;
  expect(codeOf(() => seal(header, others))).toBe("evidence.seal");
});
