import { crowdsec } from "@anamnesis/sdk/formats/crowdsec";
import { ecs } from "@anamnesis/sdk/formats/ecs";
import { falco } from "@anamnesis/sdk/formats/falco";
import { mapping } from "@anamnesis/sdk/formats/mapping";
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import { tshark } from "@anamnesis/sdk/formats/tshark";
import { wazuh } from "@anamnesis/sdk/formats/wazuh";
import { describe, expect, it } from "vitest";
import { formatSuite } from "./suite.ts";
import { alertOf, alertsOf, iso, kinds, READ_AT, readLines } from "./support.ts";

const WAZUH = (parts: object = {}, rule: object = {}) =>
  JSON.stringify({
    timestamp: "2026-03-01T11:00:00.120+0100",
    rule: {
      level: 12,
      description: "sshd: brute force",
      id: "005710",
      groups: ["sshd"],
      mitre: { id: ["T1110.001"] },
      ...rule,
    },
    agent: { id: "003", name: "plc-gw", ip: "10.20.0.10" },
    id: "1679770006.47946600",
    data: { srcip: "203.0.113.66", srcport: "33270" },
    full_log: "Mar  1 11:00:00 local time",
    ...parts,
  });
const CROWDSEC = (parts: object = {}) => ({
  capacity: 5,
  created_at: "2026-11-24T23:32:36Z",
  start_at: "2026-11-24 23:32:35.865088935 +0000 UTC",
  scenario: "local/modbus-unauth-write",
  labels: null,
  source: { scope: "Ip", value: "203.0.113.66", ip: "203.0.113.66" },
  events: [
    {
      meta: ["dest_ip=10.20.0.10", "service=modbus", "modbus_fc=5"].map((pair) => ({
        key: pair.split("=")[0],
        value: pair.split("=")[1],
      })),
    },
  ],
  decisions: [
    {
      duration: "3h59m52.195208235s",
      origin: "crowdsec",
      scenario: "x",
      scope: "Ip",
      simulated: false,
      type: "ban",
      value: "203.0.113.66",
    },
  ],
  ...parts,
});
const FALCO = (fields: object = {}, parts: object = {}) =>
  JSON.stringify({
    hostname: "hmi",
    output: "a shell was spawned",
    output_fields: { "evt.time": "TIME", ...fields },
    priority: "Critical",
    rule: "Terminal shell in container",
    time: "2026-03-01T10:00:00.123456789Z",
    tags: ["container", "mitre_execution", "T1059"],
    ...parts,
  }).replace('"TIME"', "1772359200123456789");
const ECS = (parts: object = {}) =>
  JSON.stringify({
    "@timestamp": "2026-03-01T10:00:00.123Z",
    ecs: { version: "8.11.0" },
    event: { kind: "alert", severity: 73 },
    rule: { id: "2250009", name: "Modbus invalid function", category: "Decode" },
    source: { ip: "203.0.113.66", port: 41_822 },
    destination: { ip: "10.20.0.10", port: 502 },
    network: { transport: "tcp", protocol: "modbus" },
    threat: { technique: [{ id: ["T0855"] }] },
    suricata: { eve: { alert: { severity: 1 } } },
    ...parts,
  });
const EK = [
  '{"index":{"_index":"packets"}}',
  '{"timestamp":"1772359200123","layers":{"frame":{},"modbus":{},"tcp":{}}}',
];
const MAPPING: Mapping = {
  when: [{ path: "/kind", equals: ["alarm", "alert"] }],
  time: "/meta/at",
  rule: "/rule/id",
  name: "/rule/text",
  severity: { value: { path: "/level", values: { high: 80 } } },
  attacker: { address: "/who/ip", port: "/who/port" },
  victim: { address: "/whom" },
};
const OWN = (parts: object = {}) =>
  JSON.stringify({
    kind: "alarm",
    meta: { at: "2026-03-01 10:00:00" },
    rule: { id: "0042", text: "odd" },
    level: "high",
    who: { ip: "203.0.113.66", port: "77" },
    whom: "10.20.0.10",
    ...parts,
  });

formatSuite({ format: wazuh, lines: [WAZUH(), WAZUH({ id: "2" })], kinds: ["detection", "detection"] });
formatSuite({
  format: crowdsec,
  lines: JSON.stringify([CROWDSEC(), CROWDSEC({ id: 2 })], null, 1).split("\n"),
  kinds: ["detection", "detection"],
});
formatSuite({
  format: falco,
  lines: [FALCO(), FALCO({}, { rule: "Falco internal: drop" }), FALCO({ n: 1 })],
  kinds: ["detection", "falco.internal", "detection"],
});
formatSuite({
  format: ecs,
  lines: [ECS(), ECS({ event: { kind: "event", dataset: "zeek.conn" } }), ECS({ n: 1 })],
  kinds: ["detection", "ecs.zeek.conn", "detection"],
});
formatSuite({ format: tshark, lines: EK, kinds: ["packet.index", "packet.modbus"] });
formatSuite({
  format: mapping,
  lines: [OWN(), OWN({ kind: "note" }), OWN({ n: 1 })],
  kinds: ["detection", "json", "detection"],
  options: { mapping: MAPPING },
});

