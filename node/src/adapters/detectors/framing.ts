/** Cuts what a connection carries into messages (RFC 6587: syslog over TCP). */
import { type Line, LONGEST_LINE_BYTES } from "./lines.ts";

/** A message, or what could not be cut into messages. */
export type Frame = Line | { readonly reason: "line.framing" | "line.unfinished"; readonly bytes: Buffer };

/** How messages are told apart: by their length before them, by line ends, or as the first bytes say. */
export type Framing = "auto" | "octets" | "lines";

/** Cuts one connection; holds one message at most. */
export interface Framer {
  /** Messages that these bytes complete. Their bytes are copies. */
  push(bytes: Uint8Array): readonly Frame[];
  /** The connection is over: what is left. A last line needs no end. */
  end(): readonly Frame[];
  /** Nothing more can be made of this connection. */
  isBroken(): boolean;
}

const HEAD_BYTES = 4096;
const EXAMPLE_BYTES = 200;
/** Digits of a length; more are no length (RFC 6587 §3.4.1). */
const LENGTH_DIGITS = 8;
const NEWLINE = 10;
const SPACE = 32;

/**
 * Creates a framer. `auto`: a connection whose first message begins with a length, a space and `<`
 * counts octets, any other has one message a line, also after NUL.
 *
 * A counted message is one message whatever is in it: a line end inside it does not begin another,
 * which would be the attacker's text. Where no length stands, the connection is broken: nothing tells
 * where the next message begins.
 */
export function createFramer(framing: Framing = "auto", longest: number = LONGEST_LINE_BYTES): Framer {
  let mode: Exclude<Framing, "auto"> | undefined = framing === "auto" ? undefined : framing;
  let buffer = Buffer.allocUnsafe(16_384);
  let begin = 0;
  let end = 0;
  let offset = 0; // of `begin` in the connection
  let skipped: Buffer | undefined; // head of a message that is too long
  let toSkip = 0; // bytes of it that are still to come, when they are counted
  let broken = false;
  let scanned = 0; // no line end in [begin, scanned)

  const append = (bytes: Uint8Array): void => {
    if (buffer.length - end < bytes.length) {
      const held = end - begin;
      const target =
        buffer.length >= held + bytes.length && begin > buffer.length / 2
          ? buffer
          : Buffer.allocUnsafe(Math.max(16_384, 2 ** Math.ceil(Math.log2(held + bytes.length + 1))));
      buffer.copy(target, 0, begin, end);
      buffer = target;
      scanned -= begin;
      begin = 0;
      end = held;
    }
    buffer.set(bytes, end);
    end += bytes.length;
  };

  const advance = (to: number): void => {
    offset += to - begin;
    begin = scanned = to;
  };

  const breakOff = (frames: Frame[]): void => {
    broken = true;
    frames.push({
      reason: "line.framing",
      bytes: Buffer.from(buffer.subarray(begin, Math.min(end, begin + EXAMPLE_BYTES))),
    });
    begin = end = scanned = 0;
  };

  /** The counted message at `begin`; false when more bytes are needed. */
  const counted = (frames: Frame[]): boolean => {
    while (begin < end && (buffer[begin] === NEWLINE || buffer[begin] === 0x0d)) advance(begin + 1);
    const space = buffer.subarray(begin, Math.min(end, begin + LENGTH_DIGITS + 1)).indexOf(SPACE);
    if (space < 0) {
      const digits = buffer.toString("latin1", begin, Math.min(end, begin + LENGTH_DIGITS + 1));
      if (!/^(?:[1-9]\d{0,7})?$/.test(digits)) breakOff(frames);
      return false;
    }
    const digits = buffer.toString("latin1", begin, begin + space);
    if (!/^[1-9]\d*$/.test(digits)) {
      breakOff(frames);
      return false;
    }
    const length = Number(digits);
    const from = begin + space + 1;
    if (length > longest) {
      const head = Buffer.from(buffer.subarray(from, Math.min(end, from + Math.min(length, HEAD_BYTES))));
      frames.push({ offset, bytes: head, tooLong: true });
      const here = Math.min(length, end - from);
      advance(from + here);
      toSkip = length - here;
      return toSkip === 0;
    }
    if (end - from < length) return false;
    frames.push({
      offset,
      bytes: trimEnd(Buffer.from(buffer.subarray(from, from + length))),
      tooLong: false,
    });
    advance(from + length);
    return true;
  };

  /** The line at `begin`; false when more bytes are needed. */
  const line = (frames: Frame[]): boolean => {
    const found = endOfLine(buffer.subarray(scanned, end));
    if (found < 0) {
      scanned = end;
      if (end - begin > longest || skipped !== undefined) {
        skipped ??= Buffer.from(buffer.subarray(begin, begin + HEAD_BYTES));
        advance(end);
      }
      return false;
    }
    const at = scanned + found;
    const bytes = skipped ?? Buffer.from(buffer.subarray(begin, at));
    const tooLong = skipped !== undefined || bytes.length > longest;
    const from = offset;
    advance(at + 1);
    skipped = undefined;
    if (tooLong || trimEnd(bytes).length > 0)
      frames.push({ offset: from, bytes: tooLong ? bytes.subarray(0, HEAD_BYTES) : trimEnd(bytes), tooLong });
    return true;
  };

  const cut = (frames: Frame[]): void => {
    if (mode === undefined) mode = modeOf(buffer.subarray(begin, end));
    if (mode === undefined) return;
    for (const next = mode === "octets" ? counted : line; !broken && begin < end && next(frames); );
    if (begin !== end) return;
    begin = end = scanned = 0;
    if (buffer.length > 65_536) buffer = Buffer.allocUnsafe(16_384);
  };

  return {
    push(bytes) {
      const frames: Frame[] = [];
      if (broken) return frames;
      const passed = Math.min(toSkip, bytes.length);
      toSkip -= passed;
      offset += passed;
      if (passed < bytes.length) append(bytes.subarray(passed));
      cut(frames);
      return frames;
    },
    end() {
      const frames: Frame[] = [];
      if (broken || toSkip > 0) return frames;
      mode ??= "lines";
      if (mode === "lines") append(Uint8Array.of(NEWLINE));
      cut(frames);
      if (!broken && begin < end)
        frames.push({
          reason: "line.unfinished",
          bytes: Buffer.from(buffer.subarray(begin, Math.min(end, begin + EXAMPLE_BYTES))),
        });
      return frames;
    },
    isBroken: () => broken,
  };
}

/** What the first bytes say; undefined while they may say either. */
function modeOf(bytes: Buffer): "octets" | "lines" | undefined {
  const text = bytes.toString("latin1", 0, LENGTH_DIGITS + 2);
  if (/^[1-9]\d{0,7} </.test(text)) return "octets";
  return /^(?:[1-9]\d{0,7} ?)?$/.test(text) ? undefined : "lines";
}

function endOfLine(bytes: Buffer): number {
  const newline = bytes.indexOf(NEWLINE);
  const nul = bytes.subarray(0, newline < 0 ? bytes.length : newline).indexOf(0);
  return nul < 0 ? newline : nul;
}

/** Without the line end that many senders put inside or before the frame's end. */
function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === NEWLINE || bytes[end - 1] === 0x0d || bytes[end - 1] === 0)) end--;
  return bytes.subarray(0, end);
}
