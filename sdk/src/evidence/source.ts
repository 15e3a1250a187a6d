import { equalBytes } from "../core/bytes.ts";
import { keccak256 } from "../core/hash.ts";
import { refuse } from "./refuse.ts";
import type { NodeSource } from "./trie.ts";

/**
 * Reads trie nodes one after the other: each must be the one that the walk asks for, and none may be left.
 * @param field names the list in messages
 * @throws AnamnesisError `evidence.proof`
 */
export function readInOrder<T>(
  nodes: readonly Uint8Array[],
  field: string,
  walk: (next: NodeSource) => T,
): T {
  let used = 0;
  const found = walk((hash) => {
    const node = nodes[used];
    if (node === undefined) throw refuse("evidence.proof", field, "end before everything is proved");
    if (!equalBytes(keccak256(node), hash))
      throw refuse(
        "evidence.proof",
        `${field}[${used}]`,
        "is not the node that its parent or the header names",
      );
    used++;
    return node;
  });
  if (used < nodes.length)
    throw refuse("evidence.proof", `${field}[${used}]`, "proves nothing that is asked for");
  return found;
}
