import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { detectFormats } from "@anamnesis/sdk/formats/formats";
import { closeCutRecord } from "@anamnesis/sdk/formats/json-cut";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatsOf, readIndex } from "../../../scripts/corpus/index.ts";
import { alertLine } from "../eve-support.ts";

const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(import.meta.dirname, "../../../../shared/samples");
const present = existsSync(join(SAMPLES, "INDEX.tsv"));
if (!present) console.warn("SKIPPED: part of test/sdk/formats/detect.test.ts needs the sample collection");

const nameOf = (head: string, path = "x.log"): string | undefined =>
  detectFormats({ path, head: head.slice(0, 65_536) })[0]?.format.name;

const WAZUH = JSON.stringify({
  timestamp: "2026-03-01T10:00:00.123+0000",
  rule: { level: 10, id: "0086601", description: "Suricata: alert", groups: ["ids"] },
  agent: { id: "001", name: "gw", ip: "10.20.0.1" },
  data: {
    timestamp: "2026-03-01T10:00:00.1+0000",
    event_type: "alert",
    src_ip: "203.0.113.66",
    flow_id: "1",
  },
  location: "/var/log/suricata/eve.json",
});

describe("what a stream is", () => {
  it("a record without its end is what its outer members say, not what it carries", () => {
    expect(nameOf(WAZUH)).toBe("wazuh");
    for (let length = WAZUH.indexOf('"flow_id"'); length < WAZUH.length; length++)
      expect(nameOf(WAZUH.slice(0, length))).toBe("wazuh");
  });

  it("a decision stream longer than a sample", () => {
    const one = {
      duration: "3h",
      origin: "crowdsec",
      scenario: "x/y",
      scope: "Ip",
      type: "ban",
      value: "203.0.113.1",
    };
    const whole = JSON.stringify({ deleted: null, new: Array.from({ length: 1000 }, () => one) });
    expect(nameOf(whole)).toBe("crowdsec");
    expect(nameOf(JSON.stringify({ new: [one], deleted: null }).slice(0, -20))).toBe("crowdsec");
  });

  it("rows of Zeek whose header was cut off", () => {
    expect(nameOf("1709287200.123456\tCabc\t10.0.0.1\t4000\t10.0.0.2\t502\n")).toBe("zeek-tsv");
    expect(nameOf("1709287200.123456 Cabc 10.0.0.1")).toBeUndefined();
  });

  it("nothing, and nothing but line ends", () => {
    expect(nameOf("")).toBeUndefined();
    expect(nameOf("\n\r\n\n")).toBeUndefined();
    expect(nameOf("\ufeff")).toBeUndefined();
  });

  it("a record in which a number is none", () => {
    expect(nameOf(`{"ts":1709287200.1,"uid":"C1","id.orig_h":"10.0.0.1","duration":NaN}`, "conn.log")).toBe(
      "zeek-json",
    );
  });
});

describe("a cut record", () => {
  it("keeps its whole members in their places", () => {
    expect(closeCutRecord('{"a":{"b":1,"c":tr')).toBe('{"a":{"b":1}}');
    expect(closeCutRecord('[{"a":["x, }","y')).toBe('{"a":["x, }"]}');
    expect(closeCutRecord('{"a":"x')).toBeUndefined();
    expect(closeCutRecord('tail of it","b":2}')).toBeUndefined();
  });

  it("is JSON at whatever byte it was cut, or nothing", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (record, cut) => {
        const text = JSON.stringify(record);
        const closed = closeCutRecord(text.slice(0, cut % (text.length + 1)));
        if (closed !== undefined) expect(() => JSON.parse(closed)).not.toThrow();
      }),
    );
  });
});

/** What happens to files on their way: none of it changes what they are. */
const VARIATIONS: Readonly<Record<string, (text: string) => string>> = {
  "CRLF line ends": (text) => text.replaceAll("\n", "\r\n"),
  "a byte order mark": (text) => `\ufeff${text}`,
  "empty lines before it": (text) => `\n\r\n${text}`,
  "only its first 4 KiB": (text) => text.slice(0, 4096),
};

describe.skipIf(!present)("samples on their way", () => {
  const rows = present ? readIndex(join(SAMPLES, "INDEX.tsv")) : [];

  it.each(Object.entries(VARIATIONS))("%s", (_name, vary) => {
    for (const row of rows.filter((each) => !each.path.endsWith(".gz"))) {
      const text = readFileSync(join(SAMPLES, row.path), "utf8");
      expect({ path: row.path, format: nameOf(vary(text), row.path) }).toEqual({
        path: row.path,
        format: nameOf(text, row.path),
      });
    }
  });

  it.each(["renamed.bin", "eve.json.7", "notice.09:00:00-10:00:00.log.gz"])("under the name %s", (name) => {
    for (const row of rows.filter((each) => formatsOf(each).length > 0 && !each.path.endsWith(".gz"))) {
      const text = readFileSync(join(SAMPLES, row.path), "utf8");
      expect({ path: row.path, format: nameOf(text, name) }).toEqual({
        path: row.path,
        format: nameOf(text, row.path),
      });
    }
  });

  it("their first line cut in half, when more lines follow", () => {
    for (const row of rows.filter((each) => each.path.includes("suricata_eve/"))) {
      const text = readFileSync(join(SAMPLES, row.path), "utf8");
      const first = text.indexOf("\n");
      if (first < 0 || text.indexOf("\n", first + 1) < 0) continue;
      expect({ path: row.path, format: nameOf(text.slice(first >> 1), row.path) }).toEqual({
        path: row.path,
        format: "eve",
      });
    }
  });
});

it("one line is enough", () => {
  expect(nameOf(alertLine({}))).toBe("eve");
});