describe("Wazuh", () => {
  it("keeps ids as text and reads level upwards (T31)", () => {
    expect(alertOf(wazuh, WAZUH())).toMatchObject({
      rule: { engine: "wazuh", id: "005710", name: "sshd: brute force", category: "sshd" },
      severity: 80,
      attacker: { address: "203.0.113.66", port: 33_270 },
      victim: { address: "10.20.0.10" },
      attackIds: ["T1110.001"],
    });
    expect(iso(alertOf(wazuh, WAZUH()).atMs)).toBe("2026-03-01T10:00:00.120Z");
  });

  it("reads a network sensor's record by its ends, and numbers that became text", () => {
    const data = {
      src_ip: "10.20.0.10",
      src_port: "502",
      dest_ip: "203.0.113.66",
      dest_port: "41822.000000",
      flow_id: "1398609176796675.000000",
      alert: { action: "blocked" },
    };
    expect(alertOf(wazuh, WAZUH({ data }))).toMatchObject({
      attacker: { address: "203.0.113.66", port: 41_822 },
      victim: { address: "10.20.0.10", port: 502 },
      flowId: "1398609176796675",
      action: "blocked",
    });
  });

  it("finds the address Windows reports, and takes `-` and LOCAL for none", () => {
    expect(
      alertOf(wazuh, WAZUH({ data: { win: { eventdata: { ipAddress: "203.0.113.9", ipPort: "0" } } } }))
        .attacker?.address,
    ).toBe("203.0.113.9");
    for (const srcip of ["-", "LOCAL", ""])
      expect(alertOf(wazuh, WAZUH({ data: { srcip } })).attacker).toBeUndefined();
  });

  it("reads OSSEC's older shape", () => {
    const line = JSON.stringify({
      rule: { level: 5, comment: "old", sidid: 5503 },
      srcip: "203.0.113.66",
      TimeStamp: 1772359200123,
    });
    expect(alertOf(wazuh, line)).toMatchObject({
      rule: { id: "5503", name: "old" },
      atMs: 1772359200123,
      severity: 33,
    });
  });

  it("counts what has no rule or no time", () => {
    expect(
      kinds(readLines(wazuh, [WAZUH({ rule: 1 }), WAZUH({ timestamp: "then" }), WAZUH({}, { level: "x" })])),
    ).toEqual(["line.fields", "line.timestamp", "line.fields"]);
  });
});

describe("CrowdSec", () => {
  it("reads an alert with Go's times, ends and function code (T37)", () => {
    expect(alertOf(crowdsec, JSON.stringify(CROWDSEC()))).toMatchObject({
      rule: { engine: "crowdsec", id: "local/modbus-unauth-write" },
      severity: null,
      action: "blocked",
      attacker: { address: "203.0.113.66" },
      victim: { address: "10.20.0.10" },
      ics: { protocol: "modbus", function: 5, access: "write" },
      atMs: Date.UTC(2026, 10, 24, 23, 32, 35, 865),
    });
  });

  it("takes a block of one address only, in force and meant, for one (T38)", () => {
    const decision = (parts: object) => ({
      duration: "4h",
      origin: "crowdsec",
      scenario: "x",
      scope: "Ip",
      type: "ban",
      value: "203.0.113.66",
      ...parts,
    });
    const stream = {
      new: [
        decision({}),
        decision({ duration: "-38341h22m" }),
        decision({ scope: "Range", value: "38.0.0.0/8" }),
        decision({ scope: "Country", value: "FR" }),
        decision({ type: "captcha" }),
        decision({ simulated: true }),
        decision({ duration: "soon" }),
      ],
      deleted: [decision({})],
    };
    expect(kinds(readLines(crowdsec, [JSON.stringify(stream)]))).toEqual([
      "detection",
      "decision.expired",
      "decision.range",
      "decision.country",
      "decision.captcha",
      "decision.simulated",
      "decision.undated",
      "decision.deleted",
    ]);
    expect(kinds(readLines(crowdsec, ['{"new":null,"deleted":null}']))).toEqual(["decision.none"]);
  });

  it("accuses nobody of what a range or a country did, and reads ATT&CK from labels", () => {
    const alert = (parts: object) => alertOf(crowdsec, JSON.stringify(CROWDSEC(parts)));
    expect(
      alert({ source: { scope: "Range", value: "203.0.113.0/24", ip: "203.0.113.66" } }).attacker,
    ).toBeUndefined();
    expect(alert({ labels: [{ classification: ["attack.T0855"] }, "attack.t1110"] }).attackIds).toEqual([
      "T0855",
      "T1110",
    ]);
    expect(alert({ decisions: null }).action).toBe("unknown");
  });
});

