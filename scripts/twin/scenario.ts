/* One minute of the twin: plant A is attacked after ten seconds, every other plant after twenty-five. */
import { setTimeout as delay } from "node:timers/promises";
import type { Cell, CellRecord } from "./cell.ts";
import { BAND } from "./tank.ts";

/** When what happens, s. */
export interface Schedule {
  readonly firstS: number;
  readonly othersS: number;
  /** Seconds that an attack lasts: three commands a second. */
  readonly attackS: number;
  readonly endS: number;
}

/** CASES' course. */
export const MINUTE: Schedule = { firstS: 10, othersS: 25, attackS: 20, endS: 60 };

/** Functions of the attacker's commands of one round, in their order. */
export const ATTACK_FUNCTIONS = [6, 6, 5] as const;

/** What a scenario tells. */
export interface ScenarioEvents {
  /** Right before a command of the attacker at a plant. */
  onSent(letter: string, command: number): void;
  /** Every half second. */
  onTick(atS: number): void;
}

/** Runs a course over all cells; the first one is attacked first. Resolves with each cell's record. */
export async function runScenario(
  cells: readonly Cell[],
  schedule: Schedule,
  signal: AbortSignal,
  { onSent, onTick }: ScenarioEvents,
): Promise<readonly CellRecord[]> {
  for (const cell of cells) cell.reset();
  const startMs = performance.now();
  const atS = (): number => (performance.now() - startMs) / 1000;
  const ticking = setInterval(() => onTick(atS()), 500);
  const wait = async (untilS: number): Promise<void> => {
    const ms = Math.max(0, (untilS - atS()) * 1000);
    await delay(ms, undefined, { signal }).catch(() => undefined);
  };
  try {
    const attacks = cells.map(async (cell, i) => {
      await wait(i === 0 ? schedule.firstS : schedule.othersS);
      await cell.attack(schedule.attackS, signal, (command) => onSent(cell.letter, command));
    });
    await Promise.all([...attacks, wait(schedule.endS)]);
    return cells.map((cell) => cell.record());
  } finally {
    clearInterval(ticking);
  }
}

/** What a cell that is immune may not show; nothing when all is as it should be. */
export function complaintsOf(record: CellRecord): string[] {
  const { plant, minM, maxM, attackWritesReceived, pollsAnswered, legitimateWritesApplied } = record;
  const faults = [
    [attackWritesReceived > 0, `${attackWritesReceived} attack writes reached the controller`],
    [minM < 0.95 || maxM > 1.1, `its level went from ${minM} to ${maxM} m, not within 0.95 to 1.10`],
    [pollsAnswered < 1, `only ${percent(pollsAnswered)} of the station's polls were answered`],
    [
      legitimateWritesApplied < 1,
      `only ${percent(legitimateWritesApplied)} of the station's writes were applied`,
    ],
  ] as const;
  return faults.flatMap(([isFault, what]) => (isFault ? [`plant ${plant}: ${what}`] : []));
}

/** What a cell that nothing protects may not show: a level that stayed, or a refusal. */
export function complaintsOfUnprotected(record: CellRecord): string[] {
  const { plant, maxM, attackWritesRefused } = record;
  return [
    ...(maxM <= BAND.high ? [`plant ${plant}: kept its level though nothing protects it`] : []),
    ...(attackWritesRefused > 0 ? [`plant ${plant}: ${attackWritesRefused} attack writes were refused`] : []),
  ];
}

/** A share as 42 %. */
export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
