/** Every format: what is taken, what is refused and why, and that writing gives back what was read. */
import type { KnowledgeFormat } from "@anamnesis/sdk/core/types";
import { readKnowledge } from "@anamnesis/sdk/knowledge/read";
import { writeKnowledge } from "@anamnesis/sdk/knowledge/write";
import { describe, expect, test } from "vitest";

const NOW = Date.UTC(2026, 0, 1);
const TLP1_RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed";
const TLP2_STRICT = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003";

const read = (text: string, format?: KnowledgeFormat) => readKnowledge(text, NOW, format);
const reasons = (text: string) => read(text).refusals.map(({ where, reason }) => `${where}: ${reason}`);

const indicator = (extra: object) => ({
  type: "indicator",
  spec_version: "2.1",
  id: "indicator--1",
  pattern_type: "stix",
  pattern: "[ipv4-addr:value = '198.51.100.7']",
  valid_from: "2025-01-01T00:00:00Z",
  ...extra,
});
const bundle = (...objects: object[]) => JSON.stringify({ type: "bundle", id: "bundle--1", objects });

describe("STIX", () => {
  const full = bundle(
    indicator({
      name: "C2",
      confidence: 70,
      created_by_ref: "identity--1",
      object_marking_refs: [TLP2_STRICT, "marking-definition--x"],
      valid_until: "2027-01-01T00:00:00Z",
      external_references: [{ source_name: "mitre-attack", external_id: "T0883" }],
    }),
    { type: "identity", id: "identity--1", name: "A CERT" },
    { type: "marking-definition", id: "marking-definition--x", definition: { statement: "CC-BY 4.0" } },
    {
      type: "attack-pattern",
      id: "attack-pattern--1",
      external_references: [{ source_name: "mitre-ics-attack", external_id: "t0855" }],
    },
    {
      type: "relationship",
      id: "relationship--1",
      relationship_type: "indicates",
      source_ref: "indicator--1",
      target_ref: "attack-pattern--1",
    },
  );

  test("keeps author, licence, marking, validity, confidence and techniques", () => {
    const { format, proposals } = read(full);
    expect(format).toBe("stix");
    expect(proposals).toMatchObject([
      {
        name: "C2",
        confidence: 70,
        attackIds: ["T0883", "T0855"],
        tlp: "amber+strict",
        validUntilMs: Date.UTC(2027, 0, 1),
        origin: { id: "indicator--1", author: "A CERT", licence: "CC-BY 4.0" },
      },
    ]);
  });

  test.each([
    [{ revoked: true }, "revoked"],
    [{ valid_until: "2025-06-01T00:00:00Z" }, "expired"],
    [{ object_marking_refs: [TLP1_RED] }, "tlp.red"],
    [{ pattern: "[nonsense" }, "malformed"],
    [{ pattern: 7 }, "malformed"],
    [{ pattern_type: "pcre" }, "malformed"],
    [{ description: "x".repeat(20_000) }, "too.large"],
  ])("refuses %j as %s", (extra, reason) => {
    expect(reasons(bundle(indicator(extra)))).toEqual([`indicator--1: ${reason}`]);
  });

  test("reads 2.0, where every pattern is STIX's", () => {
    const { pattern_type: _, spec_version: __, ...old } = indicator({});
    expect(read(bundle(old)).proposals).toHaveLength(1);
  });

  test("behaviours of this project are read back, and only whole ones", () => {
    const behaviour = JSON.stringify({
      class: "modbus-write-by-non-writer",
      functions: [6],
      protocol: "modbus",
      roles: ["non-writer", "controller"],
      table: "holding",
    });
    const own = { pattern_type: "x-anamnesis-behaviour", pattern: behaviour };
    expect(read(bundle(indicator(own))).proposals).toMatchObject([{ form: { form: "behaviour" } }]);
    expect(reasons(bundle(indicator({ ...own, pattern: "{}" })))).toEqual(["indicator--1: malformed"]);
  });

  test("other objects are named, not lost", () => {
    expect(reasons(bundle({ type: "campaign", id: "campaign--1" }))).toEqual(["campaign--1: not.indicator"]);
  });

  test("gives back what was read", () => sameAgain(full));
});

