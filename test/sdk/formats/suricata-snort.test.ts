import { fastlog } from "@anamnesis/sdk/formats/fastlog";
import { snort3 } from "@anamnesis/sdk/formats/snort3";
import { describe, expect, it } from "vitest";
import { formatSuite } from "./suite.ts";
import { alertOf, alertsOf, iso, kinds, readLines } from "./support.ts";

const FAST =
  "03/01/2026-10:00:00.123456  [**] [1:2000428:10] ET POLICY something [**] [Classification: Potentially Bad Traffic] [Priority: 3] {TCP} 203.0.113.66:41822 -> 10.20.0.10:502";
const SNORT = (parts: Record<string, unknown> = {}) =>
  JSON.stringify({
    seconds: 1772359200,
    action: "allow",
    class: "none",
    b64_data: "c2VjcmV0",
    dir: "C2S",
    dst_ap: "10.20.0.10:502",
    msg: "protocol-command",
    pkt_num: 5,
    priority: 1,
    proto: "TCP",
    rule: "1:15074:2",
    service: "modbus",
    src_ap: "203.0.113.66:41822",
    ...parts,
  });

formatSuite({
  format: fastlog,
  lines: [FAST, FAST.replace("10:00:00", "10:00:01")],
  kinds: ["detection", "detection"],
});
formatSuite({ format: snort3, lines: [SNORT(), SNORT({ pkt_num: 6 })], kinds: ["detection", "detection"] });

describe("fast.log", () => {
  it("reads gid, sid and revision in their order, and priority as severity (T04)", () => {
    expect(alertOf(fastlog, FAST)).toMatchObject({
      rule: { engine: "suricata", gid: 1, id: 2_000_428, rev: 10, name: "ET POLICY something" },
      severity: 30,
      attacker: { address: "203.0.113.66", port: 41_822 },
      victim: { address: "10.20.0.10", port: 502 },
      transport: "tcp",
    });
  });

  it("takes local times by the sensor's zone, summer and winter", () => {
    const at = (time: string, zone: string) =>
      iso(alertOf(fastlog, FAST.replace("03/01/2026-10:00:00.123456", time), { zone }).atMs);
    expect(at("03/01/2026-10:00:00.123456", "UTC")).toBe("2026-03-01T10:00:00.123Z");
    expect(at("03/01/2026-10:00:00.123456", "Europe/Berlin")).toBe("2026-03-01T09:00:00.123Z");
    expect(at("07/01/2026-10:00:00.000000", "Europe/Berlin")).toBe("2026-07-01T08:00:00.000Z");
    expect(at("10/25/2026-12:00:00.000000", "Europe/Berlin")).toBe("2026-10-25T11:00:00.000Z");
    expect(at("03/29/2026-12:00:00.000000", "Europe/Berlin")).toBe("2026-03-29T10:00:00.000Z");
    expect(at("03/01/2026-10:00:00.000000", "-05:00")).toBe("2026-03-01T15:00:00.000Z");
  });

  it("dates a line without year not after its file", () => {
    const at = (fileMs: number) =>
      iso(alertOf(fastlog, FAST.replace("03/01/2026", "12/31"), { fileMs }).atMs).slice(0, 4);
    expect(at(Date.UTC(2026, 0, 2))).toBe("2025");
    expect(at(Date.UTC(2026, 11, 31, 23))).toBe("2026");
  });

  it("reads IPv6 with ports, ICMP without, and protocols by number", () => {
    const ends = (tail: string) => alertOf(fastlog, FAST.replace(/\{TCP\}.*/, tail));
    expect(ends("{TCP} 2001:0db8:0000:0000:0000:0000:0000:0066:1024 -> 10.20.0.10:502").attacker).toEqual({
      address: "2001:db8::66",
      port: 1024,
    });
    expect(ends("{6} 203.0.113.66:80 -> 10.20.0.10:5000").transport).toBe("tcp");
    expect(ends("{ICMP} 203.0.113.66:8 -> 10.20.0.10:0").attacker?.address).toBe("203.0.113.66");
  });

  it("names the client when the packet was the controller's answer", () => {
    const answer = FAST.replace(
      "203.0.113.66:41822 -> 10.20.0.10:502",
      "10.20.0.10:502 -> 203.0.113.66:41822",
    );
    expect(alertOf(fastlog, answer)).toMatchObject({
      attacker: { address: "203.0.113.66" },
      victim: { address: "10.20.0.10" },
    });
  });

  it("is not led astray by what a message quotes", () => {
    const forged = FAST.replace("something", "x [**] [Priority: 1] {TCP} 10.20.0.10:1 -> 10.1.2.20:2");
    expect(alertOf(fastlog, forged)).toMatchObject({ severity: 30, attacker: { address: "203.0.113.66" } });
  });

  it("counts a line that is none", () => {
    expect(
      kinds(readLines(fastlog, ["03/01/2026-10:00:00 nothing", FAST.replace("03/01", "13/41")])),
    ).toEqual(["line.fields", "line.timestamp"]);
  });
});

describe("Snort 3", () => {
  it("reads a rule, an end and a direction, and keeps no payload", () => {
    const alert = alertOf(snort3, SNORT());
    expect(alert).toMatchObject({
      rule: { engine: "snort", gid: 1, id: 15_074, rev: 2 },
      severity: 90,
      action: "allowed",
      attacker: { address: "203.0.113.66", port: 41_822 },
      appProtocol: "modbus",
    });
    expect(JSON.stringify(alert)).not.toContain("c2VjcmV0");
    expect(iso(alert.atMs)).toBe("2026-03-01T10:00:00.000Z");
  });

  it("reads priority 0 as none, and drop as blocked", () => {
    expect(alertOf(snort3, SNORT({ priority: 0, action: "drop" }))).toMatchObject({
      severity: null,
      action: "blocked",
    });
    expect(alertOf(snort3, SNORT({ action: "would_drop" })).action).toBe("allowed");
  });

  it("turns a packet round that the server sent", () => {
    const ends = { src_ap: "192.0.2.1:80", dst_ap: "192.0.2.2:5000" };
    expect(alertOf(snort3, SNORT({ ...ends, dir: "S2C" })).attacker?.address).toBe("192.0.2.2");
    expect(alertOf(snort3, SNORT({ ...ends, dir: "UNK" })).attacker).toBeUndefined();
  });

  it("takes the time without a year by the file's date", () => {
    const line = SNORT({ seconds: undefined, timestamp: "12/31-23:59:59.000001" });
    expect(alertsOf(snort3, [line], { fileMs: Date.UTC(2026, 0, 1) }).map(({ atMs }) => iso(atMs))).toEqual([
      "2025-12-31T23:59:59.000Z",
    ]);
  });

  it("writes blanks before its colons", () => {
    expect(
      alertOf(
        snort3,
        '{ "seconds" : 1772359200, "rule" : "1:1:1", "src_ap" : "203.0.113.66:0", "dst_ap" : "10.20.0.10:0", "priority" : 2 }',
      ),
    ).toMatchObject({
      severity: 60,
      attacker: { address: "203.0.113.66" },
    });
  });
});
