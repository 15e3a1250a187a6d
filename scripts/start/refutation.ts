/* The proof by refutation: what was shared is refuted, and the attack that it stopped works again. */
import type { CellRecord } from "../twin/cell.ts";
import { complaintsOfUnprotected } from "../twin/scenario.ts";
import type { Twin } from "./twin.ts";
import { type PlantWatch, until } from "./watch.ts";

/** What came of a refutation. */
export interface Refutation {
  /** Applications of the refuted records, alerts included, that were in force before, by all plants. */
  readonly applied: number;
  /** Those that are still in force. */
  readonly residual: number;
  /** Receipts that say "undone", by all plants. */
  readonly receipts: number;
  /** From the first refute to the last undo, ms. */
  readonly undoneMs: number;
  /** The same attack afterwards. */
  readonly twin: readonly CellRecord[];
}

/** Lets as many plants as the agreement asks for refute the twin's records, waits until nothing of them is in force, and attacks again. */
export async function refuteAll(
  twin: Twin,
  watches: readonly PlantWatch[],
  refuters: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Refutation> {
  const ids = new Set<string>(twin.attack.records.map(({ id }) => id));
  const inForce = async (): Promise<number> => {
    const views = (await Promise.all(watches.map((watch) => watch.indicators()))).flat();
    const all = views.filter(({ id }) => ids.has(id)).flatMap(({ applications }) => applications);
    return all.filter(
      ({ action, appliedAtMs }) => action !== "none" && action !== "observe" && appliedAtMs !== null,
    ).length;
  };
  const cursors = await Promise.all(watches.map(async (watch) => (await watch.health()).cursor));
  const applied = await inForce();
  const startMs = performance.now();
  for (const watch of watches.slice(-refuters)) for (const id of ids) await watch.refute(id);
  await until(async () => (await inForce()) === 0, timeoutMs, signal);
  const undoneMs = Math.round((performance.now() - startMs) * 10) / 10;
  let receipts = 0;
  for (const [i, watch] of watches.entries()) {
    const changes: Parameters<PlantWatch["collect"]>[1] = [];
    await watch.collect(cursors[i] as number, changes);
    receipts += changes.filter(({ type, indicator = "" }) => type === "undone" && ids.has(indicator)).length;
  }
  return { applied, residual: await inForce(), receipts, undoneMs, twin: await twin.again(signal) };
}

/** What a refutation may not leave behind: something in force, an undo without its receipt, or an attack that does not work again. */
export function complaintsOfRefutation({ applied, residual, receipts, twin }: Refutation): string[] {
  return [
    ...(residual > 0 ? [`${residual} applications of refuted records are in force`] : []),
    ...(receipts < applied ? [`${receipts} receipts for ${applied} applications of refuted records`] : []),
    ...twin.flatMap(complaintsOfUnprotected).map((complaint) => `after the refutation, ${complaint}`),
  ];
}
