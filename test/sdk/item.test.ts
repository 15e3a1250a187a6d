import type { Item } from "@anamnesis/sdk/core/entry";
import { itemLength, readItem, writeItem } from "@anamnesis/sdk/core/item";
import fc from "fast-check";
import { expect, test } from "vitest";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const items: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ salt: bytes32, entry: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ commitment: bytes32, reason: fc.string({ maxLength: 60 }) }),
);

test("items lie one behind the other and are read back, their ends included", () => {
  fc.assert(
    fc.property(fc.array(items), (some) => {
      const bytes = new Uint8Array(some.reduce((sum, item) => sum + itemLength(item), 3));
      let at = 3;
      for (const item of some) at = writeItem(bytes, at, item);
      expect(at).toBe(bytes.length);
      let from = 3;
      for (const item of some) {
        const read = readItem(bytes, from);
        expect(read.item).toEqual(item);
        from = read.end;
      }
      expect(from).toBe(bytes.length);
    }),
  );
});

const malformed = expect.objectContaining({ code: "message.malformed" });

test("an item that ends early is malformed, wherever it ends", () => {
  fc.assert(
    fc.property(items, (item) => {
      const bytes = new Uint8Array(itemLength(item));
      writeItem(bytes, 0, item);
      for (let length = 0; length < bytes.length; length++)
        expect(() => readItem(bytes.subarray(0, length), 0)).toThrow(malformed);
    }),
    { numRuns: 30 },
  );
});

test("a length above the largest entry and an unknown kind are malformed", () => {
  const bytes = new Uint8Array(100_000);
  bytes[34] = 1;
  bytes[36] = 1;
  expect(() => readItem(bytes, 0)).toThrow(malformed);
  expect(() => readItem(Uint8Array.of(2, 0), 0)).toThrow(malformed);
});

test("a reason that does not fit its length byte is not written", () => {
  const item = { commitment: new Uint8Array(32), reason: "x".repeat(256) };
  expect(() => writeItem(new Uint8Array(400), 0, item)).toThrow(
    expect.objectContaining({ code: "input.invalid" }),
  );
});
