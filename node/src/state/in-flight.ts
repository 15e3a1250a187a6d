import type { InFlight, InFlightBook, Store } from "../ports.ts";
import { fromJson, ordinal, rangeOf, toJson } from "./keys.ts";

/**
 * Loads what a stop or a crash left in flight. Writes survive the process; what a power cut takes of them
 * is at worst sent once more, which the contracts pass over.
 */
export async function loadInFlight(store: Store): Promise<InFlightBook> {
  const rows = new Map<string, InFlight>();
  for await (const [key, bytes] of store.entries(rangeOf("t/"))) rows.set(key, fromJson<InFlight>(bytes));
  return {
    all: () => [...rows.values()],
    async put(transaction) {
      const key = keyOf(transaction.sender, transaction.nonce);
      rows.set(key, transaction);
      await store.commit([{ type: "put", key, value: toJson(transaction) }], { sync: false });
    },
    async drop(sender, nonce) {
      const key = keyOf(sender, nonce);
      if (rows.delete(key)) await store.commit([{ type: "del", key }], { sync: false });
    },
  };
}

function keyOf(sender: string, nonce: number): string {
  return `t/${sender}/${ordinal(nonce)}`;
}
