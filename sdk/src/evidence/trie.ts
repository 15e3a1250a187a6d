/**
 * Many keys of one Merkle Patricia trie in one walk (Ethereum Yellow Paper, appendix D).
 *
 * All keys go down together and part where they differ, so every node is met once: a proof of many keys
 * is the list of these nodes in that order. A node that is not asked for has no place in it.
 */
import { equalBytes } from "../core/bytes.ts";
import { keccak256 } from "../core/hash.ts";
import { decodeRlp, encodeRlp, quickNode, type RlpItem } from "./rlp.ts";

/** Gives the node that a walk comes to next, by its Keccak-256. Throws when there is none. */
export type NodeSource = (hash: Uint8Array) => Uint8Array;

/** A trie that is not one: the message says how, as the rest of a sentence about a node. */
export class TrieFault extends Error {}

/** Root of a trie that holds nothing: Keccak-256 of the empty string's RLP. */
export const EMPTY_TRIE_ROOT = keccak256(Uint8Array.of(0x80));

const PATH_BYTES = 32;
const PATH_NIBBLES = 64;

/**
 * The values that a trie holds at keys, undefined where it holds none.
 *
 * @param root Keccak-256 of the root node, 32 bytes: what the whole proof rests on
 * @param paths Keccak-256 of the keys, 32 bytes each, none twice
 * @throws TrieFault for a node that is malformed, and whatever `next` throws
 */
export function lookUp(
  root: Uint8Array,
  paths: readonly Uint8Array[],
  next: NodeSource,
): readonly (Uint8Array | undefined)[] {
  const values: (Uint8Array | undefined)[] = new Array(paths.length);
  if (paths.length === 0 || equalBytes(root, EMPTY_TRIE_ROOT)) return values;
  const open = (hash: Uint8Array, isRoot: boolean): RlpItem => {
    const bytes = next(hash);
    if (bytes.length < PATH_BYTES && !isRoot)
      throw new TrieFault("is shorter than 32 bytes and belongs inside its parent");
    return quickNode(bytes) ?? decodeRlp(bytes) ?? fail("is not RLP in its only form");
  };

  /** Follows a child of a node; `from` nibbles of all these keys are behind. */
  const follow = (child: RlpItem, keys: readonly number[], from: number): void => {
    if (!(child instanceof Uint8Array)) {
      if (encodeRlp(child).length >= PATH_BYTES) fail("holds a child of 32 bytes or more");
      visit(child, keys, from);
    } else if (child.length === PATH_BYTES) visit(open(child, false), keys, from);
    else if (child.length !== 0) fail("refers to a child by neither hash nor content");
  };

  const visit = (node: RlpItem, keys: readonly number[], from: number): void => {
    if (node instanceof Uint8Array) fail("is not a list");
    else if (node.length === 17) visitBranch(node, keys, from);
    else if (node.length === 2) visitPath(node, keys, from);
    else fail("has neither 17 nor 2 items");
  };

  const visitBranch = (node: readonly RlpItem[], keys: readonly number[], from: number): void => {
    if (from >= PATH_NIBBLES) fail("lies deeper than a key is long");
    if ((node[16] as RlpItem).length !== 0) fail("holds a value in a branch");
    if (keys.length === 1) {
      const path = paths[keys[0] as number] as Uint8Array;
      follow(node[nibbleOf(path, from)] as RlpItem, keys, from + 1);
      return;
    }
    const parts: (number[] | undefined)[] = new Array(16);
    for (const key of keys) {
      const nibble = nibbleOf(paths[key] as Uint8Array, from);
      const part = parts[nibble];
      if (part === undefined) parts[nibble] = [key];
      else part.push(key);
    }
    for (let nibble = 0; nibble < 16; nibble++) {
      const part = parts[nibble];
      if (part !== undefined) follow(node[nibble] as RlpItem, part, from + 1);
    }
  };

  const visitPath = (node: readonly RlpItem[], keys: readonly number[], from: number): void => {
    const [prefix, target] = node as [RlpItem, RlpItem];
    if (!(prefix instanceof Uint8Array) || prefix.length === 0) {
      fail("has no path");
      return;
    }
    const flag = (prefix[0] as number) >> 4;
    const isOdd = (flag & 1) === 1;
    if (flag > 3 || (!isOdd && ((prefix[0] as number) & 15) !== 0)) fail("has a path of no known form");
    const isLeaf = flag >= 2;
    const length = 2 * prefix.length - (isOdd ? 1 : 2);
    if (isLeaf ? from + length !== PATH_NIBBLES : length === 0 || from + length >= PATH_NIBBLES)
      fail("has a path of the wrong length");
    const skip = isOdd ? 1 : 2;
    const fitting = keys.filter((key) => {
      const path = paths[key] as Uint8Array;
      for (let i = 0; i < length; i++)
        if (nibbleOf(path, from + i) !== nibbleOf(prefix, skip + i)) return false;
      return true;
    });
    if (!isLeaf) {
      if (fitting.length > 0) follow(target, fitting, from + length);
      return;
    }
    if (!(target instanceof Uint8Array) || target.length === 0) fail("is a leaf without a value");
    for (const key of fitting) values[key] = target as Uint8Array;
  };

  visit(
    open(root, true),
    Array.from(paths, (_, i) => i),
    0,
  );
  return values;
}

function nibbleOf(path: Uint8Array, at: number): number {
  const byte = path[at >> 1] as number;
  return (at & 1) === 0 ? byte >> 4 : byte & 15;
}

function fail(how: string): never {
  throw new TrieFault(how);
}
