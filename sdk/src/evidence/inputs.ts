/** What a bundle is assembled from: answers of an RPC node, entries of feeds, and nothing secret. */
import type { Item } from "../core/entry.ts";
import type { NodeReader } from "../core/merkle.ts";
import type { AttestationBody, Bytes32, Hex, MemberNumber, SignedHead } from "../core/types.ts";
import type { RecordName } from "./types.ts";

/** The parts of an `eth_getProof` result that are used (EIP-1186). */
export interface RpcProof {
  readonly accountProof: readonly Hex[];
  readonly storageProof: readonly { readonly proof: readonly Hex[] }[];
}

/** An `eth_getBlockByNumber` result: quantities and bytes in hexadecimal. */
export type RpcBlock = Readonly<Record<string, unknown>>;

/** A block with the trie nodes that prove what was asked: what a node archives, since history is pruned. */
export interface ArchivedState {
  /** RLP of the header. */
  readonly header: Uint8Array;
  /** Trie nodes of all three tries in any order, each once. */
  readonly nodes: readonly Uint8Array[];
}

/** Which members there are at a block, as the registry says. */
export interface MembersAtBlock {
  /** All numbers from 1 to this. */
  readonly count: number;
  readonly active: readonly MemberNumber[];
}

/** Storage slots to ask `eth_getProof` for, by contract. */
export interface ProofSlots {
  readonly memory: readonly Bytes32[];
  readonly registry: readonly Bytes32[];
}

/** A record to be proved. */
export interface RecordInput {
  readonly name: RecordName;
  /** HMAC-SHA-256(K, id), 32 bytes: see `blindOf`. */
  readonly blind: Uint8Array;
  /** Whatever attestations are held of its subject: those that match a register are taken. */
  readonly attestations: readonly AttestationBody[];
  /** Whatever content is held: entries that a taken attestation commits to are taken. */
  readonly contents: readonly Item[];
}

/** Entries of a feed to be proved under the head that is anchored at the block. */
export interface FeedInput {
  readonly head: SignedHead;
  /** Any order; items without an entry (withheld, erased) are left out. */
  readonly items: readonly { readonly index: number; readonly item: Item }[];
  /** Reads complete subtrees of the feed. */
  readonly node: NodeReader;
}

/** What is to be proved at one block. */
export interface SnapshotInput {
  readonly state: ArchivedState;
  readonly records: readonly RecordInput[];
  readonly feeds: readonly FeedInput[];
  /** Public keys (33 or 65 bytes) to be shown beside those that signed: to prove when they were active. */
  readonly keys?: readonly Uint8Array[];
}
