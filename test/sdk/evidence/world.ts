/** A consortium whose chain is nothing but tries: what a node would hold of it, and the bundle it makes of that. */

import { concat, fromHex, toHex, uintBytes } from "@anamnesis/sdk/core/bytes";
import { commitmentHex, commitmentOf, encodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { blindOf, indicatorId, responseId } from "@anamnesis/sdk/core/ids";
import { appendLeaves, EMPTY_FRONTIER, leafHash, type NodeReader, rootOf } from "@anamnesis/sdk/core/merkle";
import { signDigest } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type {
  Address,
  Attestation,
  AttestationBody,
  Basis,
  Bytes32,
  Entry,
  IndicatorId,
  Stance,
  Subject,
} from "@anamnesis/sdk/core/types";
import { assembleBundle } from "@anamnesis/sdk/evidence/assemble";
import type { ArchivedState, FeedInput, RecordInput, SnapshotInput } from "@anamnesis/sdk/evidence/inputs";
import { encodeBundle } from "@anamnesis/sdk/evidence/parse";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import {
  type EvidenceBundle,
  type RecordName,
  TRUST_FORMAT,
  type Trust,
} from "@anamnesis/sdk/evidence/types";
import { createMerkleProof, createMPT, type MerklePatriciaTrie } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { AbiCoder, keccak256 } from "ethers";
import * as oracle from "../../vectors/oracle.ts";
import { addressesOf, type HeaderSpec, sealedHeader } from "./qbft.ts";

export const NOW = 1_800_000_000;
const BLINDING_KEY = sha256(Uint8Array.of(42));
const VALIDATORS = [1, 2, 3, 4];

export interface WorldOptions {
  /** Indicators; each is supported by members 1, 2 and 3. Default 1. */
  readonly indicators?: number;
  /** Whether the first indicator has a response, supported by the same. Default true. */
  readonly response?: boolean;
  readonly members?: number;
  /** Members that are not active. */
  readonly suspended?: readonly number[];
  /** Entries of member 1's feed. Default 11. */
  readonly leaves?: number;
  /** Which of them are shown. Default 3 and 7. */
  readonly shown?: readonly number[];
  readonly stances?: readonly [member: number, stance: Stance, basis: Basis][];
  readonly header?: Partial<HeaderSpec>;
  /** Of the indicators. Default: one with characters beyond ASCII. */
  readonly name?: string;
  /** Of member 0, so to speak: member m has m more. Default 70. */
  readonly confidence?: number;
  /** The first attestation commits to content about something else. */
  readonly foreignContent?: boolean;
  /** A block as a development chain makes it. */
  readonly unsealed?: boolean;
}

export interface World {
  readonly bundle: EvidenceBundle;
  readonly bytes: Uint8Array;
  readonly trust: Trust;
  readonly input: SnapshotInput;
  readonly names: readonly RecordName[];
}

const STANCES: readonly [number, Stance, Basis][] = [
  [1, 1, 1],
  [2, 1, 2],
  [3, 1, 3],
];

export const keyOf = (member: number): Uint8Array => oracle.bytes(oracle.privateKey(member));
export const feedOf = (member: number): Address => oracle.addressOf(oracle.privateKey(member)) as Address;

export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const { indicators = 1, members = 4, leaves = 11, suspended = [], stances = STANCES } = options;
  const trust = trustOf();
  const hasher = createHasher({ chainId: trust.chainId, verifyingContract: trust.registry.address });
  const registry = await newTrie();
  const memory = await newTrie();
  const numbers = Array.from({ length: members }, (_, i) => i + 1);

  const put = async (trie: MerklePatriciaTrie, slot: string, word: Uint8Array): Promise<void> => {
    const at = word.findIndex((byte) => byte !== 0);
    if (at >= 0) await trie.put(oracle.bytes(slot), RLP.encode(word.subarray(at)));
  };
  await put(registry, word(9), pack([2, 100], [2, 2], [2, 2], [2, 3]));
  await put(registry, word(10), pack([2, members - suspended.length], [2, members]));
  for (const member of numbers) {
    const account = fromHex(oracle.addressOf(oracle.privateKey(1000 + member)));
    const active = Uint8Array.of(suspended.includes(member) ? 0 : 1);
    await put(registry, mapped("uint16", member, word(6)), concat(new Uint8Array(11), active, account));
  }

  const records: RecordInput[] = [];
  const names: RecordName[] = [];
  const addRecord = async (name: RecordName, id: Bytes32, indicator: IndicatorId): Promise<void> => {
    const blind = blindOf(BLINDING_KEY, id as IndicatorId);
    const subject = toHex(sha256(concat(blind, fromHex(id)))) as Subject;
    const contents: Item[] = [];
    const attestations: AttestationBody[] = [];
    for (const [member, stance, basis] of stances) {
      const content = contentOf(
        name,
        options.foreignContent ? (`0x${"00".repeat(32)}` as IndicatorId) : indicator,
        basis,
        options.name,
      );
      if (content !== undefined) contents.push(content);
      const attestation: Attestation = {
        subject,
        stance,
        basis,
        confidence: (options.confidence ?? 70) + member,
        validUntil: stance === 1 ? NOW + 86_400 : 0,
        version: NOW * 1000 + member,
        content: content === undefined ? (`0x${"00".repeat(32)}` as Bytes32) : commitmentHex(content),
      };
      const digest = hasher.attestation(attestation);
      attestations.push({ ...attestation, signature: signDigest(digest, keyOf(member)) });
      const slot = mapped("uint16", member, mapped("bytes32", subject, word(0)));
      await put(
        memory,
        slot,
        concat(
          digest.subarray(0, 18),
          Uint8Array.of(attestation.confidence, basis, stance),
          uintBytes(attestation.validUntil, 5),
          uintBytes(attestation.version, 6),
        ),
      );
    }
    names.push(name);
    records.push({ name, blind, attestations, contents });
  };
  for (let i = 0; i < indicators; i++) {
    const name = { type: "indicator", patternType: "stix", pattern: patternOf(i) } as const;
    await addRecord(name, indicatorId(name), indicatorId(name));
  }
  if (options.response !== false) {
    const indicator = indicatorId({ patternType: "stix", pattern: patternOf(0) });
    const object = {
      type: "course-of-action",
      spec_version: "2.1",
      name: "block the address",
      x_anamnesis_action: "block",
    } as const;
    await addRecord({ type: "response", indicator, object }, responseId(indicator, object), indicator);
  }

  const feed = makeFeed(leaves, hasher, options.shown ?? [3, 7]);
  for (const member of numbers) {
    const head = member === 1 && leaves > 0 ? feed.head : undefined;
    await put(
      registry,
      mapped("address", feedOf(member), word(8)),
      concat(
        head === undefined ? new Uint8Array(21) : fromHex(head.root).subarray(0, 21),
        uintBytes(head?.size ?? 0, 5),
        uintBytes(0, 4),
        uintBytes(member, 2),
      ),
    );
    await put(registry, mapped("address", feedOf(member), word(11)), pack([4, 10 + member]));
  }

  const state = await newTrie();
  const account = (storageRoot: Uint8Array, codeHash: string) =>
    RLP.encode([1, 0, storageRoot, oracle.bytes(codeHash)]);
  await state.put(fromHex(trust.registry.address), account(registry.root(), trust.registry.codeHash));
  await state.put(fromHex(trust.memory.address), account(memory.root(), trust.memory.codeHash));
  for (let i = 0; i < 40; i++)
    await state.put(sha256(Uint8Array.of(i)).subarray(0, 20), account(memory.root(), trust.memory.codeHash));

  const { rlp } = sealedHeader({
    number: 7528,
    timestamp: NOW,
    validators: VALIDATORS,
    ...(options.unsealed === true && { mixHash: `0x${"66".repeat(32)}` }),
    ...options.header,
    stateRoot: state.root(),
  });
  const archived: ArchivedState = {
    header: rlp,
    nodes: await nodesOf([
      [state, [fromHex(trust.registry.address), fromHex(trust.memory.address)]],
      [registry, registryKeys(numbers)],
      [memory, registersOf(records, numbers)],
    ]),
  };
  const input: SnapshotInput = { state: archived, records, feeds: leaves > 0 ? [feed] : [] };
  const bundle = assembleBundle({ trust, snapshots: [input] });
  return { bundle, bytes: encodeBundle(bundle), trust, input, names };
}

