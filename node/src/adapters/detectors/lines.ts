/** Longest line that is read; EVE with payloads stays below. */
export const LONGEST_LINE_BYTES = 2 * 1024 * 1024;

const CHUNK_BYTES = 1024 * 1024;
const HEAD_BYTES = 4096;
const TAIL_BYTES = 64;

/** One line of a stream, without its newline. */
export interface Line {
  /** Of its first byte in the stream. */
  readonly offset: number;
  /** A view that the next `room` may overwrite; of a line that is too long, the first 4,096 bytes. */
  readonly bytes: Buffer;
  readonly tooLong: boolean;
}

/** Cuts a stream of bytes into lines, whatever the pieces it arrives in. Holds one line and one chunk at most. */
export interface LineSplitter {
  /** Where to put the next bytes; then say how many with `added`. */
  room(): Buffer;
  added(bytes: number): void;
  /** The next complete line, or undefined. Empty lines are passed over. */
  next(): Line | undefined;
  /** What follows the last newline, as a line: only when nothing more can follow. */
  rest(): Line | undefined;
  /** Where to go on after a restart: the first byte of the line that is not complete yet. */
  offset(): number;
  /** Where the next bytes belong in the stream. */
  end(): number;
  /** The last ≤ 64 bytes before `offset`, empty when they are not known. */
  tail(): Buffer;
}

/** A splitter of a stream from `start` on. */
export function createLineSplitter(start: number): LineSplitter {
  let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let begin = 0; // first byte of the incomplete line
  let scanned = 0; // no newline in [begin, scanned)
  let end = 0;
  let offset = start; // of `begin` in the stream
  let skipped: Buffer | undefined; // head of a line that is too long
  let skippedBytes = 0;
  // The last bytes before `begin`: in the buffer, or a copy once the buffer was rearranged.
  let tailBegin = 0;
  let tailEnd = 0;
  let keptTail: Buffer = Buffer.alloc(0);

  const tail = (): Buffer => (tailEnd > 0 ? buffer.subarray(tailBegin, tailEnd) : keptTail);

  const room = (): Buffer => {
    keptTail = Buffer.from(tail());
    tailEnd = 0;
    if (begin > 0 && buffer.length - end < CHUNK_BYTES / 4) {
      buffer.copyWithin(0, begin, end);
      scanned -= begin;
      end -= begin;
      begin = 0;
    }
    if (buffer.length - end < CHUNK_BYTES / 4) {
      const larger = Buffer.allocUnsafe(Math.min(buffer.length * 2, LONGEST_LINE_BYTES + CHUNK_BYTES));
      buffer.copy(larger, 0, begin, end);
      buffer = larger;
    } else if (buffer.length > CHUNK_BYTES && end - begin < CHUNK_BYTES / 2) {
      const smaller = Buffer.allocUnsafe(CHUNK_BYTES);
      end = buffer.copy(smaller, 0, begin, end);
      scanned -= begin;
      begin = 0;
      buffer = smaller;
    }
    return buffer.subarray(end, buffer.length - 1);
  };

  const skip = (): void => {
    skipped ??= Buffer.from(buffer.subarray(begin, Math.min(end, begin + HEAD_BYTES)));
    skippedBytes += end - begin;
    begin = scanned = end = 0;
    keptTail = Buffer.alloc(0);
    tailEnd = 0;
  };

  const take = (lineEnd: number, after: number): Line => {
    const long = skipped;
    const bytes = long ?? buffer.subarray(begin, lineEnd);
    const line = { offset, bytes, tooLong: long !== undefined || bytes.length > LONGEST_LINE_BYTES };
    offset += skippedBytes + after - begin;
    tailBegin = long === undefined ? Math.max(begin, after - TAIL_BYTES) : after;
    tailEnd = after;
    skipped = undefined;
    skippedBytes = 0;
    begin = scanned = after;
    return line.tooLong ? { ...line, bytes: bytes.subarray(0, HEAD_BYTES) } : line;
  };

  const isEmpty = (line: Line): boolean =>
    !line.tooLong && (line.bytes.length === 0 || (line.bytes.length === 1 && line.bytes[0] === 0x0d));

  return {
    room,
    added: (bytes) => {
      end += bytes;
      buffer[end] = 10; // the search for a newline stops here at the latest
    },
    next: () => {
      for (;;) {
        const newline = scanned < end ? buffer.indexOf(10, scanned) : end;
        if (newline < end) {
          const line = take(newline, newline + 1);
          if (isEmpty(line)) continue;
          return line;
        }
        scanned = end;
        if (end - begin > LONGEST_LINE_BYTES || skipped !== undefined) skip();
        return undefined;
      }
    },
    rest: () => {
      if (end === begin && skipped === undefined) return undefined;
      const line = take(end, end);
      return isEmpty(line) ? undefined : line;
    },
    offset: () => offset,
    end: () => offset + skippedBytes + end - begin,
    tail,
  };
}
