import { zeekJson } from "@anamnesis/sdk/formats/zeek-json";
import { zeekLogOf } from "@anamnesis/sdk/formats/zeek-record";
import { zeekTsv } from "@anamnesis/sdk/formats/zeek-tsv";
import { describe, expect, it } from "vitest";
import { formatSuite } from "./suite.ts";
import { alertOf, alertsOf, iso, kinds, READ_AT, readLines } from "./support.ts";

const FIELDS = [
  "ts",
  "uid",
  "id.orig_h",
  "id.orig_p",
  "id.resp_h",
  "id.resp_p",
  "proto",
  "note",
  "msg",
  "sub",
  "src",
  "dst",
  "p",
  "actions",
];
const header = (path = "notice", fields = FIELDS) => [
  "#separator \\x09",
  "#set_separator\t,",
  "#empty_field\t(empty)",
  "#unset_field\t-",
  `#path\t${path}`,
  `#fields\t${fields.join("\t")}`,
  `#types\t${fields.map(() => "string").join("\t")}`,
];
const ROW: Record<string, string> = {
  ts: "1772359200.123456",
  uid: "CAbc1",
  "id.orig_h": "203.0.113.66",
  "id.orig_p": "41822",
  "id.resp_h": "10.20.0.10",
  "id.resp_p": "502",
  proto: "tcp",
  note: "Scan::Port_Scan",
  msg: "203.0.113.66 scanned 15 ports",
  sub: "remote",
  src: "203.0.113.66",
  dst: "10.20.0.10",
  p: "-",
  actions: "Notice::ACTION_LOG",
};
const row = (parts: Record<string, string> = {}) =>
  FIELDS.map((field) => ({ ...ROW, ...parts })[field]).join("\t");
const record = (parts: Record<string, unknown> = {}) =>
  JSON.stringify({
    ...ROW,
    ts: 1772359200.123456,
    "id.orig_p": 41822,
    "id.resp_p": 502,
    p: undefined,
    actions: ["Notice::ACTION_LOG"],
    ...parts,
  });
const CONN_FIELDS = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"];
const CONN = "1772359200.1\tCAbc1\t10.1.5.50\t1\t10.1.2.10\t502\ttcp";

formatSuite({
  format: zeekTsv,
  lines: [...header(), row(), ...header("conn", CONN_FIELDS), CONN, ...header(), row({ ts: "1772359201.5" })],
  kinds: [
    ...header().map(() => "zeek.header"),
    "detection",
    ...header().map(() => "zeek.header"),
    "conn",
    ...header().map(() => "zeek.header"),
    "detection",
  ],
});
formatSuite({
  format: zeekJson,
  lines: [
    record(),
    '{"ts":1772359200.1,"uid":"CAbc1","id.orig_h":"10.1.5.50","_path":"conn"}',
    record({ ts: 1772359201.5 }),
  ],
  kinds: ["detection", "conn", "detection"],
});

const notice = (parts: Record<string, string> = {}) => alertsOf(zeekTsv, [...header(), row(parts)])[0];

describe("Zeek's TSV", () => {
  it("names rule, time, ends and severity of a notice", () => {
    expect(notice()).toMatchObject({
      rule: {
        engine: "zeek",
        gid: 0,
        id: "Scan::Port_Scan",
        name: "203.0.113.66 scanned 15 ports",
        category: "Scan",
      },
      severity: 40,
      attacker: { address: "203.0.113.66", port: 41_822 },
      victim: { address: "10.20.0.10", port: 502 },
      transport: "tcp",
    });
    expect(iso(notice()?.atMs ?? 0)).toBe("2026-03-01T10:00:00.123Z");
    expect(notice({ actions: "Notice::ACTION_LOG,Notice::ACTION_ALARM" })?.severity).toBe(70);
  });

  it("tells unset, empty and their literal texts apart (T20)", () => {
    const names = ["-", "(empty)", "\\x28empty)", "a\\x09b\\x2cc", "\\x2d"].map(
      (msg) => notice({ msg })?.rule.name,
    );
    expect(names).toEqual(["Scan::Port_Scan", "", "(empty)", "a b,c", "-"]);
    expect(notice({ actions: "(empty)" })?.severity).toBe(40);
  });

  it("rejects rows of other widths and shifts no column (T21)", () => {
    expect(
      kinds(readLines(zeekTsv, [...header(), `${row()}\textra`, row().slice(0, 60), row()])).slice(7),
    ).toEqual(["line.columns", "line.columns", "detection"]);
    expect(kinds(readLines(zeekTsv, [row()]))).toEqual(["line.header"]);
  });

  it("follows a header that changes in the middle, and other separators", () => {
    const other = [
      "#separator |",
      "#unset_field|.",
      "#path|notice",
      "#fields|note|ts|src",
      "Scan::Address_Scan|1772359200|203.0.113.9",
    ];
    expect(
      alertsOf(zeekTsv, [...header(), row(), ...other]).map(({ attacker }) => attacker?.address),
    ).toEqual(["203.0.113.66", "203.0.113.9"]);
  });

  it("takes the read time for a notice without one, flagged, and rejects what is no time (T24)", () => {
    expect(notice({ ts: "-" })).toMatchObject({ atMs: READ_AT, flags: ["time.read"] });
    expect(kinds(readLines(zeekTsv, [...header(), row({ ts: "soon" })])).at(-1)).toBe("line.timestamp");
  });
});

