/** Bench "memory": whether a node grows while it reads a log of gigabytes that is never on a disk. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FORMAT_LINES, type FormatLines } from "./format-lines.ts";
import { createIngest } from "./readers.ts";
import { atMost, type Figure, printed } from "./support.ts";

const MIB = 1 << 20;
/** What a heap may be larger by at one look than at another. */
const MOST_GROWN_MIB = 16;

/**
 * Resident memory after a tenth of the log, in the middle and at its end, after garbage is collected: `bytes`
 * of EVE (1 GiB by default), every line another alert, cut, decoded, hashed, deduplicated and read. The highest
 * value between is printed, garbage and all.
 */
export async function run({
  tiny,
  bytes = 1_024 * MIB,
}: {
  readonly tiny: boolean;
  readonly bytes?: number;
}): Promise<readonly Figure[]> {
  const whole = tiny ? 8 * MIB : bytes;
  const eve = FORMAT_LINES[0] as FormatLines;
  const ingest = createIngest(eve);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const resident = (): number => {
    collect();
    return process.memoryUsage().rss / MIB;
  };
  const marks = [0.1, 0.5, 1].map((share) => share * whole);
  const seen: number[] = [];
  let [done, n, highest] = [0, 0, 0];
  while (done < whole) {
    const chunk = Buffer.from(Array.from({ length: 2_000 }, () => `${eve.line(n++)}\n`).join(""));
    if (ingest(chunk) !== 2_000) throw new Error(`an alert was lost before byte ${done}`);
    done += chunk.length;
    highest = Math.max(highest, process.memoryUsage.rss() / MIB);
    while (done >= (marks[seen.length] ?? Number.POSITIVE_INFINITY)) seen.push(resident());
  }
  const [start, middle, end] = seen as [number, number, number];
  const read = `of ${Math.round(whole / MIB)} MiB`;
  return [
    printed("memory", `MiB resident after a tenth ${read}`, start),
    printed("memory", `MiB resident after half ${read}`, middle),
    printed("memory", `MiB resident after all ${read}`, end),
    printed("memory", "MiB resident at most", highest),
    atMost("memory", "MiB grown from a tenth to the end", end - start, MOST_GROWN_MIB),
  ];
}
