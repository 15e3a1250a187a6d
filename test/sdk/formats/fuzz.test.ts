/** Structured fuzzing by a fixed seed; `npm run fuzz -- FORMAT SECONDS` goes on from here, guided by coverage. */
import { PassThrough } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inspectFile } from "../../../node/src/adapters/detectors/inspect-file.ts";
import { judgeLine, judgeOutcome, readStream } from "../../fuzz/judge.ts";
import { createRandom, lengthen, mutate } from "../../fuzz/mutants.ts";
import { SEEDS, type Seed } from "../../fuzz/seeds.ts";

const MUTANTS = 800;

/** Runs a judgement of every mutant; a failure names the mutant. */
function each(seed: Seed, start: number, count: number, judge: (mutant: Buffer) => void, long = false): void {
  const random = createRandom(start);
  const lines = [...seed.others, ...Array.from({ length: 8 }, (_, n) => seed.line(n))].map((line) =>
    Buffer.from(line),
  );
  for (let n = 0; n < count; n++) {
    const line = lines[n % lines.length] as Buffer;
    const mutant = long ? lengthen(line, random) : mutate(line, random, lines);
    try {
      judge(mutant);
    } catch (cause) {
      throw new Error(`mutant ${n}: ${JSON.stringify(mutant.toString("latin1").slice(0, 2_000))}`, { cause });
    }
  }
}

describe.each(SEEDS.map((seed) => [seed.name, seed] as const))("the reader of %s", (_name, seed) => {
  it("reads the lines that it is fuzzed from", () => {
    for (const line of [seed.line(1), ...seed.others]) judgeLine(seed, Buffer.from(line));
  });

  it("gives a sound, counted outcome for every damaged line", () =>
    each(seed, 1, MUTANTS, (mutant) => judgeLine(seed, mutant)));

  it("is done with a line of a megabyte", () =>
    each(
      seed,
      2,
      4,
      (mutant) => {
        judgeLine(seed, mutant);
        readStream(seed, mutant);
      },
      true,
    ));

  it("loses no alert to the damaged lines between", () => {
    const lines: Buffer[] = seed.head.map((line) => Buffer.from(line));
    let whole = 0;
    each(seed, 3, MUTANTS, (mutant) => {
      // A header is obeyed, and one of another log would rightly change what follows.
      if (mutant[0] === 0x23 || mutant.subarray(0, 8).includes(0)) return;
      lines.push(mutant, Buffer.from(seed.line(1_000 + whole++)));
    });
    const stream = Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
    const outcomes = readStream(seed, stream, 4_099);
    for (const outcome of outcomes) judgeOutcome(outcome);
    expect(readStream(seed, stream)).toEqual(outcomes);
    // A packet is no alert but for the baseline.
    const kinds = seed.name === "tshark" ? ["context", "detection"] : ["detection"];
    expect(outcomes.filter(({ kind }) => kinds.includes(kind)).length).toBeGreaterThanOrEqual(whole);
  });
});

describe("a packed log", () => {
  const inspect = (packed: Uint8Array) => {
    const stream = new PassThrough();
    stream.end(packed);
    return inspectFile(stream, {
      self: {
        assets: [],
        domains: [],
        roles: { otNetwork: [], writers: [], controllers: [] },
        services: [],
        files: [],
        confirmedAtMs: 0,
      },
      readAtMs: 0,
      mostBytes: 8 << 20,
    });
  };

  it.each([
    ["one endless line", Buffer.alloc(32 << 20, "{")],
    ["nothing but line ends", Buffer.alloc(32 << 20, "\n")],
    ["half a record, again and again", Buffer.alloc(32 << 20, '{"event_type":\n')],
  ])("that unpacks to %s is read as far as is allowed, and what it holds is counted", async (_name, text) => {
    const before = process.memoryUsage().arrayBuffers;
    const report = await inspect(gzipSync(text, { level: 1 }));
    expect(report).toMatchObject({ packed: true, complete: false });
    expect(report.bytes).toBeLessThanOrEqual((8 << 20) + (1 << 20));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
  });
});
