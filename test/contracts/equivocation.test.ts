import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, makeConsortium } from "./consortium.ts";

const SIZES = 64;

/** Every pair of sizes m < n < 64. */
const PAIRS = Array.from({ length: SIZES }, (_, n) => Array.from({ length: n }, (_, m) => [m, n] as const))
  .flat()
  .filter(([m]) => m > 0);

describe("reportEquivocation", () => {
  let consortium: Consortium;
  let close: () => Promise<void>;
  const heads = new Map<string, [oracle.FeedHead, string]>();

  beforeAll(async () => {
    [consortium, close] = await makeConsortium(3);
  });
  afterAll(() => close());

  /** The signed head of `size` entries of a history that leaves the honest one at entry `fork`. */
  function head(size: number, fork = size): [oracle.FeedHead, string] {
    const name = `${size}/${fork}`;
    const held = heads.get(name);
    if (held) return held;
    const made = consortium.signHead(
      consortium.keys[0] as string,
      size,
      oracle.mth(oracle.commitments(size, fork)),
    );
    heads.set(name, made);
    return made;
  }

  const path = (m: number, n: number, fork = n) => oracle.subproof(m, oracle.commitments(n, fork), false);

  /** The name of the error that a report ends with, or `proved`. The chain stays as it is. */
  async function report(a: [oracle.FeedHead, string], b: [oracle.FeedHead, string], proof: Uint8Array[]) {
    const call = consortium.registry.reportEquivocation.staticCall(a[0], a[1], b[0], b[1], proof);
    const [outcome] = [await consortium.outcome(call)].flat();
    return outcome === "done" ? "proved" : outcome;
  }

  it("accuses no honest feed, whatever path is brought against it", { timeout: 120_000 }, async () => {
    for (const [m, n] of PAIRS) {
      const honest = path(m, n);
      expect(await report(head(m), head(n), honest), `${m} of ${n}`).toBe("MemberRegistryConsistentHeads");
      const made = [
        path(m, n, Math.max(0, m - 1)), // of a history that was rewritten before m
        path(m, n, m), // of a history that was rewritten after m
        honest.toReversed(),
        honest.with(0, oracle.mth(oracle.commitments(m))), // the shortcut's seed where it does not belong
        honest.slice(1),
        [...honest, honest[0] as Buffer],
        oracle.subproof(m, oracle.commitments(n), true),
        path(1 + (m % (n - 1)), n), // of another size
      ];
      // One of them per pair keeps this within seconds; over two thousand pairs each meets every shape of tree.
      const other = made[(m * 31 + n) % made.length] as Buffer[];
      expect(await report(head(m), head(n), other), `${m} of ${n}`).not.toBe("proved");
    }
  });

  it("proves every history that was rewritten", { timeout: 120_000 }, async () => {
    for (const [m, n] of PAIRS) {
      const fork = (m * 7 + n) % m;
      expect(await report(head(m, fork), head(n), path(m, n)), `${m} of ${n}, from ${fork}`).toBe("proved");
      expect(await report(head(m), head(n, fork), path(m, n, fork)), `${m} of ${n}, from ${fork}`).toBe(
        "proved",
      );
    }
  });

  it("proves two roots for one size, and nothing by one root", async () => {
    for (let n = 1; n < SIZES; n++) {
      expect(await report(head(n), head(n, n - 1), []), `${n}`).toBe("proved");
      expect(await report(head(n), head(n), []), `${n}`).toBe("MemberRegistryConsistentHeads");
    }
  });
});
