import { toHex } from "@anamnesis/sdk/core/bytes";
import { sha256 } from "@anamnesis/sdk/core/hash";
import {
  appendLeaves,
  consistencyPath,
  EMPTY_FRONTIER,
  type Frontier,
  frontierAt,
  inclusionPath,
  leafHash,
  leafHashOf,
  type NodeReader,
  nodeHash,
  readAppended,
  rootOf,
  rootsFromPath,
  verifyConsistency,
  verifyInclusion,
} from "@anamnesis/sdk/core/merkle";
import type { Commitment } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, readVectors } from "./vectors.ts";

const vectors = readVectors<{
  commitments: string[];
  roots: { size: number; root: string }[];
  inclusion: { size: number; index: number; commitment: string; path: string[]; root: string }[];
  consistency: {
    older: number;
    newer: number;
    olderRoot: string;
    newerRoot: string;
    path: string[];
    fullPath: string[];
  }[];
}>("merkle");

function grow(
  leaves: readonly Uint8Array[],
  start: Frontier = EMPTY_FRONTIER,
  nodes = new Map<string, Uint8Array>(),
) {
  const { frontier, closed } = appendLeaves(start, leaves);
  for (const { level, index, hash } of closed) nodes.set(`${level}/${index}`, hash);
  const read: NodeReader = (level, index) => {
    const hash = nodes.get(`${level}/${index}`);
    if (hash === undefined) throw new Error(`no complete subtree ${level}/${index}`);
    return hash;
  };
  return { frontier, read, nodes };
}

const { read } = grow(vectors.commitments.map((each) => leafHash(bytesOf(each))));
const hexes = (path: readonly Uint8Array[]) => path.map((each) => toHex(each));

// The eight leaves and roots of RFC 6962's reference implementation; the shape is RFC 9162's.
const RFC_LEAVES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const RFC_ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

test("known answers of the reference implementation", () => {
  expect(toHex(rootOf(EMPTY_FRONTIER))).toBe(
    "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  const leaves = RFC_LEAVES.map((hex) => leafHash(bytesOf(`0x${hex}`)));
  RFC_ROOTS.forEach((root, i) => {
    expect(toHex(rootOf(grow(leaves.slice(0, i + 1)).frontier))).toBe(`0x${root}`);
  });
});

test.each(vectors.roots)("root of $size leaves", ({ size, root }) => {
  expect(toHex(rootOf(frontierAt(read, size)))).toBe(root);
});

test("inclusion paths", () => {
  for (const { size, index, commitment, path, root } of vectors.inclusion) {
    expect(hexes(inclusionPath(read, index, size))).toEqual(path);
    const bytes = path.map(bytesOf);
    const leaf = leafHash(bytesOf(commitment));
    expect(leafHashOf(commitment as Commitment)).toEqual(leaf);
    expect(verifyInclusion(leaf, index, size, bytes, bytesOf(root))).toBe(true);
    expect(verifyInclusion(leaf, index, size, [...bytes, leaf], bytesOf(root))).toBe(false);
    expect(verifyInclusion(leaf, size, size, bytes, bytesOf(root))).toBe(false);
    if (path.length > 0)
      expect(verifyInclusion(leaf, index, size, bytes.slice(1), bytesOf(root))).toBe(false);
    if (size > 1) expect(verifyInclusion(leaf, (index + 1) % size, size, bytes, bytesOf(root))).toBe(false);
  }
});

test("consistency paths, abridged and full", () => {
  for (const { older, newer, olderRoot, newerRoot, path, fullPath } of vectors.consistency) {
    if (older > 0) {
      expect(hexes(consistencyPath(read, older, newer))).toEqual(path);
      expect(hexes(consistencyPath(read, older, newer, true))).toEqual(fullPath);
    }
    const proof = path.map(bytesOf);
    const [from, to] = [bytesOf(olderRoot), bytesOf(newerRoot)];
    expect(verifyConsistency(older, from, newer, to, proof)).toBe(true);
    if (older === newer || older === 0) continue;
    expect(verifyConsistency(older, to, newer, to, proof)).toBe(false);
    expect(verifyConsistency(older, from, newer, from, proof)).toBe(false);
    expect(verifyConsistency(newer, from, older, to, proof)).toBe(false);
    expect(verifyConsistency(older, from, newer, to, proof.slice(1))).toBe(false);
    const roots = rootsFromPath(older, newer, fullPath.map(bytesOf));
    expect(toHex(roots!.old)).toBe(olderRoot);
    expect(toHex(roots!.new)).toBe(newerRoot);
  }
});

test("any split of the leaves into appends gives the same tree", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 70 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 }),
      (size, cuts) => {
        const leaves = Array.from({ length: size }, (_, i) => leafHash(Uint8Array.of(i)));
        const whole = grow(leaves);
        let frontier: Frontier = EMPTY_FRONTIER;
        const nodes = new Map<string, Uint8Array>();
        for (const cut of [...cuts, size]) {
          const part = leaves.slice(frontier.size, frontier.size + cut);
          ({ frontier } = grow(part, frontier, nodes));
        }
        expect(hexes(frontier.peaks)).toEqual(hexes(whole.frontier.peaks));
        expect(nodes).toEqual(whole.nodes);
      },
    ),
  );
});

test("a tree agrees with RFC 9162's recursion, and its proofs verify", () => {
  const root = (leaves: readonly Uint8Array[]): Uint8Array => {
    if (leaves.length === 0) return sha256(new Uint8Array(0));
    if (leaves.length === 1) return leaves[0]!;
    const k = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
    return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
  };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 90 }), fc.nat(), fc.nat(), (size, a, b) => {
      const leaves = Array.from({ length: size }, (_, i) => leafHash(Uint8Array.of(i, 7)));
      const tree = grow(leaves);
      expect(toHex(rootOf(tree.frontier))).toBe(toHex(root(leaves)));
      const index = a % size;
      const path = inclusionPath(tree.read, index, size);
      expect(verifyInclusion(leaves[index]!, index, size, path, root(leaves))).toBe(true);
      const m = 1 + (b % size);
      const consistency = consistencyPath(tree.read, m, size);
      expect(verifyConsistency(m, root(leaves.slice(0, m)), size, root(leaves), consistency)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("an append alone is enough for every path between the sizes it went through", () => {
  const leaves = Array.from({ length: 150 }, (_, i) => leafHash(Uint8Array.of(i)));
  const whole = grow(leaves);
  for (const from of [0, 1, 7, 31, 64, 99]) {
    const before = frontierAt(whole.read, from);
    const known = readAppended(before, appendLeaves(before, leaves.slice(from)).closed);
    for (let n = from + 1; n <= leaves.length; n += 3)
      for (let m = Math.max(from, 1); m <= n; m++) {
        expect(consistencyPath(known, m, n)).toEqual(consistencyPath(whole.read, m, n));
        expect(consistencyPath(known, m, n, true)).toEqual(consistencyPath(whole.read, m, n, true));
      }
  }
});

test("a commitment that is not hexadecimal has no leaf", () => {
  for (const wrong of ["0x", `0x${"00".repeat(31)}`, `0x${"00".repeat(31)}0g`, `0x${"00".repeat(31)}0\u0130`])
    expect(() => leafHashOf(wrong as Commitment), wrong).toThrow(/not 32 bytes of hexadecimal/);
});
