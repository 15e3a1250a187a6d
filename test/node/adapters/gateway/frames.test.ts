import fc from "fast-check";
import { expect, test } from "vitest";
import { createSplitter, exceptionFor, functionOf } from "../../../../node/src/adapters/gateway/frames.ts";

const frame = fc
  .tuple(fc.nat(65_535), fc.nat(255), fc.integer({ min: 1, max: 127 }), fc.uint8Array({ maxLength: 252 }))
  .map(([transaction, unit, code, data]) => {
    const bytes = Buffer.alloc(8 + data.length);
    bytes.writeUInt16BE(transaction, 0);
    bytes.writeUInt16BE(2 + data.length, 4);
    bytes[6] = unit;
    bytes[7] = code;
    bytes.set(data, 8);
    return bytes;
  });

test("messages come out whole and in order, however the stream was cut", () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 })),
      (frames, cuts) => {
        const stream = Buffer.concat(frames);
        const splitter = createSplitter();
        const out: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts.length === 0 ? stream.length : (cuts[i % cuts.length] ?? 1);
          const { frames: whole, rest } = splitter.push(stream.subarray(at, at + size));
          expect(rest).toBeUndefined();
          out.push(...whole.map((each) => Buffer.from(each)));
          at += size;
        }
        expect(out).toEqual(frames);
      },
    ),
  );
});

test.each([
  ["another protocol", "000100010006010600010001"],
  ["no function", "000100000001010600010001"],
  ["a length beyond the longest", "0001000000ff010600010001"],
  ["a browser", Buffer.from("GET / HTTP/1.1\r\n").toString("hex")],
])("%s is given back as it is, and so is what follows", (_, hex) => {
  const good = Buffer.from("000100000006010300000001", "hex");
  const bad = Buffer.from(hex, "hex");
  const splitter = createSplitter();
  const { frames, rest } = splitter.push(Buffer.concat([good, bad]));
  expect(frames).toEqual([good]);
  expect(rest).toEqual(bad);
  expect(splitter.push(good)).toEqual({ frames: [], rest: good });
});

test("an exception repeats transaction and unit, and says 01", () => {
  const request = Buffer.from("abcd00000006110600010001", "hex");
  expect(functionOf(request)).toBe(6);
  expect(exceptionFor(request).toString("hex")).toBe("abcd00000003118601");
});
