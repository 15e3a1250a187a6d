/* The quick form of an entry says the same as schema and RFC 8785, or nothing. */
import { quickEntryText } from "@anamnesis/sdk/core/entry-text";
import { actionSchema, entrySchema, patternTypeSchema } from "@anamnesis/sdk/core/schema";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as browser from "../../sdk/src/core/platform-browser.ts";
import * as node from "../../sdk/src/core/platform-node.ts";

const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((some) => `0x${Buffer.from(some).toString("hex")}`);
const bytes32 = hex(32);
const ms = fc.oneof(fc.integer({ min: 0, max: 3_000_000 }), fc.integer({ min: 0, max: 253_402_300_799_999 }));
const whole = fc.maxSafeNat();
const text = (max: number) =>
  fc.string({ unit: "grapheme", maxLength: Math.min(max, 12) }).filter((some) => some.length <= max);
const action = fc.constantFrom(...actionSchema.options);

const indicator = fc.record(
  {
    type: fc.constant("indicator"),
    spec_version: fc.constant("2.1"),
    id: text(64),
    created: text(40),
    modified: text(40),
    name: text(512),
    indicator_types: fc.array(text(64), { maxLength: 8 }),
    pattern: text(100).filter((some) => some !== ""),
    pattern_type: fc.constantFrom(...patternTypeSchema.options),
    valid_from: text(40),
    external_references: fc.array(fc.record({ source_name: text(64), external_id: text(64) }), {
      maxLength: 3,
    }),
  },
  {
    requiredKeys: [
      "type",
      "spec_version",
      "id",
      "created",
      "modified",
      "name",
      "indicator_types",
      "pattern",
      "pattern_type",
      "valid_from",
    ],
  },
);
const courseOfAction = fc.record({
  type: fc.constant("course-of-action"),
  spec_version: fc.constant("2.1"),
  name: text(512),
  x_anamnesis_action: action,
});
const hours = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
const content = fc.oneof(
  fc.record({ type: fc.constant("indicator"), object: indicator }),
  fc.record({ type: fc.constant("response"), indicator: bytes32, object: courseOfAction }),
  fc.record({
    type: fc.constant("validation"),
    indicator: bytes32,
    result: fc.record({ events: whole, hours, hits: whole, dataset: bytes32 }),
  }),
);
const attestation = fc
  .record({
    subject: bytes32,
    stance: fc.integer({ min: 1, max: 3 }),
    basis: fc.integer({ min: 1, max: 3 }),
    confidence: fc.integer({ min: 0, max: 100 }),
    validUntil: fc.integer({ min: 1, max: 2 ** 40 - 1 }),
    version: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
    content: bytes32,
    signature: hex(65),
  })
  .map((some) => ({ ...some, validUntil: some.stance === 1 ? some.validUntil : 0 }));
const sighting = fc.record({
  indicator: bytes32,
  firstMs: ms,
  lastMs: ms,
  count: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
});
const receipt = fc.record(
  {
    indicator: bytes32,
    control: text(64),
    kind: text(32),
    action,
    state: fc.constantFrom("applied", "verified", "undone", "refused", "deferred"),
    proof: fc.constantFrom("enforced", "staged", "none"),
    reason: text(256),
    expiresAtMs: ms,
  },
  { requiredKeys: ["indicator", "control", "kind", "action", "state", "proof"] },
);
const body = fc.oneof(
  fc.record({ kind: fc.constant("content"), body: content }),
  fc.record({ kind: fc.constant("attestation"), body: attestation }),
  fc.record({ kind: fc.constant("sighting"), body: sighting }),
  fc.record({ kind: fc.constant("receipt"), body: receipt }),
);
const envelope = fc.record(
  {
    at: ms,
    tlp: fc.constantFrom("clear", "green", "amber", "amber+strict"),
    audience: fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 4 }),
  },
  { requiredKeys: ["at", "tlp"] },
);
/** Plain objects, as code writes and JSON.parse makes them. */
const entry = fc
  .tuple(envelope, body)
  .map((parts) => JSON.parse(JSON.stringify(Object.assign({}, ...parts))) as Json);

type Json = Record<string, unknown>;

test("a well-formed entry has its quick form, and it is the canonical one", () => {
  fc.assert(
    fc.property(entry, (some) => {
      expect(entrySchema.safeParse(some).success).toBe(true);
      expect(quickEntryText(some)).toBe(canonicalize(some));
    }),
    { numRuns: 2000 },
  );
});

const ODD = [
  undefined,
  null,
  true,
  -1,
  -0,
  0,
  0.5,
  4,
  101,
  1e21,
  2 ** 40,
  2 ** 48,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "",
  "1",
  "red",
  "\ud800",
  "x".repeat(20_000),
  `0x${"AB".repeat(32)}`,
  `0x${"ab".repeat(31)}a\u0131`,
  `0x${"ab".repeat(31)}`,
  `0X${"ab".repeat(32)}`,
  [],
  [0],
  ["\udc00"],
  [undefined],
  {},
  { toJSON: () => 1 },
  new Date(0),
  Object.create(null),
  7n,
  Symbol("x"),
];

/** Every place of a value: what holds it and its key. */
function places(value: unknown): [Json, string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(
    ([key, inside]) => [[value as Json, key], ...places(inside)] as [Json, string][],
  );
}

test("whatever one changes in an entry, its quick form is the canonical one of a well-formed entry, or none", () => {
  let quick = 0;
  const change = fc.record({
    place: fc.nat(),
    value: fc.oneof(fc.constantFrom(...ODD), fc.jsonValue(), fc.double()),
    how: fc.nat(3),
  });
  fc.assert(
    fc.property(entry, change, (some, { place, value, how }) => {
      const all = places(some);
      const [holder, key] = all[place % all.length] as [Json, string];
      if (how === 0) delete holder[key];
      else if (how === 1) holder[`${key}x`] = value;
      else holder[key] = value;
      const said = quickEntryText(some);
      if (said === undefined) return;
      quick++;
      expect(entrySchema.safeParse(some).success).toBe(true);
      expect(said).toBe(canonicalize(some));
    }),
    { numRuns: 5000 },
  );
  expect(quick).toBeGreaterThan(50);
});

test.each([
  ["Node", node.isHexDigits],
  ["browsers", browser.isHexDigits],
])("of all characters %s take sixteen as hexadecimal digits", (_name, isHexDigits) => {
  const taken = Array.from({ length: 65_536 }, (_, code) => String.fromCharCode(code)).filter((one) =>
    isHexDigits(`a${one}`),
  );
  expect(taken.join("")).toBe("0123456789abcdef");
  expect([isHexDigits(""), isHexDigits("a"), isHexDigits("ab".repeat(128))]).toEqual([true, false, true]);
});