describe("who attacks, in a notice", () => {
  it("is the source of scans and guessing, also when the connection is not logged", () => {
    const unset = { "id.orig_h": "-", "id.orig_p": "-", "id.resp_h": "-", "id.resp_p": "-" };
    expect(notice({ note: "SSH::Password_Guessing", ...unset })?.attacker).toEqual({
      address: "203.0.113.66",
    });
  });

  it("is the plant's other end, whichever side it is on", () => {
    const parts = {
      note: "Some::Thing",
      "id.orig_h": "10.20.0.10",
      "id.resp_h": "203.0.113.66",
      src: "-",
      dst: "-",
    };
    expect(notice(parts)).toMatchObject({
      attacker: { address: "203.0.113.66" },
      victim: { address: "10.20.0.10" },
    });
  });

  it("is nobody when it is about hosts, certificates or the sensor, or when nothing tells", () => {
    for (const note of [
      "Software::Vulnerable_Version",
      "SSL::Certificate_Expires_Soon",
      "CaptureLoss::Too_Much_Loss",
    ])
      expect(notice({ note })).toMatchObject({ observables: [] });
    const both = { note: "Some::Thing", "id.orig_h": "192.0.2.1", "id.resp_h": "192.0.2.2" };
    expect(notice(both)?.attacker).toBeUndefined();
  });
});

describe("intel.log", () => {
  const seen = (parts: Record<string, unknown>) =>
    alertOf(
      zeekJson,
      JSON.stringify({
        ts: 1772359200,
        _path: "intel",
        "id.orig_h": "10.1.5.50",
        "id.orig_p": 50_000,
        "id.resp_h": "203.0.113.9",
        "id.resp_p": 443,
        "seen.indicator_type": "Intel::ADDR",
        "seen.where": "Conn::IN_RESP",
        ...parts,
      }),
    );

  it("accuses the end that is the indicator", () => {
    expect(seen({ "seen.indicator": "203.0.113.9" })).toMatchObject({
      rule: { engine: "zeek", id: "Intel::ADDR" },
      attacker: { address: "203.0.113.9", port: 443 },
      victim: { address: "10.1.5.50" },
    });
  });

  it("accuses the server that a bad name was asked from, and never a resolver", () => {
    const name = { "seen.indicator": "Bad.Example.", "seen.indicator_type": "Intel::DOMAIN" };
    expect(seen({ ...name, "seen.where": "SSL::IN_SERVER_NAME" }).observables).toEqual([
      { kind: "ipv4-addr", value: "203.0.113.9" },
      { kind: "domain-name", value: "bad.example" },
    ]);
    expect(seen({ ...name, "seen.where": "DNS::IN_REQUEST", "id.resp_p": 53 }).attacker).toBeUndefined();
  });
});

describe("Zeek's JSON", () => {
  it("reads the same record as TSV does", () => {
    const { id: _a, ...tsv } = notice() ?? {};
    const { id: _b, ...json } = alertOf(zeekJson, record());
    expect(json).toEqual(tsv);
  });

  it.each([["1772359200.123456"], ['"2026-03-01T10:00:00.123456Z"'], ["1772359200123"]])(
    "reads ts %s (T24)",
    (ts) => {
      const { atMs } = alertOf(
        zeekJson,
        `{"ts":${ts},"_path":"notice","note":"Scan::Port_Scan","src":"203.0.113.66","msg":"x"}`,
      );
      expect(iso(atMs)).toBe("2026-03-01T10:00:00.123Z");
    },
  );

  it("finds `id` when a collector made an object of it, and passes null over", () => {
    const nested = alertOf(
      zeekJson,
      '{"ts":1772359200,"note":"Some::Thing","msg":null,"id":{"orig_h":"203.0.113.66","orig_p":1,"resp_h":"10.20.0.10","resp_p":502}}',
    );
    expect(nested).toMatchObject({
      attacker: { address: "203.0.113.66", port: 1 },
      rule: { name: "Some::Thing" },
    });
  });

  it("counts NaN as no JSON and goes on (T17)", () => {
    expect(kinds(readLines(zeekJson, ['{"ts":1,"note":"x","msg":"y","n":NaN}', record()]))).toEqual([
      "line.notJson",
      "detection",
    ]);
  });

  it.each([
    ["/logs/current/notice.log", "notice"],
    ["modbus_detailed.json.log", "modbus_detailed"],
    ["conn.2026-03-01-10-00-00.log.gz", "conn"],
    ["conn.10:00:00-11:00:00.log.gz", "conn"],
    ["dnp3.log.2", "dnp3"],
  ])("knows from the name %s that it is %s", (path, log) => expect(zeekLogOf(path)).toBe(log));
});
