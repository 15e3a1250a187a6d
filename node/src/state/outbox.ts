import type { Entry } from "@anamnesis/sdk/core/types";
import type { Store, StoreOp } from "../ports.ts";
import { fromJson, ordinal, rangeOf, toJson } from "./keys.ts";

/** Entries that are durable here and will enter the own feed with the next tick: receipts, which nobody waits for. */
export interface Outbox {
  stage(entries: readonly Entry[]): { readonly ops: readonly StoreOp[]; done(): void };
  /** Up to `limit` waiting entries, oldest first, with the writes that take them out. */
  next(limit: number): { readonly entries: readonly Entry[]; readonly ops: readonly StoreOp[]; done(): void };
}

/** Loads what a stop or a crash left waiting. */
export async function loadOutbox(store: Store): Promise<Outbox> {
  const waiting = new Map<string, Entry>();
  let sequence = 0;
  for await (const [key, bytes] of store.entries(rangeOf("o/"))) {
    waiting.set(key, fromJson<Entry>(bytes));
    sequence = Number(key.slice(2));
  }
  return {
    stage(entries) {
      const rows = entries.map((entry) => [`o/${ordinal(++sequence)}`, entry] as const);
      return {
        ops: rows.map(([key, entry]) => ({ type: "put", key, value: toJson(entry) })),
        done() {
          for (const [key, entry] of rows) waiting.set(key, entry);
        },
      };
    },
    next(limit) {
      const rows = [...waiting].slice(0, limit);
      return {
        entries: rows.map(([, entry]) => entry),
        ops: rows.map(([key]) => ({ type: "del", key })),
        done() {
          for (const [key] of rows) waiting.delete(key);
        },
      };
    },
  };
}