/** The trust file of every world. */
export function trustOf(changes: Readonly<Record<string, unknown>> = {}): Trust {
  return parseTrust(
    JSON.stringify({
      format: TRUST_FORMAT,
      chainId: 20_262,
      genesisHash: oracle.hex(oracle.sha256("genesis")),
      registry: {
        address: oracle.addressOf(oracle.privateKey(1)).replace(/^0x../, "0xaa"),
        codeHash: oracle.hex(oracle.sha256("registry code")),
      },
      memory: {
        address: oracle.addressOf(oracle.privateKey(2)).replace(/^0x../, "0xbb"),
        codeHash: oracle.hex(oracle.sha256("memory code")),
      },
      validators: [{ block: 0, addresses: addressesOf(VALIDATORS) }],
      ...changes,
    }),
  );
}

/** Member 1's feed: sightings and receipts by turns. */
function makeFeed(
  leaves: number,
  hasher: ReturnType<typeof createHasher>,
  shown: readonly number[],
): FeedInput {
  const items = Array.from({ length: leaves }, (_, index) => itemOf(feedEntry(index)));
  const { frontier, closed } = appendLeaves(EMPTY_FRONTIER, items.map(commitmentOf).map(leafHash));
  const nodes = new Map(closed.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  const node: NodeReader = (level, index) => nodes.get(`${level}/${index}`) as Uint8Array;
  const head = { feed: feedOf(1), size: leaves, root: toHex(rootOf(frontier)) as Bytes32 };
  return {
    head: { ...head, signature: signDigest(hasher.head(head), keyOf(1)) },
    items: shown.filter((i) => i < leaves).map((index) => ({ index, item: items[index] as Item })),
    node,
  };
}

function feedEntry(index: number): Entry {
  const indicator = indicatorId({ patternType: "stix", pattern: patternOf(index) });
  const envelope = { at: NOW * 1000 + index, tlp: "amber" } as const;
  if (index % 2 === 0) {
    const body = { indicator, firstMs: NOW * 1000, lastMs: NOW * 1000 + index, count: index + 1 };
    return { ...envelope, kind: "sighting", body };
  }
  const expiresAtMs = (NOW + 86_400) * 1000;
  const done = { action: "block", state: "verified", proof: "enforced", expiresAtMs } as const;
  return { ...envelope, kind: "receipt", body: { indicator, control: "edge", kind: "nftables", ...done } };
}

/** What an attestation of this basis stands on; nothing for an analyst's. */
function contentOf(
  name: RecordName,
  indicator: IndicatorId,
  basis: Basis,
  label = "scanner with a “quoted” name",
): Item | undefined {
  const envelope = { at: NOW * 1000, tlp: "green", kind: "content" } as const;
  const result = {
    events: 4000,
    hours: 12.5,
    hits: 0,
    dataset: oracle.hex(oracle.sha256("benign")) as Bytes32,
  };
  if (basis === 2) return itemOf({ ...envelope, body: { type: "validation", indicator, result } });
  if (basis === 3) return undefined;
  if (name.type === "response") return itemOf({ ...envelope, body: { ...name } });
  const object = {
    type: "indicator",
    spec_version: "2.1",
    id: "indicator--00000000-0000-5000-8000-000000000000",
    created: "2027-01-15T08:00:00.000Z",
    modified: "2027-01-15T08:00:00.000Z",
    name: label,
    indicator_types: ["malicious-activity"],
    pattern: name.pattern,
    pattern_type: name.patternType,
    valid_from: "2027-01-15T08:00:00.000Z",
  } as const;
  return itemOf({ ...envelope, body: { type: "indicator", object } });
}

const patternOf = (i: number): string => `[ipv4-addr:value = '198.51.${i >> 8}.${i & 255}']`;

function itemOf(entry: Entry): Item {
  const bytes = encodeEntry(entry);
  return { salt: sha256(concat(Uint8Array.of(7), bytes)), entry: bytes };
}

// ── tries by an independent implementation ───────────────────────────────────────────────────

const newTrie = () => createMPT({ useKeyHashing: true });
const word = (slot: number): string => `0x${slot.toString(16).padStart(64, "0")}`;
const mapped = (type: string, key: unknown, slot: string): string =>
  keccak256(AbiCoder.defaultAbiCoder().encode([type, "uint256"], [key, slot]));

/** Whole numbers from the most significant on, as [bytes, value]. */
const pack = (...fields: readonly [bytes: number, value: number][]): Uint8Array => {
  const packed = concat(...fields.map(([length, value]) => uintBytes(value, length)));
  return concat(new Uint8Array(32 - packed.length), packed);
};

const registryKeys = (members: readonly number[]): Uint8Array[] =>
  [
    word(9),
    word(10),
    ...members.flatMap((member) => [
      mapped("uint16", member, word(6)),
      mapped("address", feedOf(member), word(8)),
      mapped("address", feedOf(member), word(11)),
    ]),
  ].map((slot) => oracle.bytes(slot));

const registersOf = (records: readonly RecordInput[], members: readonly number[]): Uint8Array[] =>
  records.flatMap(({ attestations }) =>
    members.map((member) =>
      oracle.bytes(mapped("uint16", member, mapped("bytes32", attestations[0]?.subject, word(0)))),
    ),
  );

async function nodesOf(
  wanted: readonly (readonly [MerklePatriciaTrie, readonly Uint8Array[]])[],
): Promise<Uint8Array[]> {
  const nodes = new Map<string, Uint8Array>();
  for (const [trie, keys] of wanted)
    for (const key of keys)
      for (const node of await createMerkleProof(trie, key)) nodes.set(toHex(node), node);
  return [...nodes.values()];
}
