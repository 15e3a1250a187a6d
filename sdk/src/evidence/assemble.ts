/** Puts a bundle together from what a node holds; the verifier has the last word on it. */
import { concat, equalBytes, fromHex, toHex } from "../core/bytes.ts";
import { commitmentHex, decodeEntry, type Item } from "../core/entry.ts";
import { AnamnesisError } from "../core/errors.ts";
import { sha256 } from "../core/hash.ts";
import { addressOfPublicKey, compressPublicKey, recoverSigningKey } from "../core/signature.ts";
import { createHasher, type TypedDataHasher } from "../core/typed-data.ts";
import type { Address, Bytes32, Hex, Signature, Subject } from "../core/types.ts";
import { indexNodes, readByHash } from "./archive.ts";
import { idOf } from "./content.ts";
import { readHeader } from "./header.ts";
import type { FeedInput, RecordInput, SnapshotInput } from "./inputs.ts";
import { multiPath } from "./multi-path.ts";
import { encodeBundle, parseBundle } from "./parse.ts";
import { refuse } from "./refuse.ts";
import {
  proveAccounts,
  proveMemberCount,
  proveRegisters,
  proveRegistry,
  type RegistryState,
} from "./state.ts";
import { packRegister } from "./storage.ts";
import {
  type AttestationEvidence,
  BUNDLE_FORMAT,
  type ChainIdentity,
  type EvidenceBundle,
  type FeedEvidence,
  type RecordEvidence,
  type SaltedEntry,
  type Snapshot,
  type Trust,
} from "./types.ts";

/** What a bundle is assembled for. */
export interface BundleInput {
  /** Only the parts that name the chain and its contracts are used. */
  readonly trust: Pick<Trust, "chainId" | "genesisHash" | "memory" | "registry">;
  readonly snapshots: readonly SnapshotInput[];
  /** Headers, as RLP, that lead from the trusted validators to those of the snapshots. */
  readonly headers?: readonly Uint8Array[];
}

/**
 * Assembles a bundle in canonical form.
 * @throws AnamnesisError `evidence.incomplete` for what is missing: a node, an attestation, an entry, the head
 * that is anchored; and the codes of `verifyEvidence` for a state that proves something else
 */
export function assembleBundle({ trust, snapshots, headers = [] }: BundleInput): EvidenceBundle {
  const chain: ChainIdentity = {
    chainId: trust.chainId,
    genesisHash: trust.genesisHash,
    memory: trust.memory.address,
    registry: trust.registry.address,
  };
  const hasher = createHasher({ chainId: chain.chainId, verifyingContract: chain.registry });
  const all = [...headers, ...snapshots.map(({ state }) => state.header)];
  const byNumber = new Map(all.map((rlp) => [readHeader(rlp, "a header").number, toHex(rlp)] as const));
  const bundle: EvidenceBundle = {
    format: BUNDLE_FORMAT,
    chain,
    headers: [...byNumber].sort(([a], [b]) => a - b).map(([, rlp]) => rlp),
    snapshots: snapshots
      .map((input) => assembleSnapshot(input, trust, hasher))
      .sort((a, b) => a.block.number - b.block.number),
  };
  return parseBundle(encodeBundle(bundle));
}

