/* Figures of a run. */
import type { CellRecord } from "../twin/cell.ts";
import type { Refutation } from "./refutation.ts";

/** Median and 99th percentile, ms with one decimal. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** The one JSON object of `npm start -- --json`. */
export interface RunFigures {
  readonly plants: number;
  /** Plants whose signed configuration can protect them against at least one record of the input. */
  readonly able: number;
  /** Plants at the highest state their configuration allows, for every record of the input. */
  readonly immune: number;
  /** Plants whose protections an engine acknowledged (a file that was read back is staged, not enforced). */
  readonly enforced: number;
  /** Plants that may do no more than watch (alert), and do. */
  readonly watched: number;
  readonly warnedMs: Percentiles | null;
  readonly protectedMs: Percentiles | null;
  readonly recordedMs: Percentiles | null;
  readonly reencounterMs: Percentiles | null;
  readonly caughtUpMs: Percentiles | null;
  readonly records: number;
  readonly lost: number;
  readonly duplicated: number;
  /** The plant twin, in the order of the plants; absent when only an input was replayed. */
  readonly twin?: readonly CellRecord[];
  /** With `--refute`. */
  readonly refuted?: Refutation;
}

/** Percentiles of values, nearest rank; null of nothing. */
export function percentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] as number) * 10) /
    10;
  return { p50: rank(0.5), p99: rank(0.99) };
}
