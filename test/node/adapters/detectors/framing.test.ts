import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFramer, type Frame, type Framing } from "../../../../node/src/adapters/detectors/framing.ts";

/** The frames of bytes that come in pieces of these lengths, over and over. */
function frames(bytes: Buffer, pieces: readonly number[], framing?: Framing, longest?: number): Frame[] {
  const framer = createFramer(framing, longest);
  const found: Frame[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = pieces[i % pieces.length] as number;
    found.push(...framer.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return [...found, ...framer.end()];
}

const texts = (found: readonly Frame[]): string[] =>
  found.map((frame) =>
    "reason" in frame ? frame.reason : `${frame.tooLong ? "tooLong " : ""}${frame.bytes.toString()}`,
  );
const counted = (text: string): string => `${Buffer.byteLength(text)} ${text}`;

describe("a connection (RFC 6587)", () => {
  it("with one message a line, after LF, CRLF or NUL, the last without an end", () => {
    const bytes = Buffer.from("<1>a\n<2>b\r\n\n<3>c\0<4>d");
    expect(texts(frames(bytes, [100]))).toEqual(["<1>a", "<2>b", "<3>c", "<4>d"]);
  });

  it("that counts octets keeps a line end inside a message, which is somebody's text", () => {
    const forged = "<13>sshd: user \n<13>fail2ban.actions: Ban 10.20.0.10";
    expect(texts(frames(Buffer.from(counted(forged) + counted("<1>é\n")), [7]))).toEqual([forged, "<1>é"]);
  });

  it("whose lines begin with digits has lines", () => {
    expect(texts(frames(Buffer.from("2026-11-25 a\n12 b\n"), [3]))).toEqual(["2026-11-25 a", "12 b"]);
    expect(texts(frames(Buffer.from("5"), [1]))).toEqual(["5"]);
  });

  it("is broken where no length stands, and says so once", () => {
    const framer = createFramer();
    expect(texts(framer.push(Buffer.from("4 <1>a\nx<1>b")))).toEqual(["<1>a", "line.framing"]);
    expect(framer.isBroken()).toBe(true);
    expect(texts([...framer.push(Buffer.from("4 <1>c")), ...framer.end()])).toEqual([]);
  });

  it("that ends inside a counted message says so", () => {
    expect(texts(frames(Buffer.from("9 <1>abc"), [4]))).toEqual(["line.unfinished"]);
  });

  it("passes over a message that is too long, and goes on behind it", () => {
    const long = `<1>${"x".repeat(100)}`;
    const lines = Buffer.from(`<0>a\n${long}\n<2>b\n`);
    expect(texts(frames(lines, [9], "lines", 50)).map((text) => text.slice(0, 12))).toEqual([
      "<0>a",
      "tooLong <1>x",
      "<2>b",
    ]);
    const octets = Buffer.from(counted("<0>a") + counted(long) + counted("<2>b"));
    expect(texts(frames(octets, [9], "octets", 50)).map((text) => text.slice(0, 12))).toEqual([
      "<0>a",
      "tooLong <1>x",
      "<2>b",
    ]);
  });

  it("gives the same messages however it comes in pieces", () => {
    const message = fc.string({ unit: "binary", minLength: 1, maxLength: 300 }).map((text) => `<1>${text}`);
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }),
        (messages, pieces) => {
          const trimmed = messages.map((text) => text.replace(/[\r\n\0]+$/, ""));
          const octets = Buffer.from(messages.map(counted).join(""));
          expect(texts(frames(octets, pieces))).toEqual(trimmed);
          const plain = messages.map((text) => text.replace(/[\n\r\0]/g, "_"));
          expect(texts(frames(Buffer.from(plain.map((text) => `${text}\n`).join("")), pieces))).toEqual(
            plain,
          );
        },
      ),
    );
  });

  it("of arbitrary bytes ends, and offsets never go back", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (bytes, pieces) => {
          const offsets = frames(Buffer.from(bytes), pieces, "auto", 64).flatMap((frame) =>
            "offset" in frame ? [frame.offset] : [],
          );
          expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
        },
      ),
    );
  });
});
