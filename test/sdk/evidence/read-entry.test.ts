import { utf8 } from "@anamnesis/sdk/core/bytes";
import { decodeEntry, encodeEntry } from "@anamnesis/sdk/core/entry";
import type { Entry } from "@anamnesis/sdk/core/types";
import { createCursor, NOT_CANONICAL } from "@anamnesis/sdk/evidence/cursor";
import { readEntry } from "@anamnesis/sdk/evidence/read-entry";
import fc from "fast-check";
import { expect, test } from "vitest";

const ms = fc.integer({ min: 0, max: 253_402_300_799_999 });
const indicator = fc.stringMatching(/^0x[0-9a-f]{64}$/);
const name = (maxLength: number) =>
  fc.oneof(fc.string({ maxLength }), fc.string({ unit: "binary", maxLength: maxLength / 2 }));
const sighting = fc.record({ count: fc.integer({ min: 1 }), firstMs: ms, indicator, lastMs: ms });
const receipt = fc.record(
  {
    action: fc.constantFrom("observe", "alert", "deny", "block", "isolate"),
    control: name(60),
    expiresAtMs: ms,
    indicator,
    kind: name(30),
    proof: fc.constantFrom("enforced", "staged", "none"),
    reason: name(200),
    state: fc.constantFrom("applied", "verified", "undone", "refused", "deferred"),
  },
  { requiredKeys: ["action", "control", "indicator", "kind", "proof", "state"] },
);
const reference = fc.record({ source_name: name(60), external_id: name(60) });
const content = fc.oneof(
  fc.record({
    type: fc.constant("indicator"),
    object: fc.record(
      {
        type: fc.constant("indicator"),
        spec_version: fc.constant("2.1"),
        id: name(60),
        created: name(40),
        modified: name(40),
        name: name(400),
        indicator_types: fc.array(name(60), { maxLength: 8 }),
        pattern: fc.oneof(name(60), fc.string({ minLength: 1 })).filter((text) => text !== ""),
        pattern_type: fc.constantFrom("stix", "suricata", "sigma", "yara", "snort", "x-anamnesis-behaviour"),
        valid_from: name(40),
        external_references: fc.array(reference, { maxLength: 32 }),
      },
      {
        requiredKeys: [
          ...["type", "spec_version", "id", "created", "modified", "name", "indicator_types"],
          ...["pattern", "pattern_type", "valid_from"],
        ] as never,
      },
    ),
  }),
  fc.record({
    type: fc.constant("response"),
    indicator,
    object: fc.record({
      type: fc.constant("course-of-action"),
      spec_version: fc.constant("2.1"),
      name: name(400),
      x_anamnesis_action: fc.constantFrom("observe", "alert", "deny", "block", "isolate"),
    }),
  }),
  fc.record({
    type: fc.constant("validation"),
    indicator,
    result: fc.record({
      dataset: indicator,
      events: fc.maxSafeNat(),
      hits: fc.nat(),
      hours: fc.oneof(fc.nat(), fc.double({ min: 0, noDefaultInfinity: true, noNaN: true })),
    }),
  }),
);
const body = fc.oneof(
  fc.record({ kind: fc.constant("content"), body: content }),
  fc.record({ kind: fc.constant("sighting"), body: sighting }),
  fc.record({ kind: fc.constant("receipt"), body: receipt }),
);
const envelope = fc.record(
  {
    at: ms,
    tlp: fc.constantFrom("clear", "green", "amber", "amber+strict"),
    audience: fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 3 }),
  },
  { requiredKeys: ["at", "tlp"] },
);
const entries = fc
  .tuple(envelope, body)
  .map(([outer, inner]) => ({ ...outer, ...inner }) as unknown as Entry);

/** What the quick way makes of the bytes of an entry, undefined when it is none. */
function read(bytes: Uint8Array): Entry | undefined {
  try {
    const cursor = createCursor(bytes);
    const { entry, bytes: own } = readEntry(cursor);
    cursor.end();
    expect(own).toEqual(bytes);
    return entry;
  } catch (error) {
    if (error === NOT_CANONICAL) return undefined;
    throw error;
  }
}

/** The same the long way. */
function decoded(bytes: Uint8Array): Entry | undefined {
  try {
    return decodeEntry(bytes);
  } catch {
    return undefined;
  }
}

test("any sighting, receipt and content is read as it was written", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const bytes = encodeEntry(entry);
      expect(read(bytes)).toEqual(decodeEntry(bytes));
    }),
  );
});

test("whatever is done to a byte, the quick way reads what the long way reads", () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.integer({ min: 1, max: 255 }), (entry, seed, flip) => {
      const bytes = encodeEntry(entry).slice();
      bytes[seed % bytes.length] = (bytes[seed % bytes.length] as number) ^ flip;
      expect(read(bytes)).toEqual(decoded(bytes));
    }),
    { numRuns: 3_000 },
  );
});

const plain =
  '{"at":5,"body":{"count":1,"firstMs":2,"indicator":"0xID","lastMs":3},"kind":"sighting","tlp":"green"}'.replace(
    "ID",
    "ab".repeat(32),
  );

test.each([
  ["a number with a leading zero", plain.replace('"at":5', '"at":05')],
  ["no count", plain.replace('"count":1', '"count":0')],
  ["a number beyond 2^53", plain.replace('"count":1', '"count":9007199254740993')],
  ["a year that is none", plain.replace('"firstMs":2', '"firstMs":253402300800000')],
  ["another marking", plain.replace("green", "red")],
  ["upper-case hexadecimal", plain.replace("abab", "ABab")],
  ["an extra member", plain.replace('"lastMs":3', '"lastMs":3,"more":4')],
  ["white space", plain.replace('"at":', '"at": ')],
  ["a byte behind", `${plain} `],
  ["no end", plain.slice(0, -1)],
])("%s is no entry", (_, text) => {
  expect(read(utf8(plain))).toBeDefined();
  expect(read(utf8(text))).toBeUndefined();
  expect(decoded(utf8(text))).toBeUndefined();
});
