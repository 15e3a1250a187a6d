/** Whole JSON records from lines: one a line, several a line, arrays, and records printed over many lines. */
import type { LineReason } from "../core/types.ts";

/** A record's text and where it begins in its line, or a piece that is none. */
export type Piece =
  | { readonly text: string; readonly at: number }
  | { readonly reason: LineReason; readonly text: string };

/** Cuts records out of lines. Holds one incomplete record of at most `longest` characters. */
export interface Records {
  push(line: string): readonly Piece[];
  end(): readonly Piece[];
  /** Whether a record is incomplete. */
  isOpen(): boolean;
  /** The incomplete record, for a restart. */
  state(): unknown;
}

/** Longest record over many lines. */
const LONGEST = 4 * 1024 * 1024;
const DEEPEST = 512;

/** Creates the cutter; brackets and commas between records are passed over, so that an array is its elements. */
export function createRecords(state?: unknown): Records {
  let parts: string[] = [];
  let held = 0;
  let depth = 0;
  if (typeof state === "string" && state.length <= LONGEST) {
    const from = scan(state, 0, 0);
    if (from.kind === "open") {
      parts = [state];
      held = state.length;
      depth = from.depth;
    }
  }

  const drop = (): string => {
    const text = parts.join("\n");
    parts = [];
    held = 0;
    depth = 0;
    return text;
  };

  const push = (line: string): readonly Piece[] => {
    const pieces: Piece[] = [];
    // Printed records are indented: a brace in the first column begins another, and what is held was cut off.
    if (held > 0 && line.startsWith("{")) pieces.push({ reason: "line.notJson", text: drop() });
    let from = 0;
    while (from < line.length) {
      if (held === 0) {
        from = skipBetween(line, from);
        if (from >= line.length) break;
        if (line[from] !== "{") {
          // Brackets alone between records are no loss; words are.
          pieces.push({ reason: "line.notJson", text: line.slice(from) });
          break;
        }
      }
      const found = scan(line, from, depth);
      if (found.kind === "closed") {
        const own = line.slice(from, found.end);
        if (held === 0) pieces.push({ text: own, at: from });
        else {
          parts.push(own);
          pieces.push({ text: drop(), at: 0 });
        }
        from = found.end;
      } else if (found.kind === "cut" || held + line.length > LONGEST) {
        parts.push(line.slice(from));
        const reason = found.kind === "cut" ? "line.notJson" : "line.tooLong";
        pieces.push({ reason, text: drop() });
        break;
      } else {
        const own = line.slice(from);
        parts.push(own);
        held += own.length + 1;
        depth = found.depth;
        break;
      }
    }
    return pieces;
  };

  return {
    push,
    end: () => (held === 0 ? [] : [{ reason: "line.unfinished", text: drop() }]),
    isOpen: () => held > 0,
    state: () => (held === 0 ? undefined : parts.join("\n")),
  };
}

type Scan =
  | { readonly kind: "closed"; readonly end: number }
  | { readonly kind: "open"; readonly depth: number }
  | { readonly kind: "cut" };

/** Follows braces from `from` on; JSON has no strings that go on in the next line, so one that does was cut. */
function scan(line: string, from: number, start: number): Scan {
  let depth = start;
  for (let i = from; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === 0x22) {
      i = endOfString(line, i);
      if (i < 0) return { kind: "cut" };
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > DEEPEST) return { kind: "cut" };
    } else if (code === 0x7d || code === 0x5d) {
      if (--depth === 0) return { kind: "closed", end: i + 1 };
    }
  }
  return { kind: "open", depth };
}

function endOfString(line: string, from: number): number {
  for (let at = line.indexOf('"', from + 1); at >= 0; at = line.indexOf('"', at + 1)) {
    let slashes = 0;
    while (line.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

function skipBetween(line: string, from: number): number {
  let at = from;
  while (at < line.length && " \t\r\n,[]\x1e".includes(line[at] as string)) at++;
  return at;
}

/** Whether a line begins and ends as a record or an array of them: the same bytes again are the same again. */
export function looksWhole(line: Uint8Array): boolean {
  let last = line.length - 1;
  while (last > 0 && (line[last] === 0x0d || line[last] === 0x20)) last--;
  return last > 1 && (line[last] === 0x7d || line[last] === 0x5d) && line[0] !== 0x20 && line[0] !== 0x09;
}
