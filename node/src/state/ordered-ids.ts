import type { IndicatorId } from "@anamnesis/sdk/core/types";

/** Ids in the order of their text; a page costs the same wherever it is. */
export interface OrderedIds {
  /** Each id once. */
  add(id: IndicatorId): void;
  clear(): void;
  /** At most `limit` ids after one, or from the first. */
  after(id: IndicatorId | undefined, limit: number): readonly IndicatorId[];
}

/** Creates an empty order. What was added is sorted in when somebody reads, so that adding costs nothing. */
export function createOrderedIds(): OrderedIds {
  let sorted: IndicatorId[] = [];
  let added: IndicatorId[] = [];

  function settle(): void {
    if (added.length === 0) return;
    added.sort();
    const merged: IndicatorId[] = [];
    let at = 0;
    for (const id of added) {
      for (; at < sorted.length && (sorted[at] as IndicatorId) < id; at++)
        merged.push(sorted[at] as IndicatorId);
      merged.push(id);
    }
    for (; at < sorted.length; at++) merged.push(sorted[at] as IndicatorId);
    sorted = merged;
    added = [];
  }

  return {
    add: (id) => void added.push(id),
    clear() {
      sorted = [];
      added = [];
    },
    after(id, limit) {
      settle();
      let low = 0;
      let high = id === undefined ? 0 : sorted.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((sorted[middle] as IndicatorId) <= (id as IndicatorId)) low = middle + 1;
        else high = middle;
      }
      return sorted.slice(low, low + limit);
    },
  };
}
