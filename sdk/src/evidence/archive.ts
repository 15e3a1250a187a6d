/** A block with the trie nodes that prove what was asked: what a node keeps, since history is pruned elsewhere. */
import { fromHex, toHex } from "../core/bytes.ts";
import { AnamnesisError } from "../core/errors.ts";
import { keccak256 } from "../core/hash.ts";
import type { Address, Bytes32, Hex, Subject } from "../core/types.ts";
import { headerOfRpcBlock } from "./header-rpc.ts";
import type { ArchivedState, MembersAtBlock, ProofSlots, RpcBlock, RpcProof } from "./inputs.ts";
import { decodeRlp, encodeRlp } from "./rlp.ts";
import { memorySlots, registrySlots } from "./state.ts";
import type { NodeSource } from "./trie.ts";

/** The slots to ask `eth_getProof` for, so that keys and subjects can be proved at a block. */
export function proofSlots(
  members: MembersAtBlock,
  keys: readonly Address[],
  subjects: readonly Subject[],
): ProofSlots {
  const hex = (slots: Iterable<Uint8Array>) => Array.from(slots, (slot) => toHex(slot) as Bytes32);
  return {
    registry: hex(registrySlots(members.count, keys)),
    memory: hex(memorySlots(subjects, members.active)),
  };
}

/**
 * Keeps of an RPC node's answers what proves: the header and every trie node once.
 * @throws AnamnesisError `evidence.incomplete` when the header does not give the block's hash
 */
export function archiveState(block: RpcBlock, proofs: readonly RpcProof[]): ArchivedState {
  const nodes = new Set<Hex>();
  for (const { accountProof, storageProof } of proofs) {
    for (const node of accountProof) nodes.add(node);
    for (const { proof } of storageProof) for (const node of proof) nodes.add(node);
  }
  return { header: headerOfRpcBlock(block), nodes: Array.from(nodes, fromHex) };
}

/** Several archives of one block as one, each node once. Throws `evidence.incomplete` for different blocks. */
export function joinStates(states: readonly [ArchivedState, ...ArchivedState[]]): ArchivedState {
  const header = toHex(states[0].header);
  if (states.some((state) => toHex(state.header) !== header))
    throw new AnamnesisError("evidence.incomplete", "states of different blocks prove nothing together");
  const nodes = new Map(states.flatMap((state) => state.nodes.map((node) => [toHex(node), node] as const)));
  return { header: states[0].header, nodes: [...nodes.values()] };
}

/** Bytes of an archive: RLP of [header, [node…]]. */
export function encodeState(state: ArchivedState): Uint8Array {
  return encodeRlp([state.header, state.nodes]);
}

/** An archive from its bytes. Throws `evidence.incomplete`. */
export function decodeState(bytes: Uint8Array): ArchivedState {
  const state = decodeRlp(bytes);
  const [header, nodes] = state instanceof Uint8Array || state === undefined ? [] : state;
  if (
    header instanceof Uint8Array &&
    Array.isArray(nodes) &&
    nodes.every((node) => node instanceof Uint8Array)
  )
    return { header, nodes };
  throw new AnamnesisError("evidence.incomplete", "an archived state is damaged; ask an archive node again");
}

/**
 * Finds nodes by their hash, and tells in which order a walk took them.
 * @throws AnamnesisError `evidence.incomplete` for a node that the archive lacks
 */
export function readByHash<T>(
  nodes: ReadonlyMap<string, Uint8Array>,
  what: string,
  walk: (next: NodeSource) => T,
): { readonly found: T; readonly taken: readonly Hex[] } {
  const taken: Hex[] = [];
  const found = walk((hash) => {
    const node = nodes.get(toHex(hash));
    if (node === undefined)
      throw new AnamnesisError(
        "evidence.incomplete",
        `the archived state lacks a node of ${what} with hash ${toHex(hash)}; ask an archive node for this block`,
      );
    taken.push(toHex(node));
    return node;
  });
  return { found, taken };
}

/** Nodes by their Keccak-256. */
export function indexNodes(nodes: readonly Uint8Array[]): ReadonlyMap<string, Uint8Array> {
  return new Map(nodes.map((node) => [toHex(keccak256(node)), node]));
}
