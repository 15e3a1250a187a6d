import type { StoredDetection } from "../../state/detections.ts";
import { clean, type Format, makeStyle, type Style, short, time } from "../output.ts";
import type { Session } from "../session.ts";

const PAGE = 200;

/** Prints the last detections, oldest first, and with `follow` every new one, until interrupted. */
export async function tailDetections(
  { ask }: Session,
  options: { readonly lines: number; readonly follow?: true },
  format: Format,
): Promise<void> {
  const style = makeStyle();
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    // The cursor first: what arrives between the two answers is then in the stream, and told once.
    const { cursor } = await ask.health();
    const shown = options.lines === 0 ? [] : (await ask.detections({ limit: options.lines })).toReversed();
    if (options.follow === undefined && format === "json")
      return void process.stdout.write(`${JSON.stringify({ detections: shown }, null, 2)}\n`);
    if (options.follow === undefined && format === "human" && shown.length === 0)
      return void process.stdout.write("No detection yet.\n");
    for (const one of shown) print(one, format, style);
    if (options.follow === undefined) return;

    const [newest] = shown.length > 0 ? shown.slice(-1) : await ask.detections({ limit: 1 });
    let last = newest?.sequence ?? 0;
    for await (const _change of ask.watch({ after: cursor, signal: interrupted.signal })) {
      for (const one of await newer(ask, last)) {
        print(one, format, style);
        last = one.sequence;
      }
    }
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

/** Detections after a sequence, oldest first, however many pages that takes. */
async function newer(ask: Session["ask"], last: number): Promise<StoredDetection[]> {
  const found: StoredDetection[] = [];
  for (let before: number | undefined; ; before = found.at(-1)?.sequence) {
    const page = await ask.detections({ limit: PAGE, ...(before !== undefined && { before }) });
    found.push(...page.filter(({ sequence }) => sequence > last));
    if (page.length < PAGE || page.some(({ sequence }) => sequence <= last)) return found.reverse();
  }
}

function print(one: StoredDetection, format: Format, style: Style): void {
  if (format === "json") process.stdout.write(`${JSON.stringify(one)}\n`);
  else if (format === "raw") process.stdout.write(`${one.detection.id}\n`);
  else process.stdout.write(`${line(one, style)}\n`);
}

function line({ detection, outcome }: StoredDetection, style: Style): string {
  const { attacker, victim, rule, severity, atMs } = detection;
  const flow = `${attacker?.address ?? "?"} → ${victim?.address ?? "?"}${victim?.port === undefined ? "" : `:${victim.port}`}`;
  const led =
    outcome === undefined
      ? "in work"
      : [
          outcome.kind,
          ...outcome.indicators.map(short),
          ...outcome.stopped.map(({ value, code, entry }) => `${value} ${code} by ${entry}`),
        ].join(" ");
  const text = `severity ${severity ?? "unknown"}  ${flow}  ${rule.name}`;
  return `${style.soft(time(atMs, style.nowMs))}  ${clean(text)}  ${style.soft(clean(`[${led}]`))}`;
}
