/**
 * Many leaves of one RFC 9162 tree under its root.
 *
 * The path holds the roots of the largest subtrees without any of the leaves, from left to right: of all
 * leaves it is empty, of one it is as long as an inclusion path.
 */
import { type NodeReader, nodeHash, subtreeHash } from "../core/merkle.ts";

/** The path of leaves (indices ascend, each below `size`) of the first `size` leaves. */
export function multiPath(node: NodeReader, indices: readonly number[], size: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  let next = 0;
  const visit = (start: number, count: number): void => {
    const index = indices[next];
    if (index === undefined || index >= start + count) {
      path.push(subtreeHash(node, start, count));
    } else if (count === 1) {
      next++;
    } else {
      const left = leftWidth(count);
      visit(start, left);
      visit(start + left, count - left);
    }
  };
  visit(0, size);
  return path;
}

/** The root that leaves and their path give; undefined unless all of the path belongs to it. */
export function rootOfMultiPath(
  leafAt: (position: number) => Uint8Array,
  indices: readonly number[],
  size: number,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  let next = 0;
  let used = 0;
  const visit = (start: number, count: number): Uint8Array | undefined => {
    const index = indices[next];
    if (index === undefined || index >= start + count) return path[used++];
    if (count === 1) return leafAt(next++);
    const left = leftWidth(count);
    const a = visit(start, left);
    const b = a && visit(start + left, count - left);
    return a && b && nodeHash(a, b);
  };
  const root = visit(0, size);
  return used === path.length && next === indices.length ? root : undefined;
}

/** Largest power of two below n, n > 1 (RFC 9162's k). */
function leftWidth(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
