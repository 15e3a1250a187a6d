import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLineSplitter, LONGEST_LINE_BYTES } from "../../../../node/src/adapters/detectors/lines.ts";

interface Cut {
  readonly lines: readonly { offset: number; text: string; tooLong: boolean }[];
  readonly offset: number;
  readonly tail: string;
}

/** Feeds bytes in pieces of the given sizes, in turn. */
function cut(bytes: Buffer, sizes: readonly number[], takeRest = false): Cut {
  const splitter = createLineSplitter(0);
  const lines: { offset: number; text: string; tooLong: boolean }[] = [];
  const take = (line: ReturnType<typeof splitter.next>): boolean => {
    if (line !== undefined)
      lines.push({ offset: line.offset, text: line.bytes.toString("latin1"), tooLong: line.tooLong });
    return line !== undefined;
  };
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    expect(splitter.end()).toBe(at);
    const size = sizes[turn % sizes.length] as number;
    const copied = bytes.copy(splitter.room(), 0, at, Math.min(at + size, bytes.length));
    splitter.added(copied);
    at += copied;
    while (take(splitter.next()));
  }
  const offset = splitter.offset();
  const tail = splitter.tail().toString("latin1");
  if (takeRest) take(splitter.rest());
  return { lines, offset, tail };
}

/** The same by the obvious way. */
function plainly(text: string): { offset: number; text: string; tooLong: boolean }[] {
  let offset = 0;
  const lines = text.split("\n").map((line) => {
    const one = { offset, text: line, tooLong: false };
    offset += line.length + 1;
    return one;
  });
  return lines.slice(0, -1).filter((line) => line.text !== "" && line.text !== "\r");
}

describe("a line splitter", () => {
  const text = fc
    .array(
      fc.constantFrom("a", "bc", "\n", "\r", "\r\n", "\u00ef\u00bb\u00bf", "\u0000", "{", "x".repeat(70)),
      { maxLength: 60 },
    )
    .map((parts) => parts.join(""));
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });

  it("gives the same lines whatever the pieces", () => {
    fc.assert(
      fc.property(text, sizes, (stream, pieces) => {
        const got = cut(Buffer.from(stream, "latin1"), pieces);
        expect(got.lines).toEqual(plainly(stream));
        // It goes on where the last newline was, and knows the bytes before.
        expect(got.offset).toBe(stream.lastIndexOf("\n") + 1);
        expect(stream.slice(0, got.offset).endsWith(got.tail)).toBe(true);
      }),
    );
  });

  it("gives the rest when nothing more can follow", () => {
    fc.assert(
      fc.property(text, sizes, (stream, pieces) => {
        const got = cut(Buffer.from(stream, "latin1"), pieces, true);
        expect(got.lines).toEqual(plainly(`${stream}\n`));
      }),
    );
  });

  it.each([
    [LONGEST_LINE_BYTES, false],
    [LONGEST_LINE_BYTES + 1, true],
  ])("judges a line of %i bytes the same in every piece size: too long is %s", (length, tooLong) => {
    const bytes = Buffer.from(`first\n${"y".repeat(length)}\nlast\n`);
    for (const size of [4_096, 65_536, 999_983, bytes.length]) {
      const { lines, offset } = cut(bytes, [size]);
      expect(lines.map((line) => [line.offset, line.text.length, line.tooLong])).toEqual([
        [0, 5, false],
        [6, tooLong ? 4_096 : length, tooLong],
        [7 + length, 4, false],
      ]);
      expect(offset).toBe(bytes.length);
    }
  });

  it("keeps its place while it passes over a line without end, in bounded memory", () => {
    const splitter = createLineSplitter(0);
    const piece = Buffer.alloc(64 * 1024, "z");
    let largest = 0;
    for (let i = 0; i < 512; i++) {
      const room = splitter.room();
      largest = Math.max(largest, room.buffer.byteLength);
      splitter.added(piece.copy(room));
      expect(splitter.next()).toBeUndefined();
    }
    expect(splitter.offset()).toBe(0);
    expect(splitter.end()).toBe(512 * piece.length);
    expect(largest).toBeLessThan(4 * 1024 * 1024);
    splitter.added(Buffer.from("\nnext\n").copy(splitter.room()));
    expect(splitter.next()).toMatchObject({ offset: 0, tooLong: true });
    expect(splitter.next()).toMatchObject({ offset: 512 * piece.length + 1, tooLong: false });
  });
});
