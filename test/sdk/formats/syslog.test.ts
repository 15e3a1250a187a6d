import { syslog } from "@anamnesis/sdk/formats/syslog";
import { parseSyslog } from "@anamnesis/sdk/formats/syslog-line";
import { describe, expect, it } from "vitest";
import { alertLine } from "../eve-support.ts";
import { formatSuite } from "./suite.ts";
import { alertOf, alertsOf, iso, kinds, readLines } from "./support.ts";

const PACKET =
  "IN=eth0 OUT= MAC=00:11 SRC=203.0.113.66 DST=10.20.0.10 LEN=40 PROTO=TCP SPT=4000 DPT=502 SYN URGP=0";
const DROP = (time = "Mar  1 10:00:00") => `${time} gw kernel: [123.456789] [UFW BLOCK] ${PACKET}`;
const BAN = "fail2ban.actions        [812]: NOTICE  [sshd] Ban 203.0.113.66";
const TIMES = { notAfterMs: Date.UTC(2026, 10, 25), zone: "UTC" };

formatSuite({
  format: syslog,
  lines: [
    DROP(),
    "Mar  1 10:00:01 gw sshd[1]: Invalid user x from 203.0.113.66 port 1",
    `2026-03-01 10:00:02,123 ${BAN}`,
    DROP("Mar  1 10:00:03"),
  ],
  kinds: ["detection", "syslog.sshd", "detection", "detection"],
});

describe("the carrier", () => {
  it.each([
    [
      "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
      { pri: 34, host: "mymachine", app: "su", message: "'su root' failed" },
    ],
    [
      "<165>1 2026-10-11T22:14:15.003Z host app 77 ID47 - hello",
      { pri: 165, host: "host", app: "app", message: "hello" },
    ],
    [
      '<165>1 2026-10-11T22:14:15.003Z host app - - [a x="q\\"]"][b] \ufeffhello',
      { app: "app", message: "hello" },
    ],
    ["<165>1  2026-10-11T22:14:15Z host app - - - hello", { host: "host", message: "hello" }],
    ["2026-10-11T22:14:15+02:00 host app[9]: hello", { host: "host", app: "app", message: "hello" }],
    ["no header at all", { carried: false, message: "no header at all" }],
    ["<999>Oct 11 22:14:15 h a: x", { carried: false }],
  ])("of %j", (line, expected) => expect(parseSyslog(line, TIMES)).toMatchObject(expected));

  it("dates a line without year not after the file's date, in the configured zone (T48)", () => {
    const at = (time: string, notAfterMs: number, zone = "UTC") =>
      iso(parseSyslog(`${time} h a: x`, { notAfterMs, zone }).atMs ?? 0);
    const january = Date.UTC(2026, 0, 2);
    expect([at("Dec 31 23:59:59", january), at("Jan  1 00:00:01", january)]).toEqual([
      "2025-12-31T23:59:59.000Z",
      "2026-01-01T00:00:01.000Z",
    ]);
    const november = Date.UTC(2026, 10, 25);
    expect([at("Dec 31 23:59:59", november), at("Jan  1 00:00:01", november)]).toEqual([
      "2025-12-31T23:59:59.000Z",
      "2026-01-01T00:00:01.000Z",
    ]);
    expect(at("Feb 29 12:00:00", november)).toBe("2024-02-29T12:00:00.000Z");
    expect(at("Jul  1 12:00:00", november, "Europe/Berlin")).toBe("2026-07-01T10:00:00.000Z");
  });
});

describe("a packet filter's line", () => {
  it("is an alert when the packet was stopped, and context else", () => {
    expect(alertOf(syslog, DROP())).toMatchObject({
      rule: { engine: "firewall", id: "UFW BLOCK" },
      severity: 20,
      action: "blocked",
      attacker: { address: "203.0.113.66", port: 4000 },
      victim: { address: "10.20.0.10", port: 502 },
      transport: "tcp",
    });
    expect(
      kinds(readLines(syslog, [`Mar  1 10:00:00 gw kernel: ${PACKET}`, DROP().replace("BLOCK", "ALLOW")])),
    ).toEqual(["firewall", "firewall"]);
  });

  it("accuses who opened the flow, not who answered", () => {
    const ends = "SRC=10.0.0.1 DST=10.0.0.2 PROTO=TCP SPT=5000 DPT=6000";
    const attacker = (flags: string) =>
      alertOf(syslog, `Mar  1 10:00:00 gw kernel: DROP IN=eth0 ${ends} ${flags}`).attacker?.address;
    expect([attacker("SYN"), attacker("ACK SYN"), attacker("ACK")]).toEqual([
      "10.0.0.1",
      "10.0.0.2",
      undefined,
    ]);
  });

  it("is read as Proxmox and pfSense write it", () => {
    const proxmox = `0 3 PVEFW-HOST-IN 20/Jun/2022:13:09:14 +0200 policy DROP: IN=vmbr0 ${PACKET.slice(8)}`;
    expect(iso(alertOf(syslog, proxmox).atMs)).toBe("2022-06-20T11:09:14.000Z");
    const pf =
      "<134>1 2025-11-06T11:32:42.868451+00:00 fw filterlog 92653 - - 7,,,1000000102,vtnet0,match,block,in,4,0x0,,64,19008,0,DF,6,tcp,60,203.0.113.66,10.20.0.10,42970,80,0,S,523876198,,64240,,mss";
    expect(alertOf(syslog, pf)).toMatchObject({
      attacker: { address: "203.0.113.66", port: 42_970 },
      rule: { id: "filter rule 1000000102" },
    });
    expect(kinds(readLines(syslog, [pf.replace("block", "pass")]))).toEqual(["firewall"]);
  });

  it("is not believed from a program that quotes a stranger", () => {
    const forged = `Mar  1 10:00:00 gw sshd[1]: Invalid user DROP IN= SRC=10.20.0.10 DST=10.1.2.20 PROTO=TCP from 203.0.113.66`;
    expect(kinds(readLines(syslog, [forged]))).toEqual(["syslog.sshd"]);
  });
});

