import { decodeRlp, encodeRlp, quickNode, scalarOf } from "@anamnesis/sdk/evidence/rlp";
import { RLP } from "@ethereumjs/rlp";
import fc from "fast-check";
import { expect, test } from "vitest";

const item = fc.uint8Array({ maxLength: 55 });
const lists = fc.array(
  fc.oneof(item, fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constant(new Uint8Array(0))),
  {
    maxLength: 17,
  },
);

test("the quick way reads what the library reads", () => {
  fc.assert(
    fc.property(lists, (list) => {
      expect(quickNode(RLP.encode(list))).toEqual(list);
      expect(decodeRlp(RLP.encode(list))).toEqual(list);
    }),
  );
});

test("the quick way accepts no bytes that the library refuses or reads otherwise", () => {
  fc.assert(
    fc.property(lists, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, seed, flip) => {
      const bytes = RLP.encode(list);
      bytes[seed % bytes.length] = (bytes[seed % bytes.length] as number) ^ flip;
      const quick = quickNode(bytes);
      if (quick === undefined) return;
      expect(quick).toEqual(decodeRlp(bytes));
      expect(encodeRlp(quick)).toEqual(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test("random bytes are a list in one spelling or none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      for (const read of [quickNode(bytes), decodeRlp(bytes)])
        if (read !== undefined) expect(encodeRlp(read)).toEqual(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["nothing", new Uint8Array(0), 0],
  ["one", Uint8Array.of(1), 1],
  ["2^53 − 1", Uint8Array.of(0x1f, 255, 255, 255, 255, 255, 255), Number.MAX_SAFE_INTEGER],
  ["2^53", Uint8Array.of(0x20, 0, 0, 0, 0, 0, 0), undefined],
  ["a leading zero", Uint8Array.of(0, 1), undefined],
  ["a list", [], undefined],
])("a scalar: %s", (_, value, expected) => {
  expect(scalarOf(value as Uint8Array)).toBe(expected);
});
