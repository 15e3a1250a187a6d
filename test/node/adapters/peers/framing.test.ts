import fc from "fast-check";
import { expect, test } from "vitest";
import { createFrameReader, frame } from "../../../../node/src/adapters/peers/framing.ts";

const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 });

test("any cut of the bytes yields the same messages", () => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(50), { minLength: 1 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(frame));
      const received: Uint8Array[] = [];
      const reader = createFrameReader(300, (message) => received.push(message));
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = 1 + cuts[i % cuts.length]!;
        reader.append(bytes.subarray(at, at + length));
        at += length;
      }
      expect(received).toEqual(sent);
      expect(reader.partial()).toBe(false);
    }),
  );
});

test("a frame above the limit is refused by its length alone", () => {
  const reader = createFrameReader(300, () => expect.unreachable());
  expect(() => reader.append(Uint8Array.of(0, 0, 1, 45))).toThrow(
    expect.objectContaining({ code: "message.tooLarge" }),
  );
});

test("an empty frame is refused", () => {
  const reader = createFrameReader(300, () => expect.unreachable());
  expect(() => reader.append(new Uint8Array(4))).toThrow(expect.objectContaining({ code: "peer.protocol" }));
});

test("a message owns its memory", () => {
  const chunk = frame(Uint8Array.of(1, 2, 3));
  const received: Uint8Array[] = [];
  createFrameReader(300, (message) => received.push(message)).append(chunk);
  chunk.fill(9);
  expect(received).toEqual([Uint8Array.of(1, 2, 3)]);
});

test("a begun frame is partial, also inside its length", () => {
  const reader = createFrameReader(300, () => {});
  expect(reader.partial()).toBe(false);
  reader.append(Uint8Array.of(0));
  expect(reader.partial()).toBe(true);
  reader.append(Uint8Array.of(0, 0, 1));
  expect(reader.partial()).toBe(true);
  reader.append(Uint8Array.of(7));
  expect(reader.partial()).toBe(false);
});
