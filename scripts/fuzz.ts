/* `npm run fuzz -- FORMAT SECONDS [SEED]`: mutates lines, keeps those that reach new code, and stops at the first broken promise. */
import { judgeLine } from "../test/fuzz/judge.ts";
import { createRandom, lengthen, mutate } from "../test/fuzz/mutants.ts";
import { SEEDS } from "../test/fuzz/seeds.ts";
import { startCoverage } from "./fuzz/coverage.ts";

const [name, seconds = "60", start = "1"] = process.argv.slice(2);
const seed = SEEDS.find((each) => each.name === name);
if (seed === undefined) {
  process.stderr.write(
    `${name ?? "nothing"} is no format; give one of ${SEEDS.map((each) => each.name).join(", ")}\n`,
  );
  process.exit(2);
}

/** Longer inputs are tried, and not grown from. */
const LONGEST_KEPT = 16_384;
const MOST_KEPT = 4_096;
/** Inputs between two looks at the coverage: looking costs as much as they do. */
const BATCH = 32;
/** Milliseconds of a processor that no line of a megabyte may take. */
const SLOWEST_MS = 3_000;
const ONE_IN = 2_000;

const random = createRandom(Number(start));
const corpus: Buffer[] = [...seed.others, ...Array.from({ length: 4 }, (_, n) => seed.line(n))].map((line) =>
  Buffer.from(line),
);
const known = new Set<string>();
/** What single inputs reach, without the counts of a batch. */
const reached = new Set<string>();
const coverage = await startCoverage(["/sdk/src/formats/", "/sdk/src/core/"]);
const end = performance.now() + Number(seconds) * 1_000;
let runs = 0;
let slowest = 0;

function judge(line: Buffer): void {
  const began = process.cpuUsage();
  try {
    judgeLine(seed as NonNullable<typeof seed>, line);
  } catch (error) {
    fail(line, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const took = process.cpuUsage(began).user / 1_000;
  slowest = Math.max(slowest, took);
  if (took > SLOWEST_MS) fail(line, `took ${Math.round(took)} ms`);
  runs++;
}

function fail(line: Buffer, why: string): never {
  // Of a megabyte the middle is the same text again and again.
  const text = line.toString("latin1");
  const shown = text.length > 8_192 ? [text.slice(0, 4_096), text.slice(-4_096)] : [text];
  process.stdout.write(`${name}: ${why}\n${line.length} bytes: ${JSON.stringify(shown)}\n`);
  process.exit(1);
}

async function isNew(lines: readonly Buffer[]): Promise<boolean> {
  for (const line of lines) judge(line);
  const before = known.size;
  for (const place of await coverage.taken()) known.add(place);
  return known.size > before;
}

await isNew(corpus);
while (performance.now() < end) {
  const batch = Array.from({ length: BATCH }, () => {
    // The newest inputs reached what others did not.
    const at = Math.floor(Math.max(random(), random()) * corpus.length);
    const line = corpus[at] as Buffer;
    return random() < 1 / ONE_IN ? lengthen(line, random) : mutate(line, random, corpus);
  });
  if (!(await isNew(batch))) continue;
  // Which of them it was: the code is known now, so each is held against what the others reach alone.
  for (const line of batch) {
    if (line.length > LONGEST_KEPT || corpus.length >= MOST_KEPT) continue;
    judge(line);
    const places = await coverage.taken();
    if ([...places].some((place) => !reached.has(place))) corpus.push(line);
    for (const place of places) reached.add(place);
  }
}
coverage.stop();
process.stdout.write(
  `${name}: ${runs} lines, ${corpus.length} kept, ${known.size} places, slowest ${Math.round(slowest)} ms, nothing broken\n`,
);
