/** The reader of every format that is JSON: cuts records, parses them, and hands on objects. */
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import type { LineOutcome } from "../core/types.ts";
import { rejected, type Source } from "./detected.ts";
import type { LineAt, Reader, ReaderOptions } from "./format.ts";
import { createRecords, looksWhole, type Piece } from "./json-records.ts";
import { lineText } from "./line-text.ts";

/** One parsed record to its outcomes. */
export type ReadRecord = (record: JsonRecord, source: Source) => LineOutcome | readonly LineOutcome[];

/** More records do not fit into the longest line, unless somebody made them to be many. */
export const MOST_RECORDS = 16_384;
/** So many pieces of a line are looked at that turn out to be none: refusing what is no JSON costs most. */
const MOST_BROKEN = 1_024;
const DEEPEST_ARRAYS = 8;

/** A reader that gives each JSON object to `read`; elements of arrays are records of their own. */
export function createJsonReader(options: ReaderOptions, read: ReadRecord): Reader {
  const records = createRecords(options.state);
  const { detector } = options;

  function take(value: unknown, text: string, at: LineAt, into: LineOutcome[], depth = 0): void {
    if (Array.isArray(value) && depth < DEEPEST_ARRAYS) {
      for (const [index, element] of (value as readonly unknown[]).entries()) {
        if (into.length >= MOST_RECORDS) {
          into.push(rejected("line.tooLong", text));
          return;
        }
        // Equal elements are different alerts: their place tells them apart.
        const place = { ...withoutDigest(at), offset: at.offset + index };
        take(element, elementText(element), place, into, depth + 1);
      }
    } else if (isRecord(value)) {
      const outcomes = read(value, { detector, text, at });
      if (Array.isArray(outcomes)) for (const one of outcomes as readonly LineOutcome[]) into.push(one);
      else into.push(outcomes as LineOutcome);
    } else into.push(rejected("line.notObject", text));
  }

  return {
    push(line, at) {
      const text = lineText(line);
      const outcomes: LineOutcome[] = [];
      if (!records.isOpen()) {
        const value = parse(text);
        if (value !== undefined) {
          take(value, text, at, outcomes);
          return outcomes;
        }
        if (text.includes("\0")) return [rejected("line.encoding", text)];
      }
      return readPieces(records.push(text), text, (piece, into) => {
        const value = parse(piece.text);
        if (value === undefined) into.push(rejected("line.notJson", piece.text));
        else take(value, piece.text, { ...withoutDigest(at), offset: at.offset + piece.at }, into);
      });
    },
    end: () =>
      records
        .end()
        .map((piece) => rejected("reason" in piece ? piece.reason : "line.unfinished", piece.text)),
    isAlone: (line) => !records.isOpen() && looksWhole(line),
    state: () => records.state(),
  };
}

/**
 * The outcomes of the pieces of one line. Beyond 16,384 records, or 1,024 that are none, the rest of the
 * line counts as one `line.tooLong`: nobody writes such a line but to keep a reader busy.
 */
export function readPieces(
  pieces: readonly Piece[],
  line: string,
  read: (piece: Piece & { readonly at: number }, into: LineOutcome[]) => void,
): LineOutcome[] {
  const outcomes: LineOutcome[] = [];
  let broken = 0;
  for (const piece of pieces) {
    if (outcomes.length >= MOST_RECORDS || broken >= MOST_BROKEN) {
      outcomes.push(rejected("line.tooLong", line));
      break;
    }
    if ("reason" in piece) outcomes.push(rejected(piece.reason, piece.text));
    else read(piece, outcomes);
    if (outcomes.at(-1)?.kind === "rejected") broken++;
  }
  return outcomes;
}

/** An element of an array as JSON again; what is nested too deep for that is no record's text. */
export function elementText(element: unknown): string {
  try {
    return JSON.stringify(element) ?? "null";
  } catch {
    return "";
  }
}

/** The same place for a part of a line, of which the line's digest says nothing. */
export function withoutDigest(at: LineAt): LineAt {
  const { digest: _of, ...rest } = at;
  return rest;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