describe("fail2ban", () => {
  it("is an alert when it bans, by its own file and over syslog", () => {
    const lines = [
      `2026-03-01 10:00:00,123 ${BAN}`,
      `Mar  1 10:00:00 gw fail2ban.actions[812]: NOTICE [sshd] Ban 203.0.113.66`,
    ];
    for (const line of lines)
      expect(alertOf(syslog, line)).toMatchObject({
        rule: { engine: "fail2ban", id: "sshd" },
        action: "blocked",
        attacker: { address: "203.0.113.66" },
      });
    expect(iso(alertOf(syslog, lines[0] as string, { zone: "+02:00" }).atMs)).toBe(
      "2026-03-01T08:00:00.123Z",
    );
  });

  it("is context when it finds, unbans or restores", () => {
    const verbs = ["Unban", "Found", "Restore Ban", "Ignore"];
    const lines = verbs.map((verb) => `2026-03-01 10:00:00,123 ${BAN.replace("Ban", verb)}`);
    expect(kinds(readLines(syslog, lines))).toEqual([
      "fail2ban.unban",
      "fail2ban.found",
      "fail2ban.restore-ban",
      "fail2ban.ignore",
    ]);
  });

  it("bans nobody for a name that somebody logs in with", () => {
    const forged = `Mar  1 10:00:00 gw sshd[1]: Invalid user ${BAN.replace("203.0.113.66", "10.20.0.10")} from 192.0.2.1`;
    expect(kinds(readLines(syslog, [forged]))).toEqual(["syslog.sshd"]);
  });

  it("accuses one host, never a range", () => {
    const line = (value: string) => `2026-05-09 13:50:00 CRIT: Banning ${value} for 60 minutes`;
    expect(alertOf(syslog, line("198.51.100.42/32")).attacker?.address).toBe("198.51.100.42");
    expect(alertOf(syslog, line("198.51.100.0/24")).attacker).toBeUndefined();
  });
});

describe("what else syslog carries", () => {
  it("is CEF, LEEF and EVE", () => {
    expect(
      alertOf(syslog, "Mar  1 10:00:00 h CEF:0|V|P|1|2|n|9|src=203.0.113.66 dst=10.20.0.10").rule.engine,
    ).toBe("cef");
    expect(
      alertOf(syslog, "<13>Mar  1 10:00:00 h LEEF:1.0|V|P|1|2|src=203.0.113.66\tdst=10.20.0.10").rule.engine,
    ).toBe("leef");
    expect(alertOf(syslog, `Mar  1 10:00:00 h suricata[1]: ${alertLine()}`).rule.engine).toBe("suricata");
  });

  it("is several events glued together, each with an id of its own", () => {
    const glued = `<4>${DROP()}#012<4>${DROP("Mar  1 10:00:01")}`;
    const found = alertsOf(syslog, [glued]);
    expect(found.map(({ atMs }) => iso(atMs).slice(17, 19))).toEqual(["00", "01"]);
    expect(new Set(found.map(({ id }) => id)).size).toBe(2);
  });

  it("is the line before, as often as it says, within bounds", () => {
    const again = (times: number) => `Mar  1 10:00:05 gw last message repeated ${times} times`;
    expect(alertsOf(syslog, [DROP(), again(3)])).toHaveLength(4);
    expect(new Set(alertsOf(syslog, [DROP(), again(3)]).map(({ id }) => id)).size).toBe(4);
    expect(alertsOf(syslog, [DROP(), again(999_999_999)])).toHaveLength(101);
    expect(kinds(readLines(syslog, [again(3)]))).toEqual(["syslog.repeated"]);
    const inner = `Mar  1 10:00:05 gw kernel: message repeated 2 times: [ [UFW BLOCK] ${PACKET}]`;
    expect(alertsOf(syslog, [inner])).toHaveLength(2);
  });

  it("is rejected when nothing tells what it is", () => {
    expect(kinds(readLines(syslog, ["what is this"]))).toEqual(["line.fields"]);
  });
});
