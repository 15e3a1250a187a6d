import { canonicalBytes, canonicalText } from "@anamnesis/sdk/core/canonical";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { expect, test } from "vitest";

test("RFC 8785's own example", () => {
  const value = {
    numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
    literals: [null, true, false],
  };
  expect(canonicalText(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test("keys are sorted by UTF-16 code units (RFC 8785 §3.2.3)", () => {
  const keys = ["€", "\r", "\ufb33", "1", "😀", "\u0080", "ö"];
  const text = canonicalText(Object.fromEntries(keys.map((key) => [key, 0])));
  expect(Object.keys(JSON.parse(text) as object).filter((key) => key !== "1")).toEqual([
    "\r",
    "\u0080",
    "ö",
    "€",
    "😀",
    "\ufb33",
  ]);
});

test("the order of keys is irrelevant and parsing gives the value back", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalText(turned)).toBe(canonicalText(value));
      expect(canonicalText(JSON.parse(canonicalText(value)))).toBe(canonicalText(value));
    }),
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, undefined])("%s has no canonical form", (value) => {
  expect(() => canonicalText(value)).toThrow(expect.objectContaining({ code: "input.invalid" }));
  if (value !== undefined)
    expect(() => canonicalBytes({ inside: [value] })).toThrow(
      expect.objectContaining({ code: "input.invalid" }),
    );
});

test("a cycle has no canonical form", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  expect(() => canonicalText(cycle)).toThrow(expect.objectContaining({ code: "input.invalid" }));
});

test("the quick way and the long way give the same text", () => {
  const keys = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "toJSON", "10", "9", "01"),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.jsonValue({ noUnicodeString: false }),
      fc.dictionary(keys, fc.oneof(tie("value"), fc.constant(undefined))),
      fc.array(tie("value")),
      fc.constantFrom("\ud800", "\\ud800", -0, 1e21, 5e-324),
    ),
  }));
  const either = (work: () => unknown) => {
    try {
      return work();
    } catch {
      return "no canonical form";
    }
  };
  fc.assert(
    fc.property(value, (some) => {
      expect(either(() => canonicalText(some))).toBe(either(() => canonicalize(some)));
    }),
    { numRuns: 2000 },
  );
});
