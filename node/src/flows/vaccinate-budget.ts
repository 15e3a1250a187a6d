import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Vaccination } from "../state/vaccinations.ts";

const HOUR_MS = 3_600_000;

/** How many indicators may still begin to be blocked within the hour. */
export interface BlockBudget {
  /** What is left for this indicator; one that took a place keeps it on every control. */
  left(indicator: IndicatorId, nowMs: number): number;
  take(indicator: IndicatorId, nowMs: number): void;
}

/** Counts distinct indicators over a sliding hour, going on with what the store remembers. */
export function createBlockBudget(perHour: number, rows: Iterable<Vaccination>): BlockBudget {
  const takenAtMs = new Map<IndicatorId, number>();
  for (const { indicator, blockedAtMs } of rows) {
    if (blockedAtMs !== undefined) {
      takenAtMs.set(indicator, Math.max(blockedAtMs, takenAtMs.get(indicator) ?? blockedAtMs));
    }
  }

  function left(indicator: IndicatorId, nowMs: number): number {
    let others = 0;
    for (const [other, atMs] of takenAtMs) {
      // Times ahead by more than an hour come from a clock that was set back, and count for nothing.
      if (Math.abs(nowMs - atMs) >= HOUR_MS) takenAtMs.delete(other);
      else if (other !== indicator) others++;
    }
    return Math.max(0, perHour - others);
  }

  return {
    left,
    take: (indicator, nowMs) => {
      if (!takenAtMs.has(indicator)) takenAtMs.set(indicator, nowMs);
    },
  };
}
