/** Bench "ingest": from the bytes of an EVE log to candidates in a queue, against bare JSON.parse. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Candidate, deriveCandidates } from "@anamnesis/sdk/core/candidates";
import type { Self } from "@anamnesis/sdk/core/types";
import { createOutcomes } from "../../node/src/adapters/detectors/eve-file.ts";
import { createLineSplitter, type Line } from "../../node/src/adapters/detectors/lines.ts";

/** One figure of a benchmark; `value` and `target` are in the metric's unit. */
export interface BenchResult {
  readonly name: string;
  readonly metric: string;
  readonly value: number;
  readonly target: number;
  readonly ok: boolean;
}

const FIXTURE = join(import.meta.dirname, "../../fixtures/attacks/internet-exploit.eve.json");

const SELF: Self = {
  assets: [
    { name: "gateway", addresses: ["10.1.5.80"] },
    { name: "plc", addresses: ["10.1.2.10"] },
  ],
  domains: ["plant.example"],
  roles: { otNetwork: ["10.1.2.0/24"], writers: ["10.1.2.20"], controllers: ["10.1.2.10"] },
  services: [{ name: "time", addresses: ["192.0.2.123"], domains: ["time.example"] }],
  files: [],
  confirmedAtMs: 0,
};
const LAB: readonly string[] = ["203.0.113.0/24"];

/** Every line another alert: time, flow, attacker's address and port differ. */
function novelLines(count: number): readonly string[] {
  const template = readFileSync(FIXTURE, "utf8")
    .split("\n")
    .find((line) => line.includes('"event_type":"alert"') && line.includes('"signature_id":9000101,'));
  if (template === undefined) throw new Error("the recorded attack has no alert 9000101");
  return Array.from({ length: count }, (_, i) =>
    template
      .replace(
        /T(\d\d:\d\d:\d\d)\.\d{6}/,
        (_all, time) => `T${time}.${String(i % 1_000_000).padStart(6, "0")}`,
      )
      .replace(/"flow_id":\d+/, `"flow_id":${1_000_000_000_000 + i * 7_919}`)
      .replaceAll("203.0.113.7", `45.${(i >> 8) & 255}.${i & 255}.7`)
      .replaceAll("41683", String(1_024 + (i % 60_000))),
  );
}

/** The node's own path from bytes to candidates; returns what was queued. */
function ingest(bytes: Buffer): {
  readonly lines: number;
  readonly queue: readonly (readonly Candidate[])[];
} {
  const splitter = createLineSplitter(0);
  const toOutcomes = createOutcomes({ name: "eve", clock: CLOCK, self: () => SELF });
  const context = { self: SELF, labPublic: LAB };
  const queue: (readonly Candidate[])[] = [];
  let lines = 0;
  for (let at = 0; at < bytes.length; ) {
    const copied = bytes.copy(splitter.room(), 0, at);
    splitter.added(copied);
    at += copied;
    for (;;) {
      const batch: Line[] = [];
      for (
        let line = splitter.next();
        line !== undefined;
        line = batch.length < 1_000 ? splitter.next() : undefined
      ) {
        batch.push(line);
      }
      if (batch.length === 0) break;
      for (const outcome of toOutcomes({ stream: "1:bench", lines: batch })) {
        lines++;
        if (outcome.kind === "detection") queue.push(deriveCandidates(outcome.detection, context).candidates);
      }
    }
  }
  return { lines, queue };
}

const CLOCK = { nowMs: () => 1_800_000_000_000, monotonicMs: () => 0 };

/** Nanoseconds a line of one run. */
function time(lines: number, run: () => void): number {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / lines;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

/**
 * BENCH.md row 2: lines/s through split, decode, hash, dedupe, parse, validate, normalise, candidates and
 * enqueue, as a ratio to JSON.parse of the same lines (already split and decoded) in the same run.
 */
export async function run(options: { readonly tiny: boolean }): Promise<readonly BenchResult[]> {
  const count = options.tiny ? 200 : 4_000;
  const rounds = options.tiny ? 2 : 41;
  const novel = novelLines(count);
  const repeated = Array.from({ length: count }, (_, i) => novel[i % 20 === 0 ? i : i - (i % 20)] as string);
  const bytesOf = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join("\n")}\n`);
  const [novelBytes, repeatedBytes] = [bytesOf(novel), bytesOf(repeated)];
  const check = (bytes: Buffer, detections: number): void => {
    const { lines, queue } = ingest(bytes);
    if (
      lines !== count ||
      queue.length !== detections ||
      queue.some((candidates) => candidates.length === 0)
    ) {
      throw new Error(`${lines} of ${count} lines, ${queue.length} of ${detections} detections`);
    }
  };

  const novelRatios: number[] = [];
  const repeatedRatios: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const bare = time(count, () => {
      for (const line of novel) JSON.parse(line);
    });
    const all = time(count, () => check(novelBytes, count));
    const bareRepeated = time(count, () => {
      for (const line of repeated) JSON.parse(line);
    });
    const few = time(count, () => check(repeatedBytes, Math.ceil(count / 20)));
    if (round === 0) continue; // warm-up
    novelRatios.push(bare / all);
    repeatedRatios.push(bareRepeated / few);
  }
  return [
    result("all novel ÷ JSON.parse, lines/s", median(novelRatios), 0.6),
    result("95 % duplicates ÷ JSON.parse, lines/s", median(repeatedRatios), 1.5),
  ];
}

function result(metric: string, value: number, target: number): BenchResult {
  return { name: "ingest", metric, value: Math.round(value * 1000) / 1000, target, ok: value >= target };
}
