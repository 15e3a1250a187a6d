/** What this plant's operators said: approvals, refusals and rollbacks by record and control, and stops of controls. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Order, Stop } from "@anamnesis/sdk/core/views";
import type { Store, StoreOp } from "../ports.ts";
import { fromJson, rangeOf, toJson } from "./keys.ts";

/** Orders in memory, mirrored in the store. The last word on a pair counts; earlier ones are in the change log. */
export interface Orders {
  of(indicator: IndicatorId, control: string): Order | undefined;
  all(): Iterable<Order>;
  /** By control's name. */
  stops(): ReadonlyMap<string, Stop>;
  /** A write to be committed; memory is changed by `settle`, after the commit. */
  put(order: Order): Staged;
  stop(stop: Stop): Staged;
  /** Ends a stop. */
  resume(control: string): Staged;
}

/** A write and what it changes in memory. */
export interface Staged {
  readonly op: StoreOp;
  settle(): void;
}

const ORDERS = "order/pair/";
const STOPS = "order/stop/";

/** Loads what the store holds. Throws `store.corrupt` for a value that cannot be read. */
export async function loadOrders(store: Store): Promise<Orders> {
  const orders = new Map<string, Order>();
  const stops = new Map<string, Stop>();
  for await (const [key, value] of store.entries(rangeOf(ORDERS))) orders.set(key, read<Order>(key, value));
  for await (const [key, value] of store.entries(rangeOf(STOPS))) {
    const stop = read<Stop>(key, value);
    stops.set(stop.control, stop);
  }
  return {
    of: (indicator, control) => orders.get(keyOf({ indicator, control })),
    all: () => orders.values(),
    stops: () => stops,
    put(order) {
      const key = keyOf(order);
      return { op: { type: "put", key, value: toJson(order) }, settle: () => void orders.set(key, order) };
    },
    stop: (stop) => ({
      op: { type: "put", key: `${STOPS}${stop.control}`, value: toJson(stop) },
      settle: () => void stops.set(stop.control, stop),
    }),
    resume: (control) => ({
      op: { type: "del", key: `${STOPS}${control}` },
      settle: () => void stops.delete(control),
    }),
  };
}

function keyOf({ indicator, control }: Pick<Order, "indicator" | "control">): string {
  return `${ORDERS}${indicator}/${control}`;
}

function read<T>(key: string, value: Uint8Array): T {
  try {
    return fromJson<T>(value);
  } catch (cause) {
    const message = `the value of ${key} is not what was written; restore the store or start fresh`;
    throw new AnamnesisError("store.corrupt", message, { details: { key }, cause });
  }
}
