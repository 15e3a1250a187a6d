import { canonicalText } from "@anamnesis/sdk/core/canonical";
import { sha256Hex } from "@anamnesis/sdk/core/hash";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { parsePattern, toPattern } from "@anamnesis/sdk/core/pattern";
import type { IndicatorForm, ObservableKind, PatternType } from "@anamnesis/sdk/core/types";
import { parseStixPattern } from "@anamnesis/sdk/knowledge/stix-pattern";
import fc from "fast-check";
import { expect, test } from "vitest";

const KINDS: readonly ObservableKind[] = [
  "ipv4-addr",
  "ipv6-addr",
  "domain-name",
  "url",
  "file",
  "ja3",
  "ja4",
];
const BEHAVIOUR = {
  class: "modbus-write-by-non-writer",
  protocol: "modbus",
  functions: [5, 6, 15],
  table: "holding",
  roles: ["non-writer", "controller"],
} as const;

test("observables round-trip, whatever their value", () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), fc.string({ unit: "grapheme", minLength: 1 }), (kind, value) => {
      const form: IndicatorForm = { form: "observable", observable: { kind, value } };
      expect(parsePattern(toPattern(form))).toEqual(form);
    }),
  );
});

test("what is written here is a pattern by the standard's grammar, whatever the value", () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), fc.string({ unit: "grapheme", minLength: 1 }), (kind, text) => {
      // Of a file the value is a hash, and the grammar says so.
      const value = kind === "file" ? sha256Hex(text) : text;
      const { pattern } = toPattern({ form: "observable", observable: { kind, value } });
      expect(() => parseStixPattern(pattern)).not.toThrow();
    }),
  );
});

test("different observables never have one pattern", () => {
  const form = fc.record({ kind: fc.constantFrom(...KINDS), value: fc.string() });
  fc.assert(
    fc.property(form, form, (a, b) => {
      fc.pre(canonicalText(a) !== canonicalText(b));
      const [one, other] = [a, b].map((observable) => toPattern({ form: "observable", observable }));
      expect(indicatorId(one!)).not.toBe(indicatorId(other!));
    }),
  );
});

test("a behaviour round-trips and does not depend on the order of its members", () => {
  const key = toPattern({ form: "behaviour", behaviour: BEHAVIOUR });
  expect(parsePattern(key)).toEqual({ form: "behaviour", behaviour: BEHAVIOUR });
  const turned = Object.fromEntries(Object.entries(BEHAVIOUR).reverse()) as unknown as typeof BEHAVIOUR;
  expect(toPattern({ form: "behaviour", behaviour: turned })).toEqual(key);
});

const malformed = expect.objectContaining({ code: "entry.malformed" });
const HOSTILE: readonly [string, unknown][] = [
  ["no functions: a bare class", { ...BEHAVIOUR, functions: [] }],
  ["functions as an object", { ...BEHAVIOUR, functions: { length: 1, 0: 6 } }],
  ["functions out of order", { ...BEHAVIOUR, functions: [6, 5] }],
  ["a function twice", { ...BEHAVIOUR, functions: [6, 6] }],
  ["function 0", { ...BEHAVIOUR, functions: [0] }],
  ["function 128", { ...BEHAVIOUR, functions: [128] }],
  ["a function with a fraction", { ...BEHAVIOUR, functions: [5.5] }],
  ["a function as text", { ...BEHAVIOUR, functions: ["6; drop"] }],
  ["an unknown class", { ...BEHAVIOUR, class: "everything" }],
  ["an unknown table", { ...BEHAVIOUR, table: "any" }],
  ["other roles", { ...BEHAVIOUR, roles: ["controller", "non-writer"] }],
  ["no roles", { ...BEHAVIOUR, roles: undefined }],
  ["a member nobody knows", { ...BEHAVIOUR, value: 7 }],
  ["null", null],
  ["a number", 6],
  ["a list", []],
];

test.each(HOSTILE)("a behaviour with %s is refused", (_name, value) => {
  const pattern = canonicalText(JSON.parse(JSON.stringify(value)));
  expect(() => parsePattern({ patternType: "x-anamnesis-behaviour", pattern })).toThrow(malformed);
});

test.each(["{", "", JSON.stringify(BEHAVIOUR), ` ${canonicalText(BEHAVIOUR)}`])(
  "a behaviour that is not in canonical form is refused: %s",
  (pattern) => {
    expect(() => parsePattern({ patternType: "x-anamnesis-behaviour", pattern })).toThrow(malformed);
  },
);

test.each([
  "[ipv4-addr:value = '203.0.113.7' OR ipv4-addr:value = '203.0.113.8']",
  "[ipv4-addr:value LIKE '%']",
  "[ipv4-addr:value = '203.0.113.7'] FOLLOWEDBY [url:value = 'x']",
  "[network-traffic:dst_port = 502]",
  "[ipv4-addr:value = '203.0.113.7",
  "[ipv4-addr:value = 'a'b']",
  "[ipv4-addr:value = 'a\\']",
  "[constructor:value = 'a']",
])("a pattern that this version does not compile is kept and never applied: %s", (pattern) => {
  expect(parsePattern({ patternType: "stix", pattern })).toBeUndefined();
});

test.each<PatternType>(["suricata", "snort", "sigma", "yara"])(
  "%s patterns are kept and never applied",
  (patternType) => {
    expect(parsePattern({ patternType, pattern: "alert ip any any -> any any" })).toBeUndefined();
  },
);
