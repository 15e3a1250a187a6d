/** One attack, one record: whichever detector saw it, and however often. */
import { icsRequest } from "@anamnesis/sdk/core/ics";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { Detection } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";
import { makeConsortium } from "../support/consortium.ts";
import { conduct } from "../support/plant.ts";
import { detectionOf } from "../support/surroundings.ts";

const WRITE = indicatorId(toPattern(conduct));

/** A Modbus write as one of the plant's detectors tells it. */
function write(line: number, change: Partial<Detection> = {}): Detection {
  return detectionOf("10.2.2.66", {
    line,
    attacker: { address: "10.2.2.66", port: 40_000 },
    victim: { address: "10.2.2.10", port: 502 },
    observables: [],
    appProtocol: "modbus",
    ics: icsRequest("modbus", 6)!,
    attackIds: ["T0855"],
    ...change,
  });
}

test("Suricata and Zeek seeing the same write give one record, and it names both", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  const tell = (detection: Detection) => first.lines.push({ kind: "detection", detection });
  tell(write(1, { detector: "suricata" }));
  tell(
    write(2, {
      detector: "zeek",
      rule: { engine: "zeek", gid: 0, id: "Modbus::Write", rev: 0, name: "another name", category: "" },
      attackIds: [],
      severity: 40,
    }),
  );
  await consortium.settle();
  const records = [...first.running!.rooms.memory.records()].filter(({ form }) => form?.form === "behaviour");
  expect(records.map(({ id }) => id)).toEqual([WRITE]);
  expect(first.running!.rooms.detections.detectorsOf(WRITE)).toEqual(["suricata", "zeek"]);
  const view = consortium.view(first, WRITE);
  expect([view?.detectors, view?.sightings.count]).toEqual([["suricata", "zeek"], 2]);
  // A detector's name says something about the plant: it stays there, and survives a restart.
  expect(consortium.view(consortium.plant(2), WRITE)?.detectors).toEqual([]);
  consortium.crash(first);
  await consortium.start(first);
  expect(first.running!.rooms.detections.detectorsOf(WRITE)).toEqual(["suricata", "zeek"]);
  await close();
});

test("10,000 equal alerts are one record with its count, first and last time", {
  timeout: 60_000,
}, async () => {
  const [consortium, close] = await makeConsortium(1);
  const plant = consortium.plant(1);
  for (let line = 0; line < 10_000; line++) plant.lines.push({ kind: "detection", detection: write(line) });
  await consortium.until(
    () =>
      plant.running!.rooms.detections.pendingCount() === 0 &&
      (consortium.view(plant, WRITE)?.sightings.count ?? 0) === 10_000,
  );
  const { memory, detections } = plant.running!.rooms;
  expect([...memory.records()].length).toBe(1);
  expect(detections.queued()).toEqual([]);
  expect(consortium.view(plant, WRITE)?.sightings).toEqual({
    count: 10_000,
    firstMs: write(0).atMs,
    lastMs: write(9999).atMs,
    plants: 1,
  });
  // Told now and then, never one by one.
  expect(plant.running!.rooms.feeds.size(plant.key)).toBeLessThan(100);
  await close();
});

test("a bare class becomes no record, and refuting a record leaves its class as it is", async () => {
  const [consortium, close] = await makeConsortium(4);
  const first = consortium.plant(1);
  const { ics: _none, ...bare } = write(1);
  first.lines.push({ kind: "detection", detection: bare });
  await consortium.settle();
  expect([...first.running!.rooms.memory.records()]).toEqual([]);

  first.lines.push({ kind: "detection", detection: write(2) });
  await consortium.settle();
  for (const number of [2, 3]) await consortium.plant(number).running!.commands.attest(WRITE, 2, 80);
  await consortium.settle();
  expect(consortium.status(first, WRITE)).toBe("refuted");
  // The same class with another function is another record, and stands.
  first.lines.push({ kind: "detection", detection: write(3, { ics: icsRequest("modbus", 16)! }) });
  await consortium.settle();
  const others = [...first.running!.rooms.memory.records()].filter(({ id }) => id !== WRITE);
  expect(others.map(({ class: of }) => of)).toEqual(["modbus-write-by-non-writer"]);
  expect(consortium.status(first, others[0]!.id)).not.toBe("refuted");
  await close();
});
