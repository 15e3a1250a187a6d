/** Bench "readers": every format's lines through split, decode, hash, dedupe and reader, against JSON.parse of as many bytes. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Self } from "@anamnesis/sdk/core/types";
import { createLineSplitter, type Line } from "../../node/src/adapters/detectors/lines.ts";
import { createOutcomes } from "../../node/src/adapters/detectors/outcomes.ts";
import { FORMAT_LINES, type FormatLines } from "./format-lines.ts";
import type { BenchResult } from "./ingest.ts";

const SELF: Self = {
  assets: [{ name: "plc", addresses: ["10.20.0.10"] }],
  domains: [],
  roles: { otNetwork: ["10.20.0.0/24"], writers: ["10.20.0.20"], controllers: ["10.20.0.10"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};
const CLOCK = { nowMs: () => 1_800_000_000_000, monotonicMs: () => 0 };

/** The node's own path from the bytes of a log to outcomes; gives how many of a piece were detections. */
export function createIngest({ name, path, mapping }: FormatLines): (bytes: Buffer) => number {
  const splitter = createLineSplitter(0);
  const outcomes = createOutcomes({
    name: "box",
    path: path ?? "box.log",
    format: name,
    clock: CLOCK,
    self: () => SELF,
    ...(mapping !== undefined && { mapping }),
  });
  return (bytes) => {
    let detections = 0;
    for (let at = 0; at < bytes.length; ) {
      const copied = bytes.copy(splitter.room(), 0, at);
      splitter.added(copied);
      at += copied;
      for (;;) {
        const batch: Line[] = [];
        for (
          let line = splitter.next();
          line !== undefined;
          line = batch.length < 999 ? splitter.next() : undefined
        )
          batch.push(line);
        if (batch.length === 0) break;
        for (const { kind } of outcomes.of({ stream: "1:bench", lines: batch }))
          if (kind === "detection") detections++;
      }
    }
    return detections;
  };
}

const collect: () => void = (() => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void;
  return () => gc({ type: "minor" });
})();

/** Nanoseconds of one run. */
function time(run: () => void): number {
  collect();
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start);
}

const TARGET = 0.3;

/**
 * For each format the bytes it reads in the time in which JSON.parse reads one byte, median of the rounds.
 * A format that is JSON is held against its own lines; another against EVE's, as many bytes.
 */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly BenchResult[]> {
  const count = tiny ? 100 : 3_000;
  const rounds = tiny ? 3 : 21;
  const results: BenchResult[] = [];
  let n = 0;
  const flat = (text: string): string => Buffer.from(text).toString();
  for (const format of FORMAT_LINES) {
    const ingest = createIngest(format);
    if (format.head !== undefined) ingest(Buffer.from(`${format.head.join("\n")}\n`));
    const ratios: number[] = [];
    for (let round = -3; round < rounds; round++) {
      const lines = Array.from({ length: count }, () => flat(format.line(n++)));
      const isJson = lines[0]?.startsWith("{") === true;
      const parsed = isJson
        ? lines
        : Array.from({ length: count }, () => flat((FORMAT_LINES[0] as FormatLines).line(n++)));
      const bytes = Buffer.from(`${lines.join("\n")}\n`);
      const parsedBytes = parsed.reduce((sum, line) => sum + line.length + 1, 0);
      const bare =
        time(() => {
          for (const line of parsed) JSON.parse(line);
        }) / parsedBytes;
      let detections = 0;
      const all = time(() => {
        detections = ingest(bytes);
      });
      if (detections !== count) throw new Error(`${format.name}: ${detections} detections of ${count} lines`);
      if (round >= 0) ratios.push(bare / (all / bytes.length));
    }
    const value = median(ratios);
    results.push({
      name: "readers",
      metric: `${format.name}, ratio to JSON.parse`,
      value,
      target: `≥ ${TARGET}`,
      ok: value >= TARGET,
    });
  }
  return results;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}
