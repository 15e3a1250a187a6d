/* Reads an EVE file as a node does, to candidates, once; prints lines, detections, and the CPU it took, in microseconds. */
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import type { Self } from "@anamnesis/sdk/core/types";
import { createFormattedFile } from "../../node/src/adapters/detectors/formatted-file.ts";

const [path = "", expected = "0"] = process.argv.slice(2);
const SELF: Self = {
  assets: [{ name: "controller", addresses: ["10.1.2.10"] }],
  domains: [],
  roles: { otNetwork: ["10.1.2.0/24"], writers: ["10.1.2.20", "10.1.2.30"], controllers: ["10.1.2.10"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};
const silence = { debug() {}, info() {}, warn() {}, error() {} };
const detector = createFormattedFile({
  name: "ids",
  path,
  format: "eve",
  clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
  log: silence,
  self: () => SELF,
});
const read = { lines: 0, detections: 0, candidates: 0 };
const done = Promise.withResolvers<void>();
const before = process.cpuUsage();
await detector.start(undefined, async ({ lines }) => {
  read.lines += lines.length;
  for (const line of lines) {
    if (line.kind !== "detection") continue;
    read.detections++;
    read.candidates += deriveCandidates(line.detection, {
      self: SELF,
      labPublic: ["203.0.113.0/24"],
    }).candidates.length;
  }
  if (read.lines >= Number(expected)) done.resolve();
});
await done.promise;
const { user, system } = process.cpuUsage(before);
await detector.stop();
process.stdout.write(JSON.stringify({ ...read, cpuUs: user + system }));
