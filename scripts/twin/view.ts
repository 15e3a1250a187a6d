/* The tanks on a terminal. */
import type { Paint } from "../start/paint.ts";
import type { Cell, CellRecord } from "./cell.ts";
import { percent } from "./scenario.ts";
import { BAND, HIGH_HIGH_M, RIM_M } from "./tank.ts";

const WIDTH = 40;
const column = (metres: number): number => Math.round((metres / RIM_M) * WIDTH);

/** A line a tank, the scale above them. The safe band is between the bars, `!` is high-high. */
export function drawTanks(cells: readonly Cell[], atS: number | undefined, paint: Paint): string[] {
  const scale = Array.from({ length: WIDTH + 1 }, () => " ");
  for (const mark of [BAND.low, BAND.high]) scale[column(mark)] = "|";
  scale[column(HIGH_HIGH_M)] = "!";
  const time = atS === undefined ? "" : `${atS.toFixed(0)} s`;
  return [
    "",
    `  ${paint.soft(`${time.padEnd(6)}${scale.join("")} safe band 0.80–1.20 m`)}`,
    ...cells.map((cell) => drawTank(cell, paint)),
  ];
}

function drawTank(cell: Cell, paint: Paint): string {
  const { levelM, valve, isManual, isOutletOpen } = cell.tank();
  const { attackWritesReceived: reached, attackWritesRefused: refused } = cell.record();
  const filled = column(levelM);
  const bar = `${"█".repeat(filled)}${"·".repeat(WIDTH - filled)}`;
  const isSafe = levelM >= BAND.low && levelM <= BAND.high;
  const attack = reached + refused === 0 ? "" : `  attack: ${reached} reached, ${refused} refused`;
  const state = `${isManual ? "manual" : "auto"} ${(valve * 100).toFixed(0).padStart(3)} %${isOutletOpen ? "" : ", outlet shut"}`;
  return `  ${paint.strong(cell.letter)}     ${(isSafe ? paint.good : paint.bad)(bar)}  ${levelM.toFixed(2)} m  ${state}${attack}`;
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
