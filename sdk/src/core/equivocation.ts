import { equalBytes, fromHex } from "./bytes.ts";
import { rootsFromPath } from "./merkle.ts";
import type { Bytes32, FeedHead } from "./types.ts";

/**
 * Whether two heads of one feed cannot both be prefixes of one history: equal sizes with different roots,
 * or `path` = SUBPROOF(a.size, D[b.size], false) (RFC 9162 §2.1.4.1) rebuilds b's root and yields another
 * root than a's. What `MemberRegistry.reportEquivocation` accepts, signatures aside.
 */
export function isContradiction(a: FeedHead, b: FeedHead, path: readonly Bytes32[]): boolean {
  if (a.feed !== b.feed) return false;
  if (a.size === b.size) return path.length === 0 && a.root !== b.root;
  const roots = rootsFromPath(a.size, b.size, path.map(fromHex));
  return (
    roots !== undefined && equalBytes(roots.new, fromHex(b.root)) && !equalBytes(roots.old, fromHex(a.root))
  );
}
