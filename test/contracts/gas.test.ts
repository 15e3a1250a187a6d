import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { ratios } from "../bench/gas.ts";
import { type Gas, measureGas } from "./gas.ts";

const SNAPSHOT = new URL("gas.snapshot.json", import.meta.url);
const TOLERANCE = 0.01;

describe("gas", () => {
  let gas: Gas;

  beforeAll(async () => {
    gas = await measureGas();
    if (process.env.UPDATE_GAS) writeFileSync(SNAPSHOT, `${JSON.stringify(gas, null, 2)}\n`);
  }, 120_000);

  it("is what the snapshot says, within a hundredth (UPDATE_GAS=1 writes it anew)", () => {
    const snapshot = JSON.parse(readFileSync(SNAPSHOT, "utf8")) as Gas;
    expect(Object.keys(gas)).toEqual(Object.keys(snapshot));
    const changed = Object.entries(snapshot).filter(([name, before]) => {
      return Math.abs((gas[name] as number) - before) > before * TOLERANCE;
    });
    expect(changed.map(([name, before]) => `${name}: ${before} → ${gas[name]}`)).toEqual([]);
  });

  it("keeps every target", () => {
    expect(ratios(gas).filter(({ ok }) => !ok)).toEqual([]);
  });
});
