/** Bench "ingest": from the bytes of an EVE log to candidates in a queue, against bare JSON.parse. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Candidate, deriveCandidates } from "@anamnesis/sdk/core/candidates";
import type { Self } from "@anamnesis/sdk/core/types";
import { createLineSplitter, type Line } from "../../node/src/adapters/detectors/lines.ts";
import { createOutcomes } from "../../node/src/adapters/detectors/outcomes.ts";

/** One figure of a benchmark; `value` is a ratio. */
export interface BenchResult {
  readonly name: string;
  readonly metric: string;
  readonly value: number;
  readonly target: string;
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

const TEMPLATE = readFileSync(FIXTURE, "utf8")
  .split("\n")
  .find((line) => line.includes('"event_type":"alert"') && line.includes('"signature_id":9000101,'));

/** Every line another alert than any with another number: time, flow, attacker's address and port differ. */
function novelLine(number: number): string {
  if (TEMPLATE === undefined) throw new Error("the recorded attack has no alert 9000101");
  const line = TEMPLATE.replace(
    /T\d\d:\d\d:\d\d\.\d{6}/,
    `T01:15:33.${String(number % 1_000_000).padStart(6, "0")}`,
  )
    .replace(/"flow_id":\d+/, `"flow_id":${1_000_000_000_000 + number * 7_919}`)
    .replaceAll("203.0.113.7", `45.${(number >> 8) & 255}.${number & 255}.7`)
    .replaceAll("41683", String(1_024 + (number % 60_000)));
  // Flat in memory, as a decoder gives it: JSON.parse must not pay for how the line was made.
  return Buffer.from(line).toString();
}

/** The node's own path from bytes to candidates, as it stands after hours: nothing is set up anew. */
function createIngest(): (bytes: Buffer) => {
  readonly lines: number;
  readonly queue: readonly (readonly Candidate[])[];
} {
  const splitter = createLineSplitter(0);
  const toOutcomes = createOutcomes({ name: "eve", path: "eve.json", clock: CLOCK, self: () => SELF });
  const context = { self: SELF, labPublic: LAB };
  return (bytes) => {
    const queue: (readonly Candidate[])[] = [];
    let lines = 0;
    for (let at = 0; at < bytes.length; ) {
      const copied = bytes.copy(splitter.room(), 0, at);
      splitter.added(copied);
      at += copied;
      for (;;) {
        const batch: Line[] = [];
        while (batch.length < 1_000) {
          const line = splitter.next();
          if (line === undefined) break;
          batch.push(line);
        }
        if (batch.length === 0) break;
        for (const outcome of toOutcomes.of({ stream: "1:bench", lines: batch })) {
          lines++;
          if (outcome.kind === "detection")
            queue.push(deriveCandidates(outcome.detection, context).candidates);
        }
      }
    }
    return { lines, queue };
  };
}

const CLOCK = { nowMs: () => 1_800_000_000_000, monotonicMs: () => 0 };

/** Collects garbage, so that a run pays for its own and not for that of the making of its input. */
const collect: () => void = (() => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: { readonly type: "minor" }) => void;
  return () => gc({ type: "minor" });
})();

/** Nanoseconds a line of one run. */
function time(lines: number, run: () => void): number {
  collect();
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / lines;
}

/**
 * BENCH.md row 2: lines/s through split, decode, hash, dedupe, parse, validate, normalise, candidates and
 * enqueue, as a ratio to JSON.parse of the same lines (already split and decoded) in the same round.
 */
export async function run(options: { readonly tiny: boolean }): Promise<readonly BenchResult[]> {
  const count = options.tiny ? 200 : 4_000;
  const rounds = options.tiny ? 5 : 41;
  const ingest = createIngest();
  let number = 0;
  const ratio = (novelEvery: number): number => {
    const lines: string[] = [];
    for (let i = 0; i < count; i++) {
      lines.push(i % novelEvery === 0 ? novelLine(number++) : (lines[i - (i % novelEvery)] as string));
    }
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    const bare = time(count, () => {
      for (const line of lines) JSON.parse(line);
    });
    let result: ReturnType<typeof ingest> | undefined;
    const all = time(count, () => {
      result = ingest(bytes);
    });
    const detections = Math.ceil(count / novelEvery);
    if (result?.lines !== count || result.queue.length !== detections || result.queue.some(isEmpty)) {
      throw new Error(
        `${result?.lines} of ${count} lines, ${result?.queue.length} of ${detections} detections`,
      );
    }
    return bare / all;
  };
  const novel: number[] = [];
  const repeated: number[] = [];
  for (let round = -3; round < rounds; round++) {
    const ratios = [ratio(1), ratio(20)] as const;
    if (round < 0) continue; // warm-up
    novel.push(ratios[0]);
    repeated.push(ratios[1]);
  }
  return [
    toResult("all novel ÷ JSON.parse, lines/s", novel, 0.6),
    toResult("95 % duplicates ÷ JSON.parse, lines/s", repeated, 1.5),
  ];
}

function isEmpty(candidates: readonly Candidate[]): boolean {
  return candidates.length === 0;
}

function toResult(metric: string, ratios: readonly number[], target: number): BenchResult {
  const sorted = [...ratios].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.floor((sorted.length - 1) * share)] as number).toFixed(2);
  const value = Number((sorted[Math.floor(sorted.length / 2)] as number).toFixed(3));
  return {
    name: "ingest",
    metric: `${metric} (median of ${sorted.length} rounds, quartiles ${at(0.25)}–${at(0.75)})`,
    value,
    target: `≥ ${target}`,
    ok: value >= target,
  };
}
