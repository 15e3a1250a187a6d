/* What benches share: rounds, medians, and the shape of a figure. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figure } from "../../scripts/bench.ts";

export type { Figure };

/** Median of values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** Runs the contenders in turn, `rounds` times; each returns its rate or time. Medians by name. */
export async function interleave<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, () => Promise<number> | number>>,
): Promise<Record<Name, number>> {
  const seen = new Map<Name, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(contenders) as Name[]) {
      const value = await contenders[name]();
      seen.set(name, [...(seen.get(name) ?? []), value]);
    }
  }
  return Object.fromEntries([...seen].map(([name, values]) => [name, median(values)])) as Record<
    Name,
    number
  >;
}

/** Times a task: operations per second. */
export async function rate(operations: number, task: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await task();
  return (operations / (performance.now() - start)) * 1000;
}

/** A figure that must reach at least a value. */
export function atLeast(name: string, metric: string, value: number, least: number): Figure {
  return { name, metric, value, target: `≥ ${least}`, ok: value >= least };
}

/** A figure that must not exceed a value. */
export function atMost(name: string, metric: string, value: number, most: number): Figure {
  return { name, metric, value, target: `≤ ${most}`, ok: value <= most };
}

/** A figure that is only printed. */
export function printed(name: string, metric: string, value: number): Figure {
  return { name, metric, value, target: "", ok: true };
}

/** Runs a task in a temporary directory and removes it. */
export async function inTemporary<T>(task: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "anamnesis-bench-"));
  try {
    return await task(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