function assembleSnapshot(
  input: SnapshotInput,
  trust: BundleInput["trust"],
  hasher: TypedDataHasher,
): Snapshot {
  const { state, feeds } = input;
  const header = readHeader(state.header, "the archived header");
  const nodes = indexNodes(state.nodes);
  const accounts = readByHash(nodes, "the accounts", (next) =>
    proveAccounts(header.stateRoot, trust, next, "the archived accounts"),
  );
  const { registry: registryRoot, memory: memoryRoot } = accounts.found;
  const memberCount = readByHash(nodes, "the registry", (next) =>
    proveMemberCount(registryRoot, next, "the archived registry"),
  ).found;
  const registryWith = (keys: readonly Address[]) =>
    readByHash(nodes, "the registry", (next) =>
      proveRegistry(registryRoot, memberCount, keys, next, "the archived registry"),
    );
  const { active } = registryWith([]).found;

  const records = input.records.map((record) => ({ ...record, subject: subjectOf(record) })).sort(bySubject);
  const subjects = records.map(({ subject }) => subject);
  const registers = readByHash(nodes, "the memory", (next) =>
    proveRegisters(memoryRoot, subjects, active, next, "the archived memory"),
  );
  const signers = createSigners();
  const stances = records.map(({ attestations, subject }, index) => {
    const words = registers.found.slice(index * active.length, (index + 1) * active.length);
    return active.flatMap((member, position): AttestationEvidence[] => {
      const word = words[position];
      if (word === undefined) return [];
      const said = attestations.find((each) =>
        equalBytes(packRegister(each, hasher.attestation(each)), word),
      );
      if (said === undefined)
        throw incomplete(`the attestation of ${subject} that member ${member}'s register holds`);
      const { subject: _, signature, ...fields } = said;
      const key = signers.add(hasher.attestation(said), signature);
      return [{ ...fields, key, member, signature: compactOf(signature) }];
    });
  });
  for (const { head } of feeds) signers.add(hasher.head(head), head.signature);
  for (const key of input.keys ?? []) signers.show(key);

  const keys = signers.sorted();
  const registry = registryWith(keys.map(({ address }) => address));
  return {
    block: { hash: header.hash, number: header.number },
    contents: contentsOf(records, stances),
    feeds: feeds.map((feed) => feedOf(feed, registry.found)).sort((a, b) => (a.feed < b.feed ? -1 : 1)),
    keys: keys.map(({ publicKey }) => publicKey),
    memberCount,
    proof: { accounts: accounts.taken, memory: registers.taken, registry: registry.taken },
    records: records.map(({ name, blind, subject }, index): RecordEvidence => {
      const attestations = stances[index] as readonly AttestationEvidence[];
      if (attestations.length === 0) throw incomplete(`an active member's register for ${subject}`);
      return { attestations, blind: toHex(blind) as Bytes32, name };
    }),
  };
}

/** Content entries that the stances commit to and that are held, each once. */
function contentsOf(
  records: readonly RecordInput[],
  stances: readonly (readonly AttestationEvidence[])[],
): readonly SaltedEntry[] {
  const wanted = new Set<Hex>(stances.flat().map(({ content }) => content));
  const shown = new Map<Hex, SaltedEntry>();
  for (const item of records.flatMap(({ contents }) => contents)) {
    const commitment = commitmentHex(item);
    if ("entry" in item && wanted.has(commitment)) shown.set(commitment, saltedOf(item));
  }
  return [...shown].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

function feedOf({ head, items, node }: FeedInput, registry: RegistryState): FeedEvidence {
  const { feed, size, root, signature } = head;
  const held = registry.keys.get(feed);
  if (held?.size !== size)
    throw incomplete(
      `the head of feed ${feed} at size ${held?.size ?? 0}, which the chain holds at the block`,
    );
  const shown = items
    .flatMap(({ index, item }) => ("entry" in item ? [{ ...saltedOf(item), index }] : []))
    .sort((a, b) => a.index - b.index);
  const indices = shown.map(({ index }) => index);
  if (indices.length === 0 || (indices.at(-1) as number) >= size)
    throw incomplete(`an entry of feed ${feed} below size ${size}`);
  const path = multiPath(node, indices, size).map((hash) => toHex(hash) as Bytes32);
  return { feed, items: shown, path, root, signature: compactOf(signature), size };
}

/** Collects the public keys of whoever signed. */
function createSigners() {
  const keys = new Map<Address, Hex>();
  const show = (publicKey: Uint8Array): Address => {
    const address = addressOfPublicKey(publicKey);
    keys.set(address, toHex(compressPublicKey(publicKey)));
    return address;
  };
  return {
    show,
    /** Throws `evidence.attestation` for what nobody signed. */
    add(digest: Uint8Array, signature: Signature): Address {
      const publicKey = recoverSigningKey(digest, signature);
      if (publicKey === undefined) throw refuse("evidence.attestation", "a signature", "is malformed");
      return show(publicKey);
    },
    /** In the order of a bundle. */
    sorted: () =>
      Array.from(keys, ([address, publicKey]) => ({ address, publicKey })).sort((a, b) =>
        a.publicKey < b.publicKey ? -1 : 1,
      ),
  };
}

function saltedOf(item: Extract<Item, { readonly entry: Uint8Array }>): SaltedEntry {
  return { entry: decodeEntry(item.entry), salt: toHex(item.salt) as Bytes32 };
}

function subjectOf({ blind, name }: RecordInput): Subject {
  return toHex(sha256(concat(blind, fromHex(idOf(name))))) as Subject;
}

function bySubject(a: { readonly subject: Subject }, b: { readonly subject: Subject }): number {
  return a.subject < b.subject ? -1 : 1;
}

/** r ‖ s of a signature. */
function compactOf(signature: Signature): Hex {
  return signature.slice(0, 130) as Hex;
}

function incomplete(what: string): AnamnesisError {
  return new AnamnesisError(
    "evidence.incomplete",
    `${what} is missing here; the bundle would prove nothing without`,
  );
}
