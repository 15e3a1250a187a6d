/** Bench "memory": whether a node grows while it reads a log of gigabytes that is never on a disk. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FORMAT_LINES, type FormatLines } from "./format-lines.ts";
import { createIngest } from "./readers.ts";
import { atMost, type Figure, printed } from "./support.ts";

const MIB = 1 << 20;
/** What is held may be larger by this at one look than at another. */
const MOST_GROWN_MIB = 8;
/** What collectors and allocators take and give back as they please. */
const MOST_SWING_MIB = 192;

/**
 * What is held (heap and buffers) and what is resident after a tenth of the log, in the middle and at its end,
 * after garbage is collected: `bytes` of EVE (1 GiB by default), every line another alert, cut, decoded, hashed,
 * deduplicated and read.
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
  const look = (): Look => {
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { resident: rss / MIB, held: (heapUsed + external) / MIB };
  };
  const marks = [0.1, 0.5, 1].map((share) => share * whole);
  const seen: Look[] = [];
  let [done, n, highest] = [0, 0, 0];
  while (done < whole) {
    const chunk = Buffer.from(Array.from({ length: 2_000 }, () => `${eve.line(n++)}\n`).join(""));
    if (ingest(chunk) !== 2_000) throw new Error(`an alert was lost before byte ${done}`);
    done += chunk.length;
    highest = Math.max(highest, process.memoryUsage.rss() / MIB);
    while (done >= (marks[seen.length] ?? Number.POSITIVE_INFINITY)) seen.push(look());
  }
  const [start, middle, end] = seen as [Look, Look, Look];
  const read = `of ${Math.round(whole / MIB)} MiB`;
  return [
    printed("memory", `MiB resident after a tenth ${read}`, start.resident),
    printed("memory", `MiB resident after half ${read}`, middle.resident),
    printed("memory", `MiB resident after all ${read}`, end.resident),
    atMost(
      "memory",
      "MiB resident at most, beyond those after a tenth",
      highest - start.resident,
      MOST_SWING_MIB,
    ),
    atMost("memory", "MiB held more at the end than after a tenth", end.held - start.held, MOST_GROWN_MIB),
  ];
}

interface Look {
  readonly resident: number;
  readonly held: number;
}
