/** The reader of every format that is JSON: cuts records, parses them, and hands on objects. */
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import type { LineOutcome } from "../core/types.ts";
import { rejected, type Source } from "./detected.ts";
import type { LineAt, Reader, ReaderOptions } from "./format.ts";
import { createRecords, looksWhole } from "./json-records.ts";
import { lineText } from "./line-text.ts";

/** One parsed record to its outcomes. */
export type ReadRecord = (record: JsonRecord, source: Source) => LineOutcome | readonly LineOutcome[];

/** A reader that gives each JSON object to `read`; elements of arrays are records of their own. */
export function createJsonReader(options: ReaderOptions, read: ReadRecord): Reader {
  const records = createRecords(options.state);
  const { detector } = options;

  function take(value: unknown, text: string, at: LineAt, into: LineOutcome[]): void {
    if (Array.isArray(value)) {
      value.forEach((element, index) => {
        // Equal elements are different alerts: their place tells them apart.
        const own = JSON.stringify(element) ?? "null";
        take(element, own, { ...withoutDigest(at), offset: at.offset + index }, into);
      });
    } else if (isRecord(value)) {
      const outcomes = read(value, { detector, text, at });
      if (Array.isArray(outcomes)) into.push(...(outcomes as readonly LineOutcome[]));
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
      for (const piece of records.push(text)) {
        if ("reason" in piece) outcomes.push(rejected(piece.reason, piece.text));
        else {
          const value = parse(piece.text);
          if (value === undefined) outcomes.push(rejected("line.notJson", piece.text));
          else take(value, piece.text, { ...withoutDigest(at), offset: at.offset + piece.at }, outcomes);
        }
      }
      return outcomes;
    },
    end: () =>
      records
        .end()
        .map((piece) => rejected("reason" in piece ? piece.reason : "line.unfinished", piece.text)),
    isAlone: (line) => !records.isOpen() && looksWhole(line),
    state: () => records.state(),
  };
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
