import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Change, ChangeType, Step, Timeline } from "@anamnesis/sdk/core/views";
import type { Store, StoreOp } from "../ports.ts";
import { fromJson, ordinal, rangeOf, toJson } from "./keys.ts";

export type { Change, ChangeType, Step, Timeline };

/** The steps of the walk that a plant can reach for one indicator, in order. */
export const STEPS = [
  "alert",
  "released",
  "signed",
  "admitted",
  "warned",
  "attested",
  "protected",
  "recorded",
] as const satisfies readonly Step[];

/** A change before it has its number. */
export type NewChange = Omit<Change, "sequence">;

/** The durable log of what changed, and the timelines read from it. */
export interface Changes {
  /** Numbers a change and gives the write that makes it durable; listeners hear of it from `publish`. */
  stage(change: NewChange): { readonly op: StoreOp; readonly change: Change };
  /** Tells listeners; call it after the batch with the staged writes was committed. */
  publish(changes: readonly Change[]): void;
  /** The sequence of the last change, 0 when there is none. */
  last(): number;
  timeline(indicator: IndicatorId): Timeline;
  /** Up to `limit` changes after a cursor. */
  after(sequence: number, limit: number): Promise<readonly Change[]>;
  subscribe(listener: (change: Change) => void): () => void;
}

/** A start leaves so many numbers out: what a power cut took from the end of the log is never numbered again. */
const START_GAP = 100_000;

/** Loads the change log of a store. */
export async function loadChanges(store: Store): Promise<Changes> {
  let sequence = 0;
  const timelines = new Map<IndicatorId, Partial<Record<Step, number>>>();
  const listeners = new Set<(change: Change) => void>();

  function note(change: Change): void {
    const step = STEPS.find((name) => name === change.type);
    if (step === undefined || change.indicator === undefined) return;
    const timeline = timelines.get(change.indicator) ?? {};
    timeline[step] ??= change.atMs;
    timelines.set(change.indicator, timeline);
  }

  for await (const [, bytes] of store.entries(rangeOf("c/"))) {
    const change = fromJson<Change>(bytes);
    sequence = change.sequence;
    note(change);
  }
  if (sequence > 0) sequence += START_GAP;

  return {
    stage(newChange) {
      const change: Change = { sequence: ++sequence, ...newChange };
      return { op: { type: "put", key: `c/${ordinal(change.sequence)}`, value: toJson(change) }, change };
    },
    publish(changes) {
      for (const change of changes) {
        note(change);
        for (const listener of listeners) listener(change);
      }
    },
    last: () => sequence,
    timeline: (indicator) => timelines.get(indicator) ?? {},
    async after(cursor, limit) {
      const changes: Change[] = [];
      for await (const [, bytes] of store.entries({
        gte: `c/${ordinal(cursor + 1)}`,
        lt: "c/\uffff",
        limit,
      })) {
        changes.push(fromJson<Change>(bytes));
      }
      return changes;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
