import { expect, test } from "vitest";
import { paintFor } from "../../../scripts/start/paint.ts";
import { createScreen } from "../../../scripts/start/screen.ts";
import type { Cell, CellRecord } from "../../../scripts/twin/cell.ts";
import { AT_REST } from "../../../scripts/twin/tank.ts";
import { drawTanks, tableOfCells } from "../../../scripts/twin/view.ts";

const RECORD: CellRecord = {
  plant: "A",
  timeInBand: 0.219,
  minM: 1,
  maxM: 2,
  attackWritesReceived: 60,
  attackWritesRefused: 0,
  pollsAnswered: 1,
  legitimateWritesApplied: 0.999,
};
const plain = paintFor({ isTTY: false } as NodeJS.WriteStream);

test.each([80, 100])(
  "tanks fit a line of %i characters at their fullest, each under the same scale",
  (columns) => {
    const full = { ...AT_REST, levelM: 2, valve: 1, isManual: true, isOutletOpen: false };
    const cell = { letter: "A", tank: () => full, record: () => ({ ...RECORD, attackWritesRefused: 60 }) };
    const [, scale = "", line = ""] = drawTanks([cell as unknown as Cell], 60, columns, plain);
    expect(line.length).toBeLessThanOrEqual(columns);
    expect(scale.length).toBeLessThanOrEqual(columns);
    expect(line).toContain("manual 100 %, shut  60 reached, 60 refused");
    // 0.80 m is two fifths of the tank
    expect(scale.indexOf("|") - line.indexOf("█")).toBe((line.match(/█/g)?.length ?? 0) * 0.4);
  },
);

test("the table says no share is whole that is not", () => {
  const [, row = ""] = tableOfCells([RECORD], plain);
  expect(row.trim().split(/ {2,}/)).toEqual(["A", "21 %", "1.00 m", "2.00 m", "60", "0", "100 %", "99 %"]);
});

test("a picture stays below what is said on a terminal, and is left out elsewhere", () => {
  const written: string[] = [];
  const stream = (isTTY: boolean) =>
    ({ isTTY, rows: 24, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream;
  const screen = createScreen(stream(true));
  screen.show(["one", "two"]);
  screen.say("hello");
  screen.show([]);
  const begin = "\u001b[?2026h\u001b[?7l";
  const end = "\u001b[J\u001b[?7h\u001b[?2026l";
  const drawn = `${begin}one\u001b[K\ntwo\u001b[K\n${end}`;
  expect(written).toEqual([drawn, `\u001b[2A\r\u001b[Jhello\n${drawn}`, `\u001b[2A\r${begin}${end}`]);
  written.length = 0;
  const log = createScreen(stream(false));
  log.show(["one"]);
  log.say("hello");
  expect(written).toEqual(["hello\n"]);
});
