import {
  appendLeaves,
  EMPTY_FRONTIER,
  inclusionPath,
  leafHash,
  type NodeReader,
  rootOf,
} from "@anamnesis/sdk/core/merkle";
import { multiPath, rootOfMultiPath } from "@anamnesis/sdk/evidence/multi-path";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as oracle from "../../vectors/oracle.ts";

const COMMITMENTS = oracle.commitments(80);
const LEAVES = COMMITMENTS.map(leafHash);

const treeOf = (size: number): { root: Uint8Array; node: NodeReader } => {
  const { frontier, closed } = appendLeaves(EMPTY_FRONTIER, LEAVES.slice(0, size));
  const nodes = new Map(closed.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  return { root: rootOf(frontier), node: (level, index) => nodes.get(`${level}/${index}`) as Uint8Array };
};

const cases = fc.integer({ min: 1, max: 80 }).chain((size) =>
  fc.tuple(
    fc.constant(size),
    fc.subarray(
      Array.from({ length: size }, (_, i) => i),
      { minLength: 1 },
    ),
  ),
);

test("any leaves of any tree give its root with their path", () => {
  fc.assert(
    fc.property(cases, ([size, indices]) => {
      const path = multiPath(treeOf(size).node, indices, size);
      const root = rootOfMultiPath((at) => LEAVES[indices[at] as number] as Uint8Array, indices, size, path);
      expect(Buffer.from(root as Uint8Array)).toEqual(oracle.mth(COMMITMENTS.slice(0, size)));
      if (indices.length === size) expect(path).toEqual([]);
    }),
  );
});

test("a path that is changed, cut or too long does not", () => {
  fc.assert(
    fc.property(cases, fc.nat(), ([size, indices], seed) => {
      const { root, node } = treeOf(size);
      const path = multiPath(node, indices, size);
      const rebuild = (by: readonly Uint8Array[]) =>
        rootOfMultiPath((at) => LEAVES[indices[at] as number] as Uint8Array, indices, size, by);
      expect(rebuild([...path, root])).toBeUndefined();
      if (path.length === 0) return;
      expect(rebuild(path.slice(1))).toBeUndefined();
      const wrong = path.map((hash, at) => (at === seed % path.length ? hash.map((byte) => byte ^ 1) : hash));
      expect(rebuild(wrong)).not.toEqual(root);
    }),
  );
});

test("of one leaf it holds the hashes of its inclusion path", () => {
  for (let size = 1; size <= 40; size++) {
    const { node } = treeOf(size);
    for (let index = 0; index < size; index++) {
      const sorted = (hashes: Uint8Array[]) => hashes.map(oracle.hex).sort();
      expect(sorted(multiPath(node, [index], size))).toEqual(sorted(inclusionPath(node, index, size)));
    }
  }
});
