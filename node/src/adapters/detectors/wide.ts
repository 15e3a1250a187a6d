/** Lines of logs in UTF-16, which some Windows collectors write. */

/** Gives the bytes of a line as UTF-8; lines that are no UTF-16 come back as they are. */
export type Narrow = (line: Buffer) => Buffer;

/**
 * Makes the conversion for one stream. Lines were cut at the byte 0x0A, so that half of each line end
 * is left at the beginning of the next line (little-endian) or at the end of its own (big-endian). The
 * order of bytes is what the mark says; without one, or after a restart, little-endian.
 *
 * Text in UTF-8 has no byte 0: one look at two bytes tells. A character with a byte 0x0A in it (Ċ) cuts
 * its line, whose parts are counted as what they then are.
 */
export function createNarrow(): Narrow {
  let big = false;
  return (line) => {
    const [first, second] = line;
    if (
      first !== 0 &&
      second !== 0 &&
      !(first === 0xff && second === 0xfe) &&
      !(first === 0xfe && second === 0xff)
    )
      return line;
    if (line.length < 2) return first === 0 ? line.subarray(1) : line;
    if (first === 0xfe && second === 0xff) big = true;
    else if (first === 0xff && second === 0xfe) big = false;
    const marked = first === 0xff || first === 0xfe ? line.subarray(2) : line;
    if (!big) {
      const pairs = marked[0] === 0 && marked.length % 2 === 1 ? marked.subarray(1) : marked;
      return Buffer.from(pairs.toString("utf16le"));
    }
    const pairs = Buffer.from(marked.subarray(0, marked.length & ~1));
    return Buffer.from(pairs.swap16().toString("utf16le"));
  };
}
