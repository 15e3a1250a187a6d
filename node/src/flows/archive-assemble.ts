/*
 * From what a node holds to the bytes of a bundle: what cannot be proved whole is left out by name. Pure and
 * slow (every signature's key is recovered, every node hashed), so a node runs it in a thread of its own.
 */
import { concat, equalBytes, fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { createHasher, type TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Bytes32, MemberNumber, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import { indexNodes, readByHash } from "@anamnesis/sdk/evidence/archive";
import { assembleBundle, type BundleInput } from "@anamnesis/sdk/evidence/assemble";
import { idOf } from "@anamnesis/sdk/evidence/content";
import { readHeader } from "@anamnesis/sdk/evidence/header";
import type { ArchivedState, FeedInput, RecordInput } from "@anamnesis/sdk/evidence/inputs";
import { encodeBundle, MAX_BUNDLE_BYTES } from "@anamnesis/sdk/evidence/parse";
import {
  proveAccounts,
  proveMemberCount,
  proveRegisters,
  proveRegistry,
} from "@anamnesis/sdk/evidence/state";
import { packRegister } from "@anamnesis/sdk/evidence/storage";
import type { EvidenceReport } from "../api.ts";

/** A feed's entries with the subtrees that their path is made of, as plain values. */
export interface FeedMaterial {
  readonly head: SignedHead;
  readonly items: FeedInput["items"];
  readonly nodes: readonly (readonly [level: number, index: number, hash: Uint8Array])[];
}

/** What is to be proved at one block. */
export interface SnapshotMaterial {
  readonly source: "chain" | "archive";
  readonly state: ArchivedState;
  readonly records: readonly RecordInput[];
  readonly feeds: readonly FeedMaterial[];
}

/** All of a bundle, as plain values that can be handed to another thread. */
export interface Material {
  readonly trust: BundleInput["trust"];
  readonly snapshots: readonly SnapshotMaterial[];
  readonly headers: readonly Uint8Array[];
}

/** A bundle's bytes and what is in it. */
export interface Assembled extends Pick<EvidenceReport, "snapshots" | "left" | "sha256"> {
  readonly bundle: Uint8Array;
}

/**
 * Assembles a bundle.
 * @throws AnamnesisError `evidence.incomplete` when nothing is left that can be proved, `input.tooLarge`
 */
export function assemble({ trust, snapshots, headers }: Material): Assembled {
  const hasher = createHasher({ chainId: trust.chainId, verifyingContract: trust.registry.address });
  const left = new Map<Bytes32, string>();
  const fitting = snapshots.flatMap((snapshot) => {
    const fit = fitSnapshot(snapshot, trust, hasher);
    for (const { record, reason } of fit.left) left.set(record, reason);
    return fit.records.length > 0 ? [{ ...snapshot, records: fit.records }] : [];
  });
  const [first] = left;
  if (fitting.length === 0)
    throw new AnamnesisError(
      "evidence.incomplete",
      first === undefined
        ? "nothing here can be proved: none of these records is recorded on the chain"
        : `nothing here can be proved: record ${first[0]} ${first[1]}${left.size > 1 ? `, and ${left.size - 1} more` : ""}`,
    );
  const assembled = assembleBundle({
    trust,
    headers,
    snapshots: fitting.map(({ state, records, feeds }) => ({ state, records, feeds: feeds.map(inputOf) })),
  });
  const bundle = encodeBundle(assembled);
  if (bundle.length > MAX_BUNDLE_BYTES)
    throw new AnamnesisError(
      "input.tooLarge",
      `the bundle would have ${bundle.length} bytes, ${MAX_BUNDLE_BYTES} are read; export fewer records at once`,
    );
  return {
    bundle,
    sha256: toHex(sha256(bundle)) as Bytes32,
    left: Array.from(left, ([record, reason]) => ({ record, reason })),
    snapshots: assembled.snapshots.map(({ block, records, feeds }) => ({
      block: block.number,
      source: sourceOf(fitting, block.number),
      records: records.length,
      entries: feeds.reduce((sum, { items }) => sum + items.length, 0),
    })),
  };
}

interface Fit {
  readonly records: readonly RecordInput[];
  readonly left: EvidenceReport["left"];
}

/** The records whose every register of an active member is held here as it was signed. */
function fitSnapshot(
  { state, records }: SnapshotMaterial,
  trust: BundleInput["trust"],
  hasher: TypedDataHasher,
): Fit {
  const { stateRoot } = readHeader(state.header, "the header");
  const nodes = indexNodes(state.nodes);
  const roots = readByHash(nodes, "the accounts", (next) =>
    proveAccounts(stateRoot, trust, next, "the accounts"),
  ).found;
  const count = readByHash(nodes, "the registry", (next) =>
    proveMemberCount(roots.registry, next, "the registry"),
  ).found;
  const { active } = readByHash(nodes, "the registry", (next) =>
    proveRegistry(roots.registry, count, [], next, "the registry"),
  ).found;
  const subjects = records.map(subjectOf);
  const words = readByHash(nodes, "the memory", (next) =>
    proveRegisters(roots.memory, subjects, active, next, "the memory"),
  ).found;

  const reasons = records.map((record, index) =>
    missingOf(record, active, words.slice(index * active.length, (index + 1) * active.length), hasher),
  );
  const kept = records.filter((_, index) => reasons[index] === undefined);
  const indicators = new Set(kept.flatMap(({ name }) => (name.type === "indicator" ? [idOf(name)] : [])));
  const isProvable = ({ name }: RecordInput) => name.type === "indicator" || indicators.has(name.indicator);
  return {
    records: kept.filter(isProvable),
    left: [
      ...records.flatMap((record, index) => {
        const reason = reasons[index];
        // A response that nobody answered is no record yet.
        const isSilent = record.name.type === "response" && reason === NOT_RECORDED;
        return reason === undefined || isSilent ? [] : [{ record: idOf(record.name), reason }];
      }),
      ...kept
        .filter((record) => !isProvable(record))
        .map(({ name }) => ({
          record: idOf(name),
          reason: "is a response whose indicator cannot be proved",
        })),
    ],
  };
}

const NOT_RECORDED = "is not recorded: no active member's register holds anything";

/** Why a record cannot be proved at the block; undefined when it can. */
function missingOf(
  { attestations }: RecordInput,
  active: readonly MemberNumber[],
  words: readonly (Uint8Array | undefined)[],
  hasher: TypedDataHasher,
): string | undefined {
  if (words.every((word) => word === undefined)) return NOT_RECORDED;
  const held = attestations.map((each) => packRegister(each, hasher.attestation(each)));
  const missing = active.find((_, position) => {
    const word = words[position];
    return word !== undefined && !held.some((each) => equalBytes(each, word));
  });
  return missing === undefined
    ? undefined
    : `lacks here what member ${missing}'s register holds; sync fetches it`;
}

function subjectOf({ blind, name }: RecordInput): Subject {
  return toHex(sha256(concat(blind, fromHex(idOf(name))))) as Subject;
}

function inputOf({ head, items, nodes }: FeedMaterial): FeedInput {
  const byPlace = new Map(nodes.map(([level, index, hash]) => [`${level}/${index}`, hash] as const));
  return {
    head,
    items,
    node(level, index) {
      const hash = byPlace.get(`${level}/${index}`);
      if (hash !== undefined) return hash;
      throw new AnamnesisError("evidence.incomplete", `a subtree of feed ${head.feed} is missing here`);
    },
  };
}

function sourceOf(snapshots: readonly SnapshotMaterial[], block: number): "chain" | "archive" {
  return (
    snapshots.find(({ state }) => readHeader(state.header, "the header").number === block)?.source ?? "chain"
  );
}
