import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Store, StoreOp } from "../../../node/src/ports.ts";

/** A store in memory that can lose whatever a commit had not synced. */
export interface CrashingStore extends Store {
  /** The next commits: `full` refuses, `lost` writes nothing and never answers. */
  mode: "ok" | "full" | "lost";
  readonly size: number;
}

/** @param rows shared between "processes": what was synced survives a crash. */
export function createCrashingStore(rows: Map<string, Uint8Array> = new Map()): CrashingStore {
  const store: CrashingStore = {
    mode: "ok",
    get size() {
      return rows.size;
    },
    get: (key) => rows.get(key),
    async *entries({ gte, lt, reverse, limit }) {
      const keys = [...rows.keys()].filter((key) => key >= gte && key < lt).sort();
      if (reverse === true) keys.reverse();
      for (const key of keys.slice(0, limit)) yield [key, rows.get(key) as Uint8Array] as const;
    },
    async commit(ops: readonly StoreOp[]) {
      if (store.mode === "full") throw new AnamnesisError("store.full", "the store's disk is full");
      if (store.mode === "lost") await new Promise<never>(() => undefined);
      for (const op of ops) {
        if (op.type === "put") rows.set(op.key, op.value);
        else rows.delete(op.key);
      }
    },
  };
  return store;
}
