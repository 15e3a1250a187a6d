import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { encodeBundle, MAX_BUNDLE_BYTES, parseBundle } from "@anamnesis/sdk/evidence/parse";
import { readBundle } from "@anamnesis/sdk/evidence/read";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
import { beforeAll, expect, test } from "vitest";
import { makeWorld, type World } from "./world.ts";

let world: World;
let text: string;
beforeAll(async () => {
  world = await makeWorld();
  text = new TextDecoder().decode(world.bytes);
});

const bytesOf = (json: string): Uint8Array => new TextEncoder().encode(json);

/** Why a file is not read. */
const refusalOf = (read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string => {
  try {
    read(bytes);
    return "read";
  } catch (error) {
    if (error instanceof AnamnesisError && error.code === "evidence.unreadable") return error.message;
    throw error;
  }
};
const refusal = (bytes: Uint8Array): string => {
  const why = refusalOf(parseBundle, bytes);
  expect(refusalOf(readBundle, bytes)).toBe(why); // the quick way says the same
  return why;
};

test("whatever is done to a byte, the quick way reads what the long way reads", () => {
  for (let at = 0; at < world.bytes.length; at += 7) {
    const mutant = world.bytes.slice();
    mutant[at] = (mutant[at] as number) ^ (1 << (at % 8));
    expect(refusal(mutant), `byte ${at}`).toBeTypeOf("string");
  }
});

test("what was written is read, and is the same bytes again", () => {
  expect(Buffer.from(encodeBundle(parseBundle(world.bytes))).equals(world.bytes)).toBe(true);
});

test("a bundle that is cut anywhere is not read", () => {
  for (let end = 0; end < world.bytes.length; end += 97)
    expect(refusal(world.bytes.subarray(0, end)), String(end)).not.toBe("read");
});

test.each<[string, (json: string) => string, RegExp]>([
  ["an extra field", (json) => json.replace('{"chain":', '{"a":0,"chain":'), /member "a" that is not known/],
  [
    "an extra field deep inside",
    (json) => json.replace('"blind":', '"blinc":0,"blind":'),
    /"blinc" that is not known/,
  ],
  [
    "a field less",
    (json) => json.replace(/"genesisHash":"0x\w+",/, ""),
    /chain has memory where genesisHash belongs/,
  ],
  [
    "fields in another order",
    (json) => json.replace(/("basis":\d),("confidence":\d+)/, "$2,$1"),
    /has confidence where basis belongs/,
  ],
  [
    "an entry's fields in another order",
    (json) =>
      json.replace(/("count":\d+),("firstMs":\d+)|("at":\d+),("body":)/, (all, a, b) =>
        a ? `${b},${a}` : all.replace('"at"', '"zt"'),
      ),
    /entry/,
  ],
  ["a member twice", (json) => json.replace('{"chain":', '{"chain":0,"chain":'), /canonical form/],
  ["__proto__", (json) => json.replace('{"chain":', '{"__proto__":{},"chain":'), /not known/],
  ["white space", (json) => json.replace(",", ", "), /canonical form/],
  ["a line at the end", (json) => `${json}\n`, /canonical form/],
  ["a byte order mark", (json) => `\uFEFF${json}`, /not JSON/],
  [
    "upper-case hexadecimal",
    (json) =>
      json.replace(/"blind":"0x\w+"/, (all) => all.replace(/[a-f](?=\w*"$)/, (digit) => digit.toUpperCase())),
    /lower-case hexadecimal/,
  ],
  ["an escaped letter", (json) => json.replace('"format":"an', '"format":"\\u0061n'), /canonical form/],
  [
    "a number with an exponent",
    (json) => json.replace('"memberCount":4', '"memberCount":4e0'),
    /canonical form/,
  ],
  ["minus zero", (json) => json.replace(/"index":3/, '"index":-0'), /not a whole number/],
  ["a broken number", (json) => json.replace('"memberCount":4', '"memberCount":4.5'), /not a whole number/],
  [
    "a number too great",
    (json) => json.replace('"memberCount":4', '"memberCount":70000'),
    /not a whole number from 0 to 65535/,
  ],
  [
    "hexadecimal of another length",
    (json) => json.replace(/"salt":"0x\w\w/, '"salt":"0x'),
    /salt is not 32 bytes/,
  ],
  ["an odd number of digits", (json) => json.replace(/"salt":"0x\w/, '"salt":"0x'), /salt is not 32 bytes/],
  [
    "another format",
    (json) => json.replace("evidence/1", "evidence/2"),
    /format is not anamnesis\/evidence\/1/,
  ],
  ["no snapshot", (json) => json.replace(/"snapshots":\[.*\]/, '"snapshots":[]'), /snapshots is empty/],
  [
    "a list where an object belongs",
    (json) => json.replace(/"chain":\{[^}]*\}/, '"chain":[]'),
    /chain is not an object/,
  ],
  [
    "null where a list belongs",
    (json) => json.replace(/"headers":\[[^\]]*\]/, '"headers":null'),
    /headers is not a list/,
  ],
  ["another kind of entry", (json) => json.replace('"kind":"receipt"', '"kind":"secret"'), /entry.*kind/],
  [
    "another kind of record",
    (json) =>
      json.replace('"patternType":"stix","type":"indicator"', '"patternType":"stix","type":"behaviour"'),
    /type is not indicator or response/,
  ],
  ["half a character in an entry", (json) => json.replace("scanner", "\\ud800canner"), /canonical form/],
  [
    "half a character in a pattern",
    (json) => json.replace('{"pattern":"', '{"pattern":"\\ud800'),
    /is not a text/,
  ],
  ["another document", () => '{"hello":"world"}', /"hello" that is not known/],
  ["a number", () => "5", /is not an object/],
  ["nothing", () => "", /not JSON/],
])("%s is not read", (_, change, cause) => {
  const changed = change(text);
  expect(changed).not.toBe(text);
  expect(refusal(bytesOf(changed))).toMatch(cause);
});

test("bytes that are no UTF-8 are not read", () => {
  const bytes = world.bytes.slice();
  bytes[40] = 0xff;
  expect(refusal(bytes)).toMatch(/UTF-8/);
});

test("a file beyond the bound is not looked at", () => {
  expect(refusal(new Uint8Array(MAX_BUNDLE_BYTES + 1))).toMatch(/at most 134217728 are read/);
});

test.each([
  ["lists in lists", "["],
  ["objects in objects", '{"a":'],
])("a million %s are not read", (_, open) => {
  expect(refusal(bytesOf(open.repeat(1_000_000)))).toMatch(/nests more than 16 deep/);
});

test("a file that is nothing but empty objects is not made into them", () => {
  expect(refusal(bytesOf(`[${"{},".repeat(500_000)}{}]`))).toMatch(/more objects and lists/);
});

test("brackets and escaped quotes inside texts are text", () => {
  const json = text.replace("scanner", `${"[{".repeat(40)}\\\\\\"`);
  // Another name: read, and refused by its commitment.
  const verdict = verifyEvidence(parseBundle(bytesOf(json)), world.trust);
  expect(verdict.verified ? "" : verdict.failure.code).toBe("evidence.content");
});

test("an object that is no bundle is refused, whatever its type says", () => {
  const wrong = { ...world.bundle, extra: 1 };
  expect(() => verifyEvidence(wrong, world.trust)).toThrow(/"extra" that is not known/);
});