describe("Falco", () => {
  it("reads priority words and tags, and has ends only when the rule has", () => {
    expect(alertOf(falco, FALCO())).toMatchObject({
      rule: { engine: "falco", id: "Terminal shell in container" },
      severity: 90,
      attackIds: ["T1059"],
      observables: [],
    });
    const ends = { "fd.name": "203.0.113.66:51000->10.20.0.10:22", "fd.l4proto": "tcp" };
    expect(alertOf(falco, FALCO(ends))).toMatchObject({
      attacker: { address: "203.0.113.66", port: 51_000 },
      transport: "tcp",
    });
    expect(
      alertOf(falco, FALCO({ "fd.cip": "10.20.0.10", "fd.sip": "203.0.113.9", "fd.sport": 443 })).attacker,
    ).toEqual({ address: "203.0.113.9", port: 443 });
    expect(iso(alertOf(falco, FALCO()).atMs)).toBe("2026-03-01T10:00:00.123Z");
  });
});

describe("ECS", () => {
  it("reads severity as it is, not what another product put inside", () => {
    expect(alertOf(ecs, ECS())).toMatchObject({
      rule: { engine: "ecs", id: "2250009" },
      severity: 73,
      attackIds: ["T0855"],
      attacker: { address: "203.0.113.66" },
      appProtocol: "modbus",
    });
    expect(alertOf(ecs, ECS({ event: { kind: "signal", severity: 250 } }))).toMatchObject({
      severity: 100,
      flags: ["severity.clipped"],
    });
  });

  it("reads dotted keys as nested ones", () => {
    const line = JSON.stringify({
      "@timestamp": "2026-03-01T10:00:00Z",
      "event.kind": "alert",
      "rule.name": "n",
      "source.ip": "203.0.113.66",
      "destination.ip": "10.20.0.10",
    });
    expect(alertOf(ecs, line)).toMatchObject({ rule: { id: "n" }, attacker: { address: "203.0.113.66" } });
  });

  it("names the one outside when the plant's own host is the source", () => {
    const line = ECS({
      source: { ip: "10.20.0.10", port: 40_000 },
      destination: { ip: "203.0.113.9", port: 443 },
      network: { direction: "outbound" },
    });
    expect(alertOf(ecs, line).attacker?.address).toBe("203.0.113.9");
  });
});

describe("a mapping", () => {
  const read = (parts: object, wanted: object = {}) =>
    alertOf(mapping, OWN(parts), { mapping: { ...MAPPING, ...wanted }, zone: "+01:00" });

  it("reads a site's own record, its times in the site's zone, its ids as text", () => {
    expect(read({})).toMatchObject({
      rule: { engine: "mapping", id: "0042", name: "odd" },
      severity: 80,
      attacker: { address: "203.0.113.66", port: 77 },
      victim: { address: "10.20.0.10" },
      atMs: Date.UTC(2026, 2, 1, 9),
    });
  });

  it("scales numbers, flags what is beyond, and leaves words unset that it does not list", () => {
    const scale = { severity: { value: "/level", scale: 4 } };
    expect(read({ level: 3 }, scale).severity).toBe(75);
    expect(read({ level: 9 }, scale)).toMatchObject({ severity: 100, flags: ["severity.clipped"] });
    expect(read({ level: "__proto__" }).severity).toBeNull();
    expect(
      read({ level: "odd" }, { severity: { value: { path: "/level", values: {}, otherwise: 20 } } }),
    ).toMatchObject({ severity: 20 });
  });

  it("takes constants, elements of arrays, and keys with slashes", () => {
    const parts = { ends: [{ "ip/v4": "203.0.113.9" }], "a~b": "T0855 T0836" };
    const wanted = {
      attacker: { address: "/ends/0/ip~1v4", port: { const: 502 } },
      rule: { const: "always" },
      transport: { const: "TCP" },
      attackIds: "/a~0b",
    };
    expect(read(parts, wanted)).toMatchObject({
      rule: { id: "always" },
      attacker: { address: "203.0.113.9", port: 502 },
      transport: "tcp",
      attackIds: ["T0855", "T0836"],
    });
  });

  it("tells the attacker of two ends as every format does", () => {
    const ends = {
      attacker: undefined,
      victim: undefined,
      source: { address: "/whom" },
      destination: MAPPING.attacker,
    };
    expect(read({}, ends).attacker?.address).toBe("203.0.113.66");
  });

  it("takes the read time for a record without one, flagged, and counts what has no rule or a wrong time", () => {
    expect(read({ meta: {} })).toMatchObject({ atMs: READ_AT, flags: ["time.read"] });
    const options = { mapping: MAPPING };
    expect(kinds(readLines(mapping, [OWN({ rule: null }), OWN({ meta: { at: "then" } })], options))).toEqual([
      "line.fields",
      "line.timestamp",
    ]);
    expect(alertsOf(mapping, [OWN()])).toEqual([]);
  });
});
