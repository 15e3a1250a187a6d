/** A MISP feed: what is in its files, and that our own reader understands them. */
import { createHash } from "node:crypto";
import type { StixIndicator, Tlp } from "@anamnesis/sdk/core/types";
import type { KnownIndicator } from "@anamnesis/sdk/core/views";
import { writeMispFeed } from "@anamnesis/sdk/knowledge/misp-feed";
import { readKnowledge } from "@anamnesis/sdk/knowledge/read";
import { expect, test } from "vitest";

const md5 = (text: string) => createHash("md5").update(text).digest("hex");
let last = 0;
const known = (
  patternType: StixIndicator["pattern_type"],
  pattern: string,
  more: Partial<KnownIndicator> & { readonly day?: string } = {},
): KnownIndicator => {
  const { day = "2026-11-25", ...rest } = more;
  const time = `${day}T10:00:00.000Z`;
  return {
    object: {
      type: "indicator",
      spec_version: "2.1",
      id: `indicator--00000000-0000-5000-8000-${String(++last).padStart(12, "0")}`,
      created: time,
      modified: time,
      name: "an attack",
      indicator_types: ["malicious-activity"],
      pattern,
      pattern_type: patternType,
      valid_from: time,
    },
    tlp: "green" as Tlp,
    status: "attested",
    modifiedMs: Date.parse(time),
    ...rest,
  };
};

interface Event {
  readonly uuid: string;
  readonly timestamp: string;
  readonly Tag: readonly { readonly name: string }[];
  readonly Attribute: readonly {
    readonly type: string;
    readonly value: string;
    readonly deleted?: boolean;
  }[];
}
const eventsOf = (files: ReadonlyMap<string, string>): Event[] =>
  [...files]
    .filter(([name]) => /^[0-9a-f-]{36}\.json$/.test(name))
    .map(([, text]) => (JSON.parse(text) as { Event: Event }).Event);

test("an event a day, with attributes of MISP's own types, and each value in the hashes", () => {
  const files = writeMispFeed(
    [
      known("stix", "[ipv4-addr:value = '203.0.113.7']"),
      known("stix", "[domain-name:value = 'bad.example']", { tlp: "amber" }),
      known("stix", "[a:b = 'c' AND d:e = 'f']"),
      known("suricata", "alert tcp any any -> any any (sid:1;)", { day: "2026-11-24" }),
    ],
    md5,
  );
  const [older, newer] = eventsOf(files);
  expect(older!.Attribute).toMatchObject([{ type: "suricata", to_ids: true }]);
  expect(newer!.Attribute).toMatchObject([
    { type: "ip-src", value: "203.0.113.7" },
    { type: "domain", value: "bad.example" },
    { type: "stix2-pattern" },
  ]);
  expect(newer!.Tag, "the strictest of its attributes").toMatchObject([{ name: "tlp:amber" }]);
  const manifest = JSON.parse(files.get("manifest.json")!) as Record<string, { timestamp: string }>;
  expect(Object.keys(manifest)).toEqual([older!.uuid, newer!.uuid]);
  expect(manifest[newer!.uuid]!.timestamp).toBe(newer!.timestamp);
  expect(files.get("hashes.csv")).toContain(`${md5("203.0.113.7")},${newer!.uuid}\n`);
  expect([...files.keys()].at(-1), "the manifest is written last").toBe("manifest.json");
});

test("the same indicators are the same files at every plant", () => {
  const one = known("stix", "[ipv4-addr:value = '203.0.113.7']");
  expect(writeMispFeed([one], md5)).toEqual(writeMispFeed([one], md5));
});

test("what members took back is deleted there, detects nothing, and is in no hash", () => {
  const files = writeMispFeed(
    [
      known("stix", "[ipv4-addr:value = '203.0.113.7']", { status: "refuted" }),
      known("stix", "[ipv4-addr:value = '203.0.113.8']", { status: "withdrawn" }),
    ],
    md5,
  );
  const [event] = eventsOf(files);
  for (const attribute of event!.Attribute) expect(attribute).toMatchObject({ deleted: true, to_ids: false });
  expect(files.get("hashes.csv")).toBe("");
});

test("our own reader takes it back under its TLP", () => {
  const files = writeMispFeed([known("stix", "[url:value = 'http://bad.example/a']", { tlp: "amber" })], md5);
  const [text] = [...files].filter(([name]) => /^[0-9a-f-]{36}/.test(name)).map(([, each]) => each);
  expect(readKnowledge(text!, 0).proposals).toMatchObject([
    { key: { pattern: "[url:value = 'http://bad.example/a']" }, tlp: "amber" },
  ]);
});
