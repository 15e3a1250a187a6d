import type { Detection, LineOutcome, Self } from "@anamnesis/sdk/core/types";
import type { Format, LineAt, ReaderOptions } from "@anamnesis/sdk/formats/format";
import { SELF } from "../eve-support.ts";

export interface ReadOptions extends Omit<Partial<ReaderOptions>, "state"> {
  readonly self?: Self;
  readonly fileMs?: number;
  /** Starts a new reader from the last one's state before each of these lines. */
  readonly restartBefore?: ReadonlySet<number>;
}

/** 25 November 2026, 12:00 UTC. */
export const READ_AT = Date.UTC(2026, 10, 25, 12);

/** Reads lines to their end, as a detector would. */
export function readLines(
  format: Format,
  lines: readonly (string | Uint8Array)[],
  options: ReadOptions = {},
): LineOutcome[] {
  const { self = SELF, fileMs, restartBefore, ...rest } = options;
  const made = { detector: "box", ...rest };
  let reader = format.createReader(made);
  const outcomes: LineOutcome[] = [];
  let offset = 0;
  let at: LineAt = {
    offset,
    stream: "1:abc",
    readAtMs: READ_AT,
    self,
    ...(fileMs !== undefined && { fileMs }),
  };
  lines.forEach((line, index) => {
    if (restartBefore?.has(index) === true) {
      // As a store gives it back.
      const state: unknown = JSON.parse(JSON.stringify(reader.state?.() ?? null));
      reader = format.createReader({ ...made, ...(state !== null && { state }) });
    }
    const bytes = typeof line === "string" ? Buffer.from(line) : line;
    at = { ...at, offset };
    outcomes.push(...reader.push(bytes, at));
    offset += bytes.length + 1;
  });
  outcomes.push(...reader.end({ ...at, offset }));
  return outcomes;
}

/** What each outcome is: `detection`, the kind of context, or the reason. */
export function kinds(outcomes: readonly LineOutcome[]): string[] {
  return outcomes.map((one) =>
    one.kind === "rejected" ? one.reason : one.kind === "context" ? one.eventType : one.kind,
  );
}

/** The detections among the outcomes of some lines. */
export function alertsOf(
  format: Format,
  lines: readonly (string | Uint8Array)[],
  options: ReadOptions = {},
): Detection[] {
  return readLines(format, lines, options).flatMap((one) =>
    one.kind === "detection" ? [one.detection] : [],
  );
}

/** The one detection of a line. */
export function alertOf(format: Format, line: string, options: ReadOptions = {}): Detection {
  const outcomes = readLines(format, [line], options);
  const [one] = outcomes;
  if (outcomes.length !== 1 || one?.kind !== "detection")
    throw new Error(`no detection: ${JSON.stringify(outcomes)}`);
  return one.detection;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