describe("MISP", () => {
  const event = (attribute: object, extra: object = {}) =>
    JSON.stringify({
      Event: {
        uuid: "e-1",
        info: "an event",
        Orgc: { name: "A CERT" },
        Attribute: [{ uuid: "a-1", to_ids: true, ...attribute }],
        ...extra,
      },
    });

  test.each([
    ["ip-dst", "198.51.100.7", "[ipv4-addr:value = '198.51.100.7']", true],
    ["ip-src", "2001:DB8::1", "[ipv6-addr:value = '2001:db8::1']", true],
    ["hostname", "Bad.example", "[domain-name:value = 'bad.example']", true],
    ["sha256", "AB".repeat(32), `[file:hashes.'SHA-256' = '${"ab".repeat(32)}']`, true],
    [
      "ip-dst|port",
      "198.51.100.7|502",
      "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port = 502]",
      false,
    ],
    [
      "domain|ip",
      "bad.example|198.51.100.7",
      "[domain-name:value = 'bad.example' AND domain-name:resolves_to_refs[*].value = '198.51.100.7']",
      false,
    ],
    ["filename", "joe's.dll", "[file:name = 'joe\\'s.dll']", false],
    [
      "md5",
      "d41d8cd98f00b204e9800998ecf8427e",
      "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
      false,
    ],
  ])("takes %s", (type, value, pattern, applies) => {
    const [only, ...others] = read(event({ type, value })).proposals;
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      key: { pattern },
      name: "an event",
      origin: { author: "A CERT", id: "a-1" },
    });
    expect(only?.form !== null).toBe(applies);
  });

  test("tags are traffic lights and techniques", () => {
    const Tag = [
      { name: "tlp:amber" },
      { name: 'misp-galaxy:mitre-attack-pattern="Brute Force I/O - T0806"' },
    ];
    const [only] = read(event({ type: "ip-dst", value: "198.51.100.7" }, { Tag })).proposals;
    expect(only).toMatchObject({ tlp: "amber", attackIds: ["T0806"] });
    expect(reasons(event({ type: "ip-dst", value: "198.51.100.7", Tag: [{ name: "TLP:RED" }] }))).toEqual([
      "a-1: tlp.red",
    ]);
  });

  test("an event's galaxies are pages; its attributes keep the tags of them and stay small", () => {
    const cluster = {
      tag_name: 'misp-galaxy:mitre-attack-pattern="Modify Parameter - T0836"',
      description: "x".repeat(30_000),
    };
    const text = event({ type: "ip-dst", value: "198.51.100.7" }, { Galaxy: [{ GalaxyCluster: [cluster] }] });
    const { proposals, refusals } = read(text);
    expect(refusals).toEqual([]);
    expect(proposals).toMatchObject([{ attackIds: ["T0836"] }]);
    sameAgain(text);
  });

  test.each([
    [{ type: "ip-dst", value: "198.51.100.7", to_ids: false }, "not.detection"],
    [{ type: "ip-dst", value: "198.51.100.7", deleted: true }, "revoked"],
    [{ type: "AS", value: "AS174" }, "not.indicator"],
    [{ type: "ip-dst|port", value: "198.51.100.7|none" }, "malformed"],
    [{ type: "sha256", value: "f00" }, "malformed"],
  ])("refuses %j as %s", (attribute, reason) => {
    expect(reasons(event(attribute))).toEqual([`a-1: ${reason}`]);
  });

  test("gives back what was read", () =>
    sameAgain(event({ type: "domain", value: "bad.example", comment: "why" })));
});

describe("Zeek intel", () => {
  const header = "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc";
  const file = `${header}\n1.2.3.4\tIntel::ADDR\ta feed\tbad\n10.0.0.0/8\tIntel::SUBNET\ta feed\t-\nbad.example/x\tIntel::URL\t-\t-\n`;

  test("rows become patterns; a subnet and a URL without a scheme are applied by nothing", () => {
    const { proposals } = read(file);
    expect(proposals.map(({ key, form }) => [key.pattern, form !== null])).toEqual([
      ["[ipv4-addr:value = '1.2.3.4']", true],
      ["[ipv4-addr:value ISSUBSET '10.0.0.0/8']", false],
      ["[url:value LIKE '%://bad.example/x']", false],
    ]);
    expect(proposals[0]).toMatchObject({ name: "bad", origin: { author: "a feed" } });
    expect(proposals[2]?.origin.author).toBeUndefined();
  });

  test("refuses rows that do not fit, by their lines", () => {
    expect(reasons(`${header}\n1.2.3.4\tIntel::ADDR\n5.6.7.8\tIntel::PUBKEY_HASH\ta\tb\n`)).toEqual([
      "line 2: malformed",
      "line 3: not.indicator",
    ]);
  });

  test("gives back what was read", () => {
    sameAgain(file);
    const { proposals } = read(file);
    expect(
      writeKnowledge(
        "zeek-intel",
        proposals.map(({ origin }) => origin),
        "",
      ),
    ).toBe(file);
  });
});

describe("Suricata", () => {
  const rule =
    'alert modbus $A any -> [10.0.0.0/8, !10.1.1.1] 502 (msg:"a \\"write\\"\\; of X"; modbus: function 6; metadata:mitre_technique_id T0855; sid:7; rev:2;)';

  test("takes a rule as it is, over several lines, too", () => {
    const { proposals } = read(`# a file\n\n${rule.replace("; modbus", "; \\\n  modbus")}\n`);
    expect(proposals).toMatchObject([
      {
        key: { patternType: "suricata" },
        name: 'a "write"; of X',
        attackIds: ["T0855"],
        origin: { id: "1:7:2" },
      },
    ]);
  });

  test.each([
    [`# ${rule}`, "1:7:2: dead"],
    [rule.replace("sid:7", "noalert; sid:7"), "1:7:2: dead"],
    [rule.replace("sid:7", "flowbits:noalert; sid:7"), "1:7:2: dead"],
    [rule.replace("alert", "pass"), "1:7:2: not.indicator"],
    [rule.replace("sid:7;", "sid:x;"), "line 1: malformed"],
    [rule.replace("->", "-"), "line 1: malformed"],
    [rule.replace("rev:2;)", "rev:2)"), "line 1: malformed"],
  ])("refuses %s", (text, reason) => {
    expect(reasons(text)).toEqual([reason]);
  });

  test("gives back what was read", () => sameAgain(`${rule}\n${rule.replace("sid:7", "sid:8")}\n`));
});

