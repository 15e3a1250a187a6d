/* The tanks on a terminal. */
import type { Paint } from "../start/paint.ts";
import type { Cell, CellRecord } from "./cell.ts";
import { percent } from "./scenario.ts";
import { BAND, HIGH_HIGH_M, RIM_M } from "./tank.ts";

/** How wide a tank is drawn, in characters, and what stands beside it at most. */
const WIDE = 40;
const NARROW = 20;
const BESIDE = 60;

/**
 * A line a tank, the scale above them, in lines of at most `columns` characters. The safe band is between the
 * bars; `!` is the safety system's high trip, which is only drawn.
 */
export function drawTanks(cells: readonly Cell[], atS: number, columns: number, paint: Paint): string[] {
  const width = columns >= WIDE + BESIDE ? WIDE : NARROW;
  const scale = Array.from({ length: width + 1 }, () => " ");
  for (const mark of [BAND.low, BAND.high]) scale[column(mark, width)] = "|";
  scale[column(HIGH_HIGH_M, width)] = "!";
  return [
    "",
    `  ${paint.soft(`${`${atS.toFixed(0)} s`.padEnd(6)}${scale.join("")} safe band 0.80–1.20 m, ! high trip 1.50`)}`,
    ...cells.map((cell) => drawTank(cell, width, paint)),
  ];
}

function column(metres: number, width: number): number {
  return Math.round((metres / RIM_M) * width);
}

function drawTank(cell: Cell, width: number, paint: Paint): string {
  const { levelM, valve, isManual, isOutletOpen } = cell.tank();
  const { attackWritesReceived: reached, attackWritesRefused: refused } = cell.record();
  const filled = column(levelM, width);
  const bar = `${"█".repeat(filled)}${"·".repeat(width - filled)}`;
  const isSafe = levelM >= BAND.low && levelM <= BAND.high;
  const attack = reached + refused === 0 ? "" : `  ${reached} reached, ${refused} refused`;
  const state = `${isManual ? "manual" : "auto  "} ${(valve * 100).toFixed(0).padStart(3)} %${isOutletOpen ? "      " : ", shut"}`;
  return `  ${paint.strong(cell.letter)}     ${(isSafe ? paint.good : paint.bad)(bar)}  ${levelM.toFixed(2)} m  ${state}${attack}`.trimEnd();
}

/** What came of it, a row a plant. */
export function tableOfCells(records: readonly CellRecord[], paint: Paint): string[] {
  const heads = ["in band", "lowest", "highest", "reached", "refused", "polls", "writes"];
  const rows = records.map((record) => {
    const cells = [
      percent(record.timeInBand),
      `${record.minM.toFixed(2)} m`,
      `${record.maxM.toFixed(2)} m`,
      String(record.attackWritesReceived),
      String(record.attackWritesRefused),
      percent(record.pollsAnswered),
      percent(record.legitimateWritesApplied),
    ];
    return `  ${record.plant.padEnd(5)}${cells.map((cell) => cell.padStart(10)).join("")}`;
  });
  return [paint.soft(`  tank ${heads.map((head) => head.padStart(10)).join("")}`), ...rows];
}
