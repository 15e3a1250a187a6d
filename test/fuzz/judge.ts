/** What every reader promises of whatever it is given, without any test framework. */
import { canonicalAddress } from "@anamnesis/sdk/core/address";
import type { LineOutcome, Self } from "@anamnesis/sdk/core/types";
import { formatNamed } from "@anamnesis/sdk/formats/formats";
import { createLineSplitter, type Line } from "../../node/src/adapters/detectors/lines.ts";
import { createOutcomes } from "../../node/src/adapters/detectors/outcomes.ts";
import type { Seed } from "./seeds.ts";

const SELF: Self = {
  assets: [{ name: "plc", addresses: ["10.20.0.10"] }],
  domains: ["plant.example"],
  roles: { otNetwork: ["10.20.0.0/24"], writers: ["10.20.0.20"], controllers: ["10.20.0.10"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};
const READ_AT_MS = 1_800_000_000_000;
const CLOCK = { nowMs: () => READ_AT_MS, monotonicMs: () => 0 };
const EARLIEST_MS = -62_200_000_000_000;
const LATEST_MS = 253_500_000_000_000;

/** A stream through splitter, dedupe and reader, in pieces of `piece` bytes. Throws what a reader throws. */
export function readStream(seed: Seed, stream: Buffer, piece = 65_536): readonly LineOutcome[] {
  const splitter = createLineSplitter(0);
  const baseline = { level: 1, off: [] } as const;
  const outcomes = createOutcomes({
    name: "box",
    path: seed.path ?? "box.log",
    format: seed.name,
    clock: CLOCK,
    self: () => SELF,
    ...(seed.mapping !== undefined && { mapping: seed.mapping }),
    baseline,
  });
  const found: LineOutcome[] = [];
  const take = (next: () => Line | undefined): void => {
    const lines: Line[] = [];
    for (let line = next(); line !== undefined; line = next()) lines.push(line);
    if (lines.length > 0) found.push(...outcomes.of({ stream: "1:fuzz", lines }));
  };
  for (let at = 0; at < stream.length; ) {
    const copied = stream.copy(splitter.room(), 0, at, Math.min(stream.length, at + piece));
    splitter.added(copied);
    at += copied;
    take(splitter.next);
  }
  take(splitter.rest);
  found.push(...outcomes.end());
  return found;
}

/** One line alone: throws an Error that says which promise was not kept. */
export function judgeLine(seed: Seed, line: Buffer): void {
  const reader = formatNamed(seed.name).createReader({
    detector: "box",
    path: seed.path ?? "box.log",
    ...(seed.mapping !== undefined && { mapping: seed.mapping }),
    onTraffic: () => {},
  });
  let offset = 0;
  const at = () => ({ offset, stream: "1:fuzz", readAtMs: READ_AT_MS, self: SELF });
  for (const head of seed.head) {
    reader.push(Buffer.from(head), at());
    offset += head.length + 1;
  }
  const outcomes = [...reader.push(line, at()), ...reader.end(at())];
  for (const outcome of outcomes) judgeOutcome(outcome);
  // Brackets, commas and blanks between records are nothing; everything else is counted.
  if (outcomes.length === 0 && !/^[\s,[\]\x1e\ufeff]*$/.test(line.toString()))
    throw new Error("a line was lost");
  if (outcomes.length > 16_500) throw new Error(`${outcomes.length} outcomes of one line`);
}

/** Throws when an outcome is not sound. */
export function judgeOutcome(outcome: LineOutcome): void {
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`${what}: ${JSON.stringify(outcome).slice(0, 1_000)}`);
  };
  if (outcome.kind === "rejected") {
    must(/^line\.[a-zA-Z]+$/.test(outcome.reason) && outcome.example.length <= 200, "an unsound reason");
  } else if (outcome.kind === "context") {
    must(outcome.eventType.length <= 64, "a long kind of context");
  } else if (outcome.kind === "detection") {
    const { detection } = outcome;
    must(/^0x[0-9a-f]{64}$/.test(detection.id), "an unsound id");
    must(Number.isSafeInteger(detection.atMs), "a time that is none");
    must(detection.atMs > EARLIEST_MS && detection.atMs < LATEST_MS, "a time of no calendar");
    const { severity, rule } = detection;
    must(severity === null || (severity >= 0 && severity <= 100), "a severity beyond its scale");
    must(typeof rule.id === "string" || Number.isSafeInteger(rule.id), "a rule without id");
    must(typeof rule.name === "string" && rule.name.length <= 512, "a long name");
    must(!/[\u0000-\u001f\u007f]/.test(rule.name + rule.category + String(rule.id)), "control characters");
    for (const end of [detection.attacker, detection.victim]) {
      if (end === undefined) continue;
      must(canonicalAddress(end.address) === end.address, "an address that is not canonical");
      must(
        end.port === undefined || (Number.isInteger(end.port) && end.port >= 0 && end.port <= 65_535),
        "no port",
      );
    }
    must(detection.attacker !== undefined || detection.observables.length === 0, "observables of nobody");
    for (const text of [detection.transport, detection.appProtocol, detection.flowId, detection.communityId])
      must(text === undefined || (typeof text === "string" && text.length <= 64), "a long text");
    must(JSON.stringify(detection).length < 8_000, "a large detection");
  }
}
