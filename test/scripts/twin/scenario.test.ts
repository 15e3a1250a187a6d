import { expect, test } from "vitest";
import { freePort } from "../../../scripts/consortium/ports.ts";
import { type CellRecord, startCell } from "../../../scripts/twin/cell.ts";
import { complaintsOf, runScenario } from "../../../scripts/twin/scenario.ts";

const GOOD: CellRecord = {
  plant: "B",
  timeInBand: 1,
  minM: 0.99,
  maxM: 1.05,
  attackWritesReceived: 0,
  attackWritesRefused: 60,
  pollsAnswered: 1,
  legitimateWritesApplied: 1,
};

test("a plant that is immune gives no reason to complain, and each fault is named", () => {
  expect(complaintsOf(GOOD)).toEqual([]);
  expect(complaintsOf({ ...GOOD, attackWritesReceived: 1 })).toEqual([
    "plant B: 1 attack writes reached the controller",
  ]);
  expect(complaintsOf({ ...GOOD, maxM: 1.11 })[0]).toMatch(/0.99 to 1.11 m/);
  expect(complaintsOf({ ...GOOD, minM: 0.94 })).toHaveLength(1);
  expect(complaintsOf({ ...GOOD, pollsAnswered: 0.999 })[0]).toMatch(/99 % of the station's polls/);
  expect(complaintsOf({ ...GOOD, legitimateWritesApplied: 0 })[0]).toMatch(/0 % of the station's writes/);
});

test("without anything before the controllers every attack arrives, the first plant's first", async () => {
  const cells = await Promise.all(
    [10, 11].map(async (net) => {
      const at = { host: `127.${net}.2.10`, port: await freePort() };
      const settings = {
        network: `127.${net}.2.0/24`,
        controller: at.host,
        hmi: `127.${net}.2.20`,
        attacker: `127.${net}.2.66`,
        listen: at,
        upstream: at,
        isEnforcing: false,
      };
      return startCell(net === 10 ? "A" : "B", settings);
    }),
  );
  try {
    const sent: string[] = [];
    const ticks: number[] = [];
    const schedule = { firstS: 0.2, othersS: 1, attackS: 2, endS: 4 };
    const records = await runScenario(cells, schedule, new AbortController().signal, {
      onSent: (letter, command) => sent.push(`${letter}${command}`),
      onTick: (atS) => ticks.push(atS),
    });
    expect(records.map(({ plant }) => plant)).toEqual(["A", "B"]);
    for (const record of records) {
      expect(record).toMatchObject({ attackWritesReceived: 6, attackWritesRefused: 0 });
      expect(record.maxM).toBeGreaterThan(1.02);
    }
    expect(sent.slice(0, 3)).toEqual(["A0", "A1", "A2"]);
    expect(sent).toHaveLength(12);
    expect(ticks.length).toBeGreaterThan(0);
  } finally {
    await Promise.all(cells.map((cell) => cell.stop()));
  }
});
