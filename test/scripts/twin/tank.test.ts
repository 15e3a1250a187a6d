import { describe, expect, test } from "vitest";
import { AT_REST, BAND, HIGH_HIGH_M, RIM_M, STEP_S, step, type Tank } from "../../../scripts/twin/tank.ts";

/** The tank after so many seconds. */
function run(seconds: number, tank: Tank): Tank {
  let now = tank;
  for (let i = 0; i < Math.round(seconds / STEP_S); i++) now = step(now);
  return now;
}

/** Seconds until the level is above a mark. */
function secondsTo(level: number, tank: Tank): number {
  let [now, seconds] = [tank, 0];
  while (now.levelM <= level && seconds < 120) [now, seconds] = [step(now), seconds + STEP_S];
  return seconds;
}

describe("the tank", () => {
  test("stays where it is at its set point", () => {
    expect(run(60, AT_REST).levelM).toBeCloseTo(1, 6);
  });

  test("follows a new set point without leaving its band", () => {
    const moved = run(30, { ...AT_REST, setPointM: 1.05 });
    expect(moved.levelM).toBeCloseTo(1.05, 2);
    expect(run(30, { ...moved, setPointM: 1 }).levelM).toBeCloseTo(1, 2);
  });

  test("under the attack leaves its band in 2 to 5 s, passes high-high at about 8 s and the rim at about 16 s", () => {
    const attacked: Tank = { ...AT_REST, isManual: true, manualValve: 1, isOutletOpen: false };
    expect(secondsTo(BAND.high, attacked)).toBeGreaterThan(2);
    expect(secondsTo(BAND.high, attacked)).toBeLessThan(5);
    expect(secondsTo(HIGH_HIGH_M, attacked)).toBeCloseTo(8.3, 0);
    expect(secondsTo(RIM_M - 0.001, attacked)).toBeCloseTo(16.7, 0);
    expect(run(120, attacked).levelM).toBe(RIM_M);
  });

  test("never holds less than nothing", () => {
    const drained = run(300, { ...AT_REST, isManual: true, manualValve: 0 });
    expect(drained.levelM).toBeGreaterThanOrEqual(0);
    expect(drained.levelM).toBeLessThan(0.01);
  });
});
