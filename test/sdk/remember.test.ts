import { canonicalAddress, classifyAddress, spanOf, specialBlock } from "@anamnesis/sdk/core/address";
import { remember } from "@anamnesis/sdk/core/remember";
import { indexSelf } from "@anamnesis/sdk/core/self-index";
import { keyValues, memberOf } from "@anamnesis/sdk/formats/cef-fields";
import { attackIdsOf, portOf } from "@anamnesis/sdk/formats/detected";
import { parseEpoch } from "@anamnesis/sdk/formats/time";
import fc from "fast-check";
import { expect, it } from "vitest";
import { SELF } from "./eve-support.ts";

it("computes the answer for a text once, and no more than its share is kept", () => {
  const asked: string[] = [];
  const ask = remember((text) => {
    asked.push(text);
    return text.length;
  }, 2);
  const texts = ["a", "b", "a", "b", "c", "a", "\ud800", "\ud800", "x".repeat(600), "x".repeat(600)];
  expect(texts.map(ask)).toEqual(texts.map((text) => text.length));
  expect(asked).toEqual(["a", "b", "c", "a", "\ud800", "x".repeat(600), "x".repeat(600)]);
});

it("remembers that there is no answer", () => {
  let asked = 0;
  const ask = remember(() => {
    asked++;
    return undefined;
  });
  expect([ask("a"), ask("b"), ask("a")]).toEqual([undefined, undefined, undefined]);
  expect(asked).toBe(2);
});

/** Digits, dots and letters that stand where readers look for numbers. */
const numberLike = fc.oneof(
  fc.string({ unit: fc.constantFrom("0", "1", "9", ".", "-", "e", "t", "T", " ", "\n"), maxLength: 12 }),
  fc.integer().map(String),
  fc.double().map(String),
);

it("reads ports, times and techniques as the patterns they are described by", () => {
  fc.assert(
    fc.property(numberLike, (text) => {
      const port = text.length < 16 ? /^(\d{1,5})(?:\.0+)?$/.exec(text)?.[1] : undefined;
      expect(portOf(text)).toBe(port === undefined ? undefined : Number(port));
      const isNumber = /^-?\d+(?:\.\d+)?$/.test(text);
      if (!isNumber) expect(parseEpoch(text)).toBeUndefined();
      else expect(parseEpoch(text)).toBe(parseEpoch(Number(text)));
      const ids = [...text.toUpperCase().matchAll(/\b(T\d{4}(?:\.\d{3})?)(?![\d.])/g)].map(([id]) => id);
      expect(attackIdsOf(text)).toEqual([...new Set(ids)]);
    }),
    { numRuns: 2_000 },
  );
});

it("says of every address what the list of special blocks says, and whether it is the plant's own", () => {
  const index = indexSelf(SELF);
  const own = [...SELF.assets.flatMap(({ addresses }) => addresses), ...Object.values(SELF.roles).flat()]
    .filter((text) => text !== undefined)
    .map(spanOf);
  const near = fc.constantFrom(...own).chain((span) => {
    if (span.family === 6) return fc.ipV6();
    const [first, last] = [Number(span.first), Number(span.last)];
    return fc
      .integer({ min: Math.max(0, first - 2), max: Math.min(2 ** 32 - 1, last + 2) })
      .map((value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join("."));
  });
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), near), (text) => {
      if (canonicalAddress(text) !== text) return;
      const { family, first, last } = spanOf(text);
      const inside = own.some((span) => span.family === family && span.first <= first && last <= span.last);
      expect(index.isOwn(text)).toBe(inside);
      // A span of two octets asks the whole list.
      const wide = specialBlock({ family: 4, first: Number(first), last: Number(first) + 2 ** 24 });
      if (classifyAddress(text) !== "public") expect(wide).toBeDefined();
    }),
    { numRuns: 500 },
  );
});

it("takes the first of equal keys however many follow", () => {
  const members = keyValues(`src=192.0.2.1 msg=${" src=10.0.0.1".repeat(300)} dst=192.0.2.2`);
  expect(memberOf(members, "src")).toBe("192.0.2.1");
  expect(memberOf(members, "dst")).toBe("192.0.2.2");
  expect(memberOf(members, "none")).toBeUndefined();
});
