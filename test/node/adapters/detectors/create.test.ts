import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createDetectors } from "../../../../node/src/adapters/detectors/create.ts";
import { createMemoryStore } from "../../../../node/src/adapters/store/memory.ts";
import { detectorSetting } from "../../../../node/src/detector-setting.ts";
import type { Detector, LineBatch } from "../../../../node/src/ports.ts";
import { loadDetections } from "../../../../node/src/state/detections.ts";
import { SELF } from "../../../sdk/eve-support.ts";
import { makeFolder, makeLog, until } from "./support.ts";

let folder: string;
let close: () => Promise<void>;
const running: Detector[] = [];
beforeEach(async () => {
  [folder, close] = await makeFolder();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  await close();
});

const surroundings = () => ({
  clock: { nowMs: () => 1_000, monotonicMs: () => 0 },
  log: makeLog().log,
  self: () => SELF,
  plant: "a",
});

it("every source of a setting becomes its detector, and what is published over HTTP none", async () => {
  const cef = (n: number): string => `CEF:0|V|P|1|${n}|odd|5|src=203.0.113.66\n`;
  await writeFile(join(folder, "a.log"), cef(1));
  await writeFile(join(folder, "b.log"), cef(2));
  const settings = [
    { name: "file", format: "cef", path: join(folder, "a.log") },
    { name: "folder", format: "cef", directory: folder, files: "b*" },
    { name: "udp", format: "cef", listen: "udp://127.0.0.1:0" },
    { name: "http", format: "cef", http: true },
  ].map((setting) => detectorSetting.parse(setting));
  const plain = settings.map(({ mapping: _none, ...rest }) => rest);
  const detectors = createDetectors(plain, surroundings());
  expect(detectors.map(({ name }) => name)).toEqual(["file", "folder", "udp"]);
  const seen = new Set<string>();
  for (const detector of detectors) {
    running.push(detector);
    await detector.start(undefined, async ({ detector: from }) => void seen.add(from));
  }
  await until(() => seen.size === 2);
});

it("what is refused is counted for doctor, however much it is", async () => {
  const [setting] = [{ name: "box", format: "cef", listen: "tcp://127.0.0.1:0", from: ["10.0.0.1"] }].map(
    (one) => detectorSetting.parse(one),
  );
  const { mapping: _none, ...plain } = setting as NonNullable<typeof setting>;
  const [detector] = createDetectors([plain], surroundings()) as [Detector & { address(): { port: number } }];
  running.push(detector);
  const store = createMemoryStore();
  const detections = await loadDetections(store);
  await detector.start(undefined, async (batch: LineBatch) => {
    const { ops, done } = detections.stageBatch(batch);
    await store.commit(ops);
    done();
  });
  for (let i = 0; i < 5; i++) connect(detector.address().port, "127.0.0.1").on("error", () => undefined);
  await until(() => detections.counts().get("box")?.rejected["line.sender"] === 5);
  expect(detections.counts().get("box")).toMatchObject({ lines: 5, detections: 0 });
});
