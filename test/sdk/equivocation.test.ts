import { toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import { isContradiction } from "@anamnesis/sdk/core/equivocation";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { appendLeaves, consistencyPath, EMPTY_FRONTIER, leafHash, rootOf } from "@anamnesis/sdk/core/merkle";
import type { Address, Bytes32, FeedHead } from "@anamnesis/sdk/core/types";
import { describe, expect, it } from "vitest";

const SIZES = 64;
const FEED = `0x${"ab".repeat(20)}` as Address;

/** The tree over `size` leaves that leaves the honest history at leaf `fork`. */
function tree(size: number, fork = size) {
  const leaves = Array.from({ length: size }, (_, i) =>
    leafHash(sha256(utf8(`${i}${i >= fork ? " forked" : ""}`))),
  );
  const { frontier, closed } = appendLeaves(EMPTY_FRONTIER, leaves);
  const nodes = new Map(closed.map((node) => [`${node.level}/${node.index}`, node.hash]));
  const read = (level: number, index: number) => nodes.get(`${level}/${index}`) as Uint8Array;
  const head: FeedHead = { feed: FEED, size, root: toHex(rootOf(frontier)) as Bytes32 };
  const path = (m: number, full = true) =>
    consistencyPath(read, m, size, full).map((hash) => toHex(hash) as Bytes32);
  return { head, path };
}

const pairs = Array.from({ length: SIZES }, (_, n) => Array.from({ length: n }, (_, m) => [m, n] as const))
  .flat()
  .filter(([m]) => m > 0);

describe("isContradiction, for every pair of sizes below 64", () => {
  it("accuses no honest feed, whatever path is brought against it", () => {
    for (const [m, n] of pairs) {
      const old = tree(m).head;
      const { head, path } = tree(n);
      const honest = path(m);
      const brought = [
        honest,
        honest.toReversed(),
        honest.slice(1),
        [...honest, honest[0] as Bytes32],
        honest.with(0, old.root),
        path(m, false), // the shortcut that leaves the old root out at powers of two
        path(1 + (m % (n - 1))), // of another size
        tree(n, Math.max(0, m - 1)).path(m),
        tree(n, m).path(m),
        [],
      ];
      for (const each of brought) expect(isContradiction(old, head, each), `${m} of ${n}`).toBe(false);
    }
  });

  it("proves every history that was rewritten before the smaller head", () => {
    for (const [m, n] of pairs) {
      const fork = (m * 7 + n) % m;
      const { head, path } = tree(n);
      expect(isContradiction(tree(m, fork).head, head, path(m)), `${m} of ${n}`).toBe(true);
      const other = tree(n, fork);
      expect(isContradiction(tree(m).head, other.head, other.path(m)), `${m} of ${n}`).toBe(true);
    }
  });

  it("proves two roots for one size, and nothing by one root, another feed or the greater head first", () => {
    for (let n = 1; n < SIZES; n++) {
      expect(isContradiction(tree(n).head, tree(n, n - 1).head, [])).toBe(true);
      expect(isContradiction(tree(n).head, tree(n).head, [])).toBe(false);
      const stranger = { ...tree(n, n - 1).head, feed: `0x${"cd".repeat(20)}` as Address };
      expect(isContradiction(tree(n).head, stranger, [])).toBe(false);
    }
    expect(isContradiction(tree(9).head, tree(5, 4).head, tree(9).path(5))).toBe(false);
  });
});
