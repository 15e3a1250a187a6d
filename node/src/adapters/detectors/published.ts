/** Lines that programs publish over HTTP, read in the format that the configuration names for each program. */
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import type { LineOutcome, Self } from "@anamnesis/sdk/core/types";
import { isOwnRecord, own } from "@anamnesis/sdk/formats/own";
import type { Clock } from "../../ports.ts";
import { createOutcomes, type OutcomeOptions } from "./outcomes.ts";

/** How one program's lines are read. */
export interface PublishedFormat {
  readonly name: string;
  readonly format: string;
  readonly zone?: string;
  readonly mapping?: NonNullable<OutcomeOptions["mapping"]>;
  readonly baseline?: OutcomeOptions["baseline"];
}

/** One publication. */
export interface Publication {
  /** Under which the detections are counted. */
  readonly detector: string;
  /** The program's idempotency key: a line's place is the key and its number. */
  readonly key: string;
  readonly lines: readonly string[];
  /** ms since the epoch. */
  readonly readAtMs: number;
  readonly self: Self;
}

/**
 * Makes the reader of publications. A request is a stream of its own: what its last line leaves open is
 * `line.unfinished`, and a header that the format needs must be in it. A program that the configuration
 * does not name publishes detections as the SDK writes them, or EVE.
 */
export function createPublishedReader(
  formats: readonly PublishedFormat[],
  clock: Clock,
): (program: string, publication: Publication) => readonly LineOutcome[] {
  const known = new Map(formats.map((format) => [format.name, format]));
  return (program, publication) => {
    const format = known.get(program);
    return format === undefined ? readPlain(publication) : readAs(format, publication, clock);
  };
}

function readPlain({ detector, key, lines, readAtMs, self }: Publication): readonly LineOutcome[] {
  const at = { stream: key, readAtMs, self };
  const reader = own.createReader({ detector });
  return lines.flatMap((line, offset) =>
    isOwnRecord(line)
      ? reader.push(Buffer.from(line), { ...at, offset })
      : [parseEveLine(line, { ...at, detector, offset })],
  );
}

function readAs(format: PublishedFormat, publication: Publication, clock: Clock): readonly LineOutcome[] {
  const { detector, key, lines, self } = publication;
  const outcomes = createOutcomes({
    ...format,
    name: detector,
    path: format.name,
    clock: { ...clock, nowMs: () => publication.readAtMs },
    self: () => self,
    window: 0,
  });
  const cut = lines.map((line, offset) => ({ offset, bytes: Buffer.from(line), tooLong: false }));
  return [...outcomes.of({ stream: key, lines: cut }), ...outcomes.end()];
}
