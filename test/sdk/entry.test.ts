import { toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import { canonicalText } from "@anamnesis/sdk/core/canonical";
import {
  commitmentHex,
  commitmentOf,
  decodeEntry,
  encodeEntry,
  MAX_ENTRY_BYTES,
} from "@anamnesis/sdk/core/entry";
import type { Entry } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";

const bytes32 = (fill: string) => `0x${fill.repeat(32)}`;
const ATTESTATION = {
  subject: bytes32("ab"),
  stance: 1,
  basis: 1,
  confidence: 80,
  validUntil: 1_800_000_000,
  version: 1_700_000_000_000,
  content: bytes32("00"),
  signature: `0x${"cd".repeat(65)}`,
};
const ENVELOPE = { at: 1_700_000_000_000, tlp: "green" };
const SIGHTING = { indicator: bytes32("ef"), firstMs: 1, lastMs: 2, count: 3 };
const ENTRIES = [
  { ...ENVELOPE, kind: "attestation", body: ATTESTATION },
  { ...ENVELOPE, kind: "sighting", body: SIGHTING },
  { ...ENVELOPE, audience: [1, 2], kind: "sighting", body: SIGHTING },
  {
    ...ENVELOPE,
    kind: "receipt",
    body: {
      indicator: bytes32("ef"),
      control: "edge",
      kind: "edl",
      action: "block",
      state: "verified",
      proof: "staged",
      expiresAtMs: 5,
    },
  },
  {
    ...ENVELOPE,
    kind: "content",
    body: {
      type: "validation",
      indicator: bytes32("ef"),
      result: { events: 1000, hours: 1.25, hits: 0, dataset: bytes32("da") },
    },
  },
] as unknown as Entry[];

test.each(ENTRIES.map((entry) => [entry.kind, entry] as const))(
  "an entry of kind %s round-trips",
  (_kind, entry) => {
    const bytes = encodeEntry(entry);
    expect(decodeEntry(bytes)).toEqual(entry);
    expect(encodeEntry(decodeEntry(bytes))).toEqual(bytes);
  },
);

const malformed = expect.objectContaining({ code: "entry.malformed" });
const [entry] = ENTRIES as [Entry];

const HOSTILE: readonly [string, unknown][] = [
  ["RED", { ...entry, tlp: "red" }],
  ["no kind", { ...entry, kind: undefined }],
  ["an unknown kind", { ...entry, kind: "order" }],
  ["a field nobody knows", { ...entry, more: 1 }],
  ["a field nobody knows inside", { ...entry, body: { ...ATTESTATION, more: 1 } }],
  ["a time with a fraction", { ...entry, at: 1.5 }],
  ["a negative time", { ...entry, at: -1 }],
  ["stance 0", { ...entry, body: { ...ATTESTATION, stance: 0 } }],
  ["stance 4", { ...entry, body: { ...ATTESTATION, stance: 4 } }],
  ["basis as text", { ...entry, body: { ...ATTESTATION, basis: "1" } }],
  ["confidence 101", { ...entry, body: { ...ATTESTATION, confidence: 101 } }],
  ["a support without an end", { ...entry, body: { ...ATTESTATION, validUntil: 0 } }],
  ["a withdraw with an end", { ...entry, body: { ...ATTESTATION, stance: 3 } }],
  ["a version of 49 bits", { ...entry, body: { ...ATTESTATION, version: 2 ** 48 } }],
  ["a signature of 64 bytes", { ...entry, body: { ...ATTESTATION, signature: `0x${"cd".repeat(64)}` } }],
  ["upper case hexadecimal", { ...entry, body: { ...ATTESTATION, subject: `0x${"AB".repeat(32)}` } }],
  ["member 0 in the audience", { ...entry, audience: [0] }],
  ["a sighting of nothing", { ...ENVELOPE, kind: "sighting", body: { ...SIGHTING, count: 0 } }],
  ["a number", 7],
  ["null", null],
  ["a list", []],
];

test.each(HOSTILE)("%s is refused", (_name, value) => {
  expect(() => decodeEntry(utf8(JSON.stringify(value)))).toThrow(malformed);
});

test.each(HOSTILE.filter(([, value]) => typeof value === "object" && value !== null))(
  "%s cannot be written either",
  (_name, value) => {
    expect(() => encodeEntry(value as Entry)).toThrow(malformed);
  },
);

test.each([
  ["not JSON", utf8("{")],
  ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
  ["another order of keys", utf8(JSON.stringify(entry))],
  ["spaces", utf8(canonicalText(entry).replace(",", ", "))],
  ["a key twice", utf8(canonicalText(entry).replace("{", '{"at":1,'))],
  ["__proto__", utf8(canonicalText(entry).replace("{", '{"__proto__":{},'))],
])("bytes with %s are refused: one entry has one form", (_name, bytes) => {
  expect(() => decodeEntry(bytes)).toThrow(malformed);
});

test("arbitrary bytes never throw anything but entry.malformed", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(utf8)), (bytes) => {
      expect(() => decodeEntry(bytes)).toThrow(malformed);
    }),
  );
});

test("an entry above the limit is not written", () => {
  const control = "x".repeat(64);
  const big = { ...ENVELOPE, audience: Array(256).fill(65_535), kind: "receipt", body: { control } };
  expect(() => encodeEntry(big as unknown as Entry)).toThrow(malformed);
  expect(MAX_ENTRY_BYTES).toBe(65_536);
});

test("salt hides, and a withheld item commits to the same leaf", () => {
  const bytes = encodeEntry(entry);
  const [a, b] = [1, 2].map((n) => ({ salt: new Uint8Array(32).fill(n), entry: bytes }));
  expect(commitmentHex(a!)).not.toBe(commitmentHex(b!));
  const withheld = { commitment: commitmentOf(a!), reason: "tlp.audience" };
  expect(toHex(commitmentOf(withheld))).toBe(commitmentHex(a!));
});
