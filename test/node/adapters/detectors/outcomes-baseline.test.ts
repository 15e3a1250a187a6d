/** A detector whose setting has a baseline raises it from its ordinary records; one without raises nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createOutcomes } from "../../../../node/src/adapters/detectors/outcomes.ts";
import { detectorSetting } from "../../../../node/src/detector-setting.ts";
import { SELF } from "../../support/plant.ts";

const ATTACK = join(import.meta.dirname, "../../../../fixtures/attacks/modbus-write-b.eve.json");

function raised(setting: object): (string | number)[] {
  const { baseline } = detectorSetting.parse({ name: "ids", path: "eve.json", ...setting });
  const outcomes = createOutcomes({
    name: "ids",
    path: "eve.json",
    baseline,
    clock: { nowMs: () => 0, monotonicMs: () => 0 },
    self: () => SELF,
  });
  const lines = readFileSync(ATTACK, "utf8")
    .split("\n")
    // What its own rule says of a request stands for it.
    .filter((line) => !line.includes('"event_type":"alert"'))
    .map((line, offset) => ({ offset, bytes: Buffer.from(line), tooLong: false }));
  return outcomes
    .of({ stream: "s", lines })
    .flatMap((one) => (one.kind === "detection" ? [one.detection.rule.id] : []));
}

test("of 18 writes at its own controller plant B raises 18, when its sensor says where it listens", () => {
  expect(raised({})).toEqual([]);
  expect(raised({ baseline: { level: 2 } })).toEqual(Array(18).fill("modbus-write-by-non-writer"));
  expect(raised({ baseline: { level: 2, off: ["modbus-write-by-non-writer"] } })).toEqual([]);
  expect(raised({ baseline: { level: 5 } })).toEqual([]);
});

test("a level or a class that is none is refused", () => {
  for (const baseline of [
    {},
    { level: 2.5 },
    { level: "2" },
    { level: 2, off: ["modbus"] },
    { level: 2, on: [] },
  ])
    expect(detectorSetting.safeParse({ name: "ids", path: "eve.json", baseline }).success).toBe(false);
});
