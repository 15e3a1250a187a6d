import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Self } from "@anamnesis/sdk/core/types";
import { cef } from "@anamnesis/sdk/formats/cef";
import { crowdsec } from "@anamnesis/sdk/formats/crowdsec";
import { eve } from "@anamnesis/sdk/formats/eve";
import { fastlog } from "@anamnesis/sdk/formats/fastlog";
import { FORMATS } from "@anamnesis/sdk/formats/formats";
import { wazuh } from "@anamnesis/sdk/formats/wazuh";
import { zeekJson } from "@anamnesis/sdk/formats/zeek-json";
import { zeekTsv } from "@anamnesis/sdk/formats/zeek-tsv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SELF } from "../eve-support.ts";
import { alertsOf, iso, kinds, readLines } from "./support.ts";

// A collection that is not part of this repository: real records and traps that other readers fell into.
const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(import.meta.dirname, "../../../../shared/samples");
const present = existsSync(join(SAMPLES, "INDEX.tsv"));
if (!present) console.warn("SKIPPED: test/sdk/formats/samples.test.ts needs the sample collection");

/** Lines as bytes: some hold no UTF-8. */
function lines(path: string): Buffer[] {
  return readFileSync(join(SAMPLES, path))
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "" && line !== "\r")
    .map((line) => Buffer.from(line, "latin1"));
}

describe.skipIf(!present)("samples", () => {
  it("Radiflow's mirrored alert never accuses the controller", () => {
    const self: Self = { ...SELF, roles: { ...SELF.roles, controllers: ["192.168.1.85"] } };
    const high = alertsOf(cef, lines("cef/radiflow-isid.log"), { self }).filter(
      ({ severity }) => severity === 75,
    );
    expect(high.map(({ attacker }) => attacker?.address)).toEqual([
      "192.168.1.6",
      "192.168.1.6",
      "192.168.1.6",
    ]);
    const alone = alertsOf(cef, lines("cef/radiflow-isid.log"));
    expect(alone.every(({ attacker }) => attacker?.address !== "192.168.1.85")).toBe(true);
  });

  it("fast.log's inside host is no attacker when it is the plant's own", () => {
    const self: Self = { ...SELF, assets: [{ name: "web", addresses: ["172.31.18.55"] }] };
    const found = alertsOf(fastlog, lines("suricata_fastlog/hub-fast.log"), { self });
    expect(found.map(({ rule, severity }) => [rule.id, severity])).toEqual([
      [2_200_074, 30],
      [2_008_578, 60],
      [2_034_567, 60],
      [2_034_125, 90],
    ]);
    expect(found.map(({ attacker }) => attacker?.address)).not.toContain("172.31.18.55");
  });

  it("a CrowdSec alert about Modbus has ends, function and Go's time (T37)", () => {
    expect(alertsOf(crowdsec, lines("crowdsec_alerts/alert-inspect-modbus.json"))).toMatchObject([
      {
        rule: { id: "local/modbus-unauth-write" },
        attacker: { address: "10.9.0.66" },
        victim: { address: "10.9.0.10" },
        ics: { function: 5 },
      },
    ]);
    const [trap] = alertsOf(crowdsec, lines("traps/T37-timestamp-go-format.json"));
    expect(iso(trap?.atMs ?? 0)).toBe("2026-11-24T23:32:35.865Z");
  });

  it("Wazuh's ids stay text (T31), its techniques and levels are read", () => {
    const [trap] = alertsOf(wazuh, lines("traps/T31-wazuh-string-id.json"));
    expect(iso(trap?.atMs ?? 0)).toBe("2023-03-27T06:57:28.865Z");
    const found = alertsOf(wazuh, lines("wazuh/alerts-derived.json"));
    expect(found.map(({ rule, attackIds }) => [rule.id, ...attackIds])).toEqual([
      ["86601", "T1190"],
      ["5710", "T1110.001", "T1021.004"],
    ]);
  });

  it("Zeek's markers (T20) and times (T24)", () => {
    expect(alertsOf(zeekTsv, lines("traps/T20-zeek-markers.log"))).toHaveLength(4);
    const found = alertsOf(zeekJson, lines("traps/T24-zeek-json-ts-forms.jsonl"));
    expect(new Set(found.slice(0, 3).map(({ atMs }) => iso(atMs)))).toEqual(
      new Set(["2026-03-01T10:00:00.123Z"]),
    );
    expect(found[3]?.flags).toEqual(["time.read"]);
  });

  it("exports of EVE are read whole (T34, T35)", () => {
    for (const trap of ["traps/T34-json-array-not-lines.json", "traps/T35-pretty-printed.json"])
      expect(kinds(readLines(eve, lines(trap)))).toEqual(["detection", "detection"]);
  });

  it("records of Zeek in TSV and in JSON come to the same", () => {
    const pairs = readdirSync(join(SAMPLES, "zeek_json")).filter((name) => name.endsWith(".json.log"));
    for (const name of pairs) {
      const json = lines(`zeek_json/${name}`);
      if (json.length === 0) continue; // one file of the collection is empty
      const tsv = readLines(zeekTsv, lines(`zeek_tsv/${name.replace(".json.log", ".log")}`), { path: name });
      const read = readLines(zeekJson, json, { path: name });
      expect(kinds(read), name).toEqual(kinds(tsv).filter((kind) => kind !== "zeek.header"));
    }
  });

  it("no format throws or grows on any file, whole or damaged", () => {
    const folders = readdirSync(SAMPLES).filter((name) =>
      /^(?:cef|crowdsec_[ad]|ecs|falco|leef|suricata_eve$|suricata_fast|syslog|traps|tshark|wazuh|zeek)/.test(
        name,
      ),
    );
    const files = folders.flatMap((folder) =>
      readdirSync(join(SAMPLES, folder)).map((name) => `${folder}/${name}`),
    );
    const damaged = fc.record({
      file: fc.constantFrom(...files),
      at: fc.nat(5_000),
      cut: fc.integer({ min: 1, max: 40 }),
      put: fc.uint8Array({ maxLength: 12 }),
    });
    fc.assert(
      fc.property(damaged, fc.constantFrom(...FORMATS), ({ file, at, cut, put }, format) => {
        const bytes = readFileSync(join(SAMPLES, file)).subarray(0, 20_000);
        const where = bytes.length === 0 ? 0 : at % bytes.length;
        const changed = Buffer.concat([bytes.subarray(0, where), put, bytes.subarray(where + cut)]).toString(
          "latin1",
        );
        const given = changed.split("\n").map((line) => Buffer.from(line, "latin1"));
        for (const one of readLines(format, given, { path: file }))
          if (one.kind === "rejected") expect(one.example.length).toBeLessThanOrEqual(200);
      }),
      { numRuns: 400 },
    );
  });
});
