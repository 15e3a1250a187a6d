import type { Store } from "../ports.ts";

/** A space in memory for what is made to be compared and thrown away. */
export function createScratchStore(): Store {
  const rows = new Map<string, Uint8Array>();
  return {
    get: (key) => rows.get(key),
    async *entries({ gte, lt, reverse = false, limit = -1 }) {
      const keys = [...rows.keys()].filter((key) => key >= gte && key < lt).sort();
      if (reverse) keys.reverse();
      for (const key of limit >= 0 ? keys.slice(0, limit) : keys) yield [key, rows.get(key) as Uint8Array];
    },
    async commit(ops) {
      for (const op of ops) {
        if (op.type === "put") rows.set(op.key, op.value);
        else rows.delete(op.key);
      }
    },
  };
}
