import type { Difference, DifferenceKind, Differences } from "../api.ts";

/** Differences named one by one; beyond them they are counted. */
const MOST_LISTED = 100;

/** Gathers differences. */
export interface DifferenceList {
  add(difference: Difference): void;
  result(): Differences;
}

export function createDifferenceList(): DifferenceList {
  const counts: Partial<Record<DifferenceKind, number>> = {};
  const listed: Difference[] = [];
  let total = 0;
  return {
    add(difference) {
      total++;
      counts[difference.kind] = (counts[difference.kind] ?? 0) + 1;
      if (listed.length < MOST_LISTED) listed.push(difference);
    },
    result: () => ({ total, counts, listed }),
  };
}
