import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Vaccination } from "../state/vaccinations.ts";

const HOUR_MS = 3_600_000;
/** A clock that goes back by more has been set, ms. */
const CLOCK_STEP_MS = 1000;

/** How many indicators may still begin to be blocked within the hour. */
export interface BlockBudget {
  /** What is left for this indicator; one that took a place keeps it on every control. */
  left(indicator: IndicatorId, nowMs: number): number;
  take(indicator: IndicatorId, nowMs: number): void;
}

/** Counts distinct indicators over a sliding hour, going on with what the store remembers. */
export function createBlockBudget(perHour: number, rows: Iterable<Vaccination>): BlockBudget {
  const takenAtMs = new Map<IndicatorId, number>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  let nextFreeAtMs = Number.NEGATIVE_INFINITY;
  for (const { indicator, blockedAtMs } of rows) {
    if (blockedAtMs !== undefined) {
      takenAtMs.set(indicator, Math.max(blockedAtMs, takenAtMs.get(indicator) ?? blockedAtMs));
    }
  }

  function sweep(nowMs: number): void {
    if (nowMs < nextFreeAtMs && nowMs > sweptAtMs - CLOCK_STEP_MS) return;
    sweptAtMs = nowMs;
    nextFreeAtMs = Number.POSITIVE_INFINITY;
    for (const [indicator, atMs] of takenAtMs) {
      // Times ahead by more than an hour come from a clock that was set back, and count for nothing.
      if (Math.abs(nowMs - atMs) >= HOUR_MS) takenAtMs.delete(indicator);
      else nextFreeAtMs = Math.min(nextFreeAtMs, atMs + HOUR_MS);
    }
  }

  return {
    left(indicator, nowMs) {
      sweep(nowMs);
      const others = takenAtMs.size - (takenAtMs.has(indicator) ? 1 : 0);
      return Math.max(0, perHour - others);
    },
    take(indicator, nowMs) {
      if (takenAtMs.has(indicator)) return;
      takenAtMs.set(indicator, nowMs);
      nextFreeAtMs = Math.min(nextFreeAtMs, nowMs + HOUR_MS);
    },
  };
}
