/**
 * RFC 9162 Merkle trees over a flat store of complete subtrees.
 *
 * `node(level, index)` is the hash of the complete subtree of 2^level leaves that starts at leaf
 * index·2^level. Complete subtrees never change, so they can be written once and read for any proof;
 * the open edge of the tree is the frontier: one peak per set bit of the size, largest first.
 */
import { createHexWriter } from "#platform";
import { equalBytes } from "./bytes.ts";
import { AnamnesisError } from "./errors.ts";
import { sha256 } from "./hash.ts";
import type { Commitment } from "./types.ts";

/** Reads a complete subtree's hash, 32 bytes. */
export type NodeReader = (level: number, index: number) => Uint8Array;

/** A complete subtree that an append has just closed. Level 0 is the leaf itself. */
export interface ClosedNode {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** The open edge: the roots of the maximal complete subtrees, largest (leftmost) first. */
export interface Frontier {
  readonly size: number;
  readonly peaks: readonly Uint8Array[];
}

/** The frontier of nothing. */
export const EMPTY_FRONTIER: Frontier = { size: 0, peaks: [] };

const EMPTY_ROOT = sha256(new Uint8Array(0));

/** What is hashed for a leaf: 0x00 and room for a commitment. */
const outer = new Uint8Array(33);
const writeDigits = createHexWriter(outer);

/** SHA-256(0x00 ‖ commitment): the leaf of an entry, 32 bytes (RFC 9162 §2.1.1). */
export function leafHash(commitment: Uint8Array): Uint8Array {
  const bytes = commitment.length === 32 ? outer : new Uint8Array(1 + commitment.length);
  bytes.set(commitment, 1);
  return sha256(bytes);
}

/** The leaf of an entry whose commitment is at hand as hexadecimal. Throws `input.invalid` when that is not 32 bytes. */
export function leafHashOf(commitment: Commitment): Uint8Array {
  if (writeDigits(commitment.slice(2), 1) !== 32)
    throw new AnamnesisError("input.invalid", "a commitment is not 32 bytes of hexadecimal");
  return sha256(outer);
}

/** What is hashed for an inner node: 0x01 and room for two hashes. */
const inner = new Uint8Array(65);
inner[0] = 1;

/** SHA-256(0x01 ‖ left ‖ right), 32 bytes (RFC 9162 §2.1.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  inner.fill(0, 1);
  inner.set(left, 1);
  inner.set(right, 33);
  return sha256(inner);
}

/** Number of peaks of a tree: the set bits of its size. */
export function peakCount(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

/** Appends leaves (already leaf hashes) and tells which complete subtrees they closed, leaves included. */
export function appendLeaves(
  frontier: Frontier,
  leaves: readonly Uint8Array[],
): { frontier: Frontier; closed: ClosedNode[] } {
  const peaks = [...frontier.peaks];
  const closed: ClosedNode[] = [];
  let size = frontier.size;
  for (const leaf of leaves) {
    let hash = leaf;
    let level = 0;
    let index = size;
    closed.push({ level, index, hash });
    while (index % 2 === 1) {
      hash = nodeHash(peaks.pop() as Uint8Array, hash);
      index = (index - 1) / 2;
      level++;
      closed.push({ level, index, hash });
    }
    peaks.push(hash);
    size++;
  }
  return { frontier: { size, peaks }, closed };
}

/** Complete subtrees of level ≥ 1 in a tree of `size` leaves. */
export function innerCount(size: number): number {
  return size - peakCount(size);
}

/**
 * Reads what an append knows without a store: the peaks it began with and the subtrees it closed. That is
 * all that consistency paths between sizes from `from.size` on are made of.
 */
export function readAppended(from: Frontier, closed: readonly ClosedNode[]): NodeReader {
  return (level, index) => {
    const closer = (index + 1) * 2 ** level - 1; // its last leaf closed it
    const before = closer - from.size; // leaves before that one, each a node itself
    if (before < 0) return from.peaks[peakCount(Math.floor(from.size / 2 ** (level + 1)))] as Uint8Array;
    return (closed[before + innerCount(closer) - innerCount(from.size) + level] as ClosedNode).hash;
  };
}

/** The Merkle tree hash of a frontier, 32 bytes; of nothing: SHA-256 of the empty string. */
export function rootOf(frontier: Frontier): Uint8Array {
  let root = frontier.peaks.at(-1);
  if (root === undefined) return EMPTY_ROOT;
  for (let i = frontier.peaks.length - 2; i >= 0; i--) root = nodeHash(frontier.peaks[i] as Uint8Array, root);
  return root;
}

/** The frontier a tree had at `size`, read from its complete subtrees. */
export function frontierAt(node: NodeReader, size: number): Frontier {
  const peaks: Uint8Array[] = [];
  let start = 0;
  for (const width of peakWidths(size)) {
    peaks.push(node(Math.log2(width), start / width));
    start += width;
  }
  return { size, peaks };
}

/** RFC 9162 §2.1.3.1 inclusion path of leaf `index` in the first `size` leaves, deepest first. */
export function inclusionPath(node: NodeReader, index: number, size: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  descend(node, 0, size, index, path);
  return path;
}

/** RFC 9162 §2.1.3.2: whether `leaf` stands at `index` in the tree of `size` leaves with this root. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (index >= size) return false;
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equalBytes(hash, root);
}

/**
 * RFC 9162 §2.1.4.1 consistency path from the first m to the first n leaves, 0 < m ≤ n.
 *
 * `full` is SUBPROOF(m, D[n], false): the old root's nodes are never left out, as equivocation proofs
 * need it; otherwise PROOF(m, D[n]) = SUBPROOF(m, D[n], true), which omits the old root at powers of two.
 */
export function consistencyPath(node: NodeReader, m: number, n: number, full = false): Uint8Array[] {
  const path: Uint8Array[] = [];
  subproof(node, m, 0, n, !full, path);
  return path;
}

/** RFC 9162 §2.1.4.2: whether the tree (m, oldRoot) is a prefix of (n, newRoot), by PROOF(m, D[n]). */
export function verifyConsistency(
  m: number,
  oldRoot: Uint8Array,
  n: number,
  newRoot: Uint8Array,
  path: readonly Uint8Array[],
): boolean {
  if (m === 0) return path.length === 0;
  if (m === n) return path.length === 0 && equalBytes(oldRoot, newRoot);
  if (m > n) return false;
  const rebuilt = rootsFromPath(m, n, isPowerOfTwo(m) ? [oldRoot, ...path] : path);
  return rebuilt !== undefined && equalBytes(rebuilt.old, oldRoot) && equalBytes(rebuilt.new, newRoot);
}

/** The two roots that a full path (SUBPROOF with false) rebuilds, or undefined when it does not fit m < n. */
export function rootsFromPath(
  m: number,
  n: number,
  path: readonly Uint8Array[],
): { old: Uint8Array; new: Uint8Array } | undefined {
  if (m <= 0 || m >= n || path.length === 0) return undefined;
  let fn = m - 1;
  let sn = n - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  let oldHash = path[0] as Uint8Array;
  let newHash = oldHash;
  for (const sibling of path.slice(1)) {
    if (sn === 0) return undefined;
    if (fn % 2 === 1 || fn === sn) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? { old: oldHash, new: newHash } : undefined;
}

function isPowerOfTwo(value: number): boolean {
  return peakCount(value) === 1;
}

/** Widths of the maximal complete subtrees of a tree, largest first. */
function peakWidths(size: number): number[] {
  const widths: number[] = [];
  let rest = size;
  while (rest > 0) {
    const width = 2 ** Math.floor(Math.log2(rest));
    widths.push(width);
    rest -= width;
  }
  return widths;
}

/** Largest power of two below n, n > 1 (RFC 9162's k). */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** MTH of leaves [start, start + n), start aligned as RFC 9162's recursion makes it. */
export function subtreeHash(node: NodeReader, start: number, n: number): Uint8Array {
  if (isPowerOfTwo(n)) return node(Math.log2(n), start / n);
  const k = split(n);
  return nodeHash(subtreeHash(node, start, k), subtreeHash(node, start + k, n - k));
}

function descend(node: NodeReader, start: number, n: number, index: number, path: Uint8Array[]): void {
  if (n <= 1) return;
  const k = split(n);
  if (index < k) {
    descend(node, start, k, index, path);
    path.push(subtreeHash(node, start + k, n - k));
  } else {
    descend(node, start + k, n - k, index - k, path);
    path.push(subtreeHash(node, start, k));
  }
}

function subproof(
  node: NodeReader,
  m: number,
  start: number,
  n: number,
  known: boolean,
  path: Uint8Array[],
): void {
  if (m === n) {
    if (!known) path.push(subtreeHash(node, start, n));
    return;
  }
  const k = split(n);
  if (m <= k) {
    subproof(node, m, start, k, known, path);
    path.push(subtreeHash(node, start + k, n - k));
  } else {
    subproof(node, m - k, start + k, n - k, false, path);
    path.push(subtreeHash(node, start, k));
  }
}