describe("Sigma", () => {
  const rule = [
    "title: Writes by strangers",
    "id: 9705a6a1-6db6-4a16-a987-b89151e299b1",
    "author: somebody",
    "license: DRL 1.1",
    "level: high",
    "tags: [attack.t0855, attack.impact]",
    "logsource: {product: zeek, service: modbus}",
    "detection:",
    "  write: {func: WRITE_SINGLE_REGISTER}",
    "  known: {id.orig_h: 10.0.0.1}",
    "  condition: write and not known",
  ].join("\n");

  test("keeps id, author and licence, as its licence asks", () => {
    expect(read(rule).proposals).toMatchObject([
      {
        confidence: 75,
        attackIds: ["T0855"],
        origin: {
          id: "9705a6a1-6db6-4a16-a987-b89151e299b1",
          author: "somebody",
          licence: "DRL 1.1",
          source: rule,
        },
      },
    ]);
  });

  test.each([
    [rule.replace("and not known", "and not unknown"), "dead"],
    [rule.replace("  condition: write and not known", ""), "dead"],
    [rule.replace("level:", "status: deprecated\nlevel:"), "dead"],
    [rule.replace("{func: WRITE_SINGLE_REGISTER}", "{}"), "dead"],
    [rule.replace("logsource: {product: zeek, service: modbus}\n", ""), "malformed"],
    [rule.replace("tags: [", "tags: [[["), "malformed"],
  ])("refuses %s", (text, reason) => {
    expect(read(text, "sigma").refusals.map((one) => one.reason)).toEqual([reason]);
  });

  test("gives back what was read, several in one file", () =>
    sameAgain(`${rule}\n---\n${rule.replace("9705", "9706")}\n`));
});

describe("YARA", () => {
  const rule = [
    'import "pe"',
    "rule dropper : ics {",
    "  meta:",
    '    author = "somebody"',
    '    description = "drops T0863"',
    "  strings:",
    '    $a = "brace } in a text" // and one } here',
    "    $b = { 4D 5A }",
    "  condition:",
    "    $a and $b and pe.number_of_sections > 1",
    "}",
  ].join("\n");

  test("takes a rule with what it imports", () => {
    expect(read(rule).proposals).toMatchObject([
      {
        name: "drops T0863",
        attackIds: ["T0863"],
        origin: { id: "dropper", author: "somebody", source: rule },
      },
    ]);
  });

  test.each([
    [rule.replace("$a and $b and", "$a and"), "dead"],
    [rule.replace("$a and $b", "$a and $b and $c"), "dead"],
    [rule.replace(/\$a and[^\n]*/, "false").replace(/ {4}\$[ab][^\n]*\n/g, ""), "dead"],
    [rule.replace("rule dropper", "private rule dropper"), "dead"],
    [rule.slice(0, -1), "malformed"],
  ])("refuses %s", (text, reason) => {
    expect(read(text, "yara").refusals.map((one) => one.reason)).toEqual([reason]);
  });

  test("gives back what was read", () => sameAgain(`${rule}\n\n${rule.replace("dropper", "other")}\n`));
});

test.each([
  ["YARA", "rule a\n".repeat(200_000)],
  [
    "STIX",
    `{"type":"bundle","objects":[${'{"type":"indicator","id":"indicator--1","pattern":"("},'.repeat(50_000)}{}]}`,
  ],
  ["Suricata", `alert tcp any any -> any any (sid:1;\n${"alert tcp [".repeat(50_000)}\n`],
])("a hostile file of %s ends", (_name, text) => {
  try {
    expect(read(text).proposals).toEqual([]);
  } catch (error) {
    expect(String(error)).toMatch(/neither stix|malformed|YAML/i);
  }
});

describe("a file", () => {
  test.each(["", "just words", "{}", '{"type": "report"}', "[1, 2]"])("that is none says so: %j", (text) => {
    expect(() => read(text)).toThrow(/neither stix nor misp/);
  });

  test("may begin with a byte order mark", () => {
    expect(read(`\ufeff${bundle(indicator({}))}`).proposals).toHaveLength(1);
  });

  test("that is cut says that it is no JSON", () => {
    expect(() => read('{"type": "bundle", "obj')).toThrow(/not JSON/);
  });
});

/** Reading what was written gives the same proposals. */
function sameAgain(text: string): void {
  const first = read(text);
  expect(first.proposals).not.toEqual([]);
  const written = writeKnowledge(
    first.format,
    first.proposals.map(({ origin }) => origin),
    "bundle--1",
  );
  expect(read(written, first.format).proposals).toEqual(first.proposals);
}
