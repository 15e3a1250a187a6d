/** Batches of lines to their outcomes, in a format that is given or found out, with a window of lines seen lately. */
import { cleanBytes, lineExample } from "@anamnesis/sdk/core/eve";
import { sha256Hex } from "@anamnesis/sdk/core/hash";
import type { LineOutcome, Self } from "@anamnesis/sdk/core/types";
import { type BaselineSetting, createBaselineReader } from "@anamnesis/sdk/formats/baseline";
import type { Format, LineAt, Reader } from "@anamnesis/sdk/formats/format";
import { detectFormats, formatNamed } from "@anamnesis/sdk/formats/formats";
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import type { Clock } from "../../ports.ts";
import type { Line } from "./lines.ts";
import { createRecentLines } from "./recent.ts";
import { createNarrow } from "./wide.ts";

/** What turns lines into outcomes. */
export interface OutcomeOptions {
  /** The detector's name in the configuration. */
  readonly name: string;
  /** The log; a `.gz` is read once. */
  readonly path: string;
  /** A format's name, or `auto`: it is found out from the first lines. Default `eve`. */
  readonly format?: string;
  /** Of times that name no zone. Default `UTC`. */
  readonly zone?: string;
  readonly mapping?: Mapping;
  /** Raises this plant's innate baseline from ordinary records, too. */
  readonly baseline?: BaselineSetting | undefined;
  readonly clock: Clock;
  /** The plant's Self as it is now; asked once a batch. */
  readonly self: () => Self;
  /** How many different lines are remembered against re-sent files; 0: none, every line counts. Default 65,536. */
  readonly window?: number;
}

/** Lines of one stream that were read together. */
export interface OutcomeBatch {
  readonly stream: string;
  readonly lines: readonly Line[];
  /** When the file was last written, ms since the epoch. */
  readonly mtimeMs?: number;
}

/** Kept with a position, as plain JSON. */
export interface KeptReader {
  readonly reader?: { readonly stream: string; readonly format: string; readonly state: unknown };
}

/** Turns batches into outcomes. */
export interface Outcomes {
  of(batch: OutcomeBatch): readonly LineOutcome[];
  /** The last stream is over. */
  end(): readonly LineOutcome[];
  /** What belongs into the position after the last batch; empty when nothing does. */
  kept(): KeptReader;
}

const DUPLICATE: LineOutcome = { kind: "duplicate" };
/** As much of the first lines is looked at to find the format. */
const SAMPLE_BYTES = 65_536;

/** Creates the converter; `position` is where the last one stood. Throws `input.invalid` for an unknown format. */
export function createOutcomes(options: OutcomeOptions, position?: unknown): Outcomes {
  const recent = options.window === 0 ? undefined : createRecentLines(options.window);
  const given = options.format === "auto" ? undefined : formatNamed(options.format ?? "eve");
  let resumed = keptOf(position);
  let format = given;
  let reader: Reader | undefined;
  let stream: string | undefined;
  let last: LineAt | undefined;
  let narrow = createNarrow();

  const open = (batch: OutcomeBatch): Reader | undefined => {
    const own = resumed?.stream === batch.stream ? resumed : undefined;
    resumed = undefined;
    format = given ?? (own === undefined ? undefined : known(own.format)) ?? findFormat(batch, options.path);
    const state = own !== undefined && own.format === format?.name ? own.state : undefined;
    const readerOptions = {
      detector: options.name,
      path: options.path,
      ...(options.zone !== undefined && { zone: options.zone }),
      ...(options.mapping !== undefined && { mapping: options.mapping }),
      ...(state !== undefined && { state }),
    };
    if (format === undefined || options.baseline === undefined) return format?.createReader(readerOptions);
    return createBaselineReader(format, readerOptions, options.baseline);
  };

  return {
    of(batch) {
      const outcomes: LineOutcome[] = [];
      if (stream !== batch.stream) {
        if (reader !== undefined && last !== undefined) append(outcomes, reader.end(last));
        reader = undefined;
        narrow = createNarrow();
        stream = batch.stream;
      }
      reader ??= open(batch);
      const self = options.self();
      const readAtMs = Math.floor(options.clock.nowMs());
      const fileMs = Math.floor(batch.mtimeMs ?? readAtMs);
      for (const { offset, bytes, tooLong } of batch.lines) {
        const reason = tooLong ? "line.tooLong" : reader === undefined ? "line.unknownFormat" : undefined;
        if (reason !== undefined || reader === undefined) {
          const example = lineExample(bytes.toString());
          outcomes.push({ kind: "rejected", reason: reason ?? "line.unknownFormat", example });
          continue;
        }
        const at: LineAt = { offset, stream: batch.stream, readAtMs, fileMs, self };
        last = at;
        const line = cleanBytes(narrow(bytes));
        // Half of a line end in UTF-16 alone.
        if (line.length === 0) continue;
        if (recent === undefined || reader.isAlone?.(line) === false) {
          append(outcomes, reader.push(line, at));
          continue;
        }
        const digest = sha256Hex(line);
        if (recent.seen(digest)) outcomes.push(DUPLICATE);
        else append(outcomes, reader.push(line, { ...at, digest }));
      }
      return outcomes;
    },
    end() {
      const outcomes = reader === undefined || last === undefined ? [] : reader.end(last);
      reader = undefined;
      stream = undefined;
      return outcomes;
    },
    kept() {
      const state = reader?.state?.();
      if (stream === undefined || format === undefined) return {};
      if (state === undefined && given !== undefined) return {};
      return { reader: { stream, format: format.name, state: state ?? null } };
    },
  };
}

/** Spreading many arguments would overflow the stack. */
function append(outcomes: LineOutcome[], more: readonly LineOutcome[]): void {
  for (const one of more) outcomes.push(one);
}

function keptOf(position: unknown): KeptReader["reader"] {
  const kept = (position as KeptReader | null | undefined)?.reader;
  return typeof kept?.stream === "string" && typeof kept.format === "string" ? kept : undefined;
}

/** The format of a name, or undefined when a later version of this program wrote it. */
function known(name: string): Format | undefined {
  try {
    return formatNamed(name);
  } catch {
    return undefined;
  }
}

function findFormat(batch: OutcomeBatch, path: string): Format | undefined {
  const narrow = createNarrow();
  let head = "";
  for (const { bytes } of batch.lines) {
    head += `${narrow(bytes.subarray(0, SAMPLE_BYTES)).toString()}\n`;
    if (head.length >= SAMPLE_BYTES) break;
  }
  return detectFormats({ path, head })[0]?.format;
}
