import type { Self } from "@anamnesis/sdk/core/types";
import { cef } from "@anamnesis/sdk/formats/cef";
import { leef } from "@anamnesis/sdk/formats/leef";
import { describe, expect, it } from "vitest";
import { SELF } from "../eve-support.ts";
import { formatSuite } from "./suite.ts";
import { alertOf, iso, kinds, READ_AT, readLines } from "./support.ts";

const CEF = (extension: string, severity = "9", name = "Threat") =>
  `CEF:0|Vendor|Box|1.0|201|${name}|${severity}|${extension}`;
const ENDS = "src=203.0.113.66 spt=41822 dst=10.20.0.10 dpt=502";
const LEEF = (rest: string) => `LEEF:1.0|Vendor|Box|4.0|15345|${rest}`;

formatSuite({
  format: cef,
  lines: [
    CEF(ENDS),
    `<134>1 2026-03-01T10:00:00Z host app - - - ${CEF(ENDS)}`,
    `Mar  1 10:00:00 host ${CEF(`${ENDS} rt=1772359200123`)}`,
  ],
  kinds: ["detection", "detection", "detection"],
});
formatSuite({
  format: leef,
  lines: [
    LEEF("src=203.0.113.66\tdst=10.20.0.10\tsev=5\tcat=anomaly"),
    "LEEF:2.0|V|P|1|41|^|src=203.0.113.66^dst=10.20.0.10^sev=8",
  ],
  kinds: ["detection", "detection"],
});

describe("CEF", () => {
  it("undoes the escapes of the header and of the extension, each its own (T26)", () => {
    const line = String.raw`CEF:0|security|threat\|manager|1.0|operation1\|operation2|detected a \| in message|10|src=203.0.113.66 act=blocked a \= b\\c dst=10.20.0.10 msg=line1\nline2 | pipe ok`;
    expect(alertOf(cef, line)).toMatchObject({
      rule: {
        engine: "cef",
        id: "security|threat|manager|operation1|operation2",
        name: "detected a | in message",
      },
      severity: 100,
      action: "blocked",
      attacker: { address: "203.0.113.66" },
      victim: { address: "10.20.0.10" },
    });
  });

  it("goes on to the next key, through bare equals signs and to an empty last value", () => {
    expect(alertOf(cef, CEF("key=aGVsbG8= spt=1232 src=203.0.113.66")).attacker).toEqual({
      address: "203.0.113.66",
      port: 1232,
    });
    expect(alertOf(cef, CEF("dst=10.20.0.10 dpt=")).victim).toBeUndefined();
    expect(alertOf(cef, CEF("request=http://x/?a=b&src=10.1.2.20 src=203.0.113.66")).attacker?.address).toBe(
      "203.0.113.66",
    );
  });

  it("lets no later text of an attacker replace a key that came before", () => {
    expect(alertOf(cef, CEF(`${ENDS} msg=user src=10.1.2.20 dst=10.1.2.10 act=allowed`))).toMatchObject({
      attacker: { address: "203.0.113.66", port: 41_822 },
      victim: { address: "10.20.0.10", port: 502 },
    });
  });

  it("reads severity in numbers and words, and flags one beyond the scale", () => {
    const severity = (text: string) => alertOf(cef, CEF(ENDS, text)).severity;
    expect(["0", "7", "10", "Low", "Medium", "High", "Very-High", "Unknown", ""].map(severity)).toEqual([
      0,
      70,
      100,
      25,
      50,
      75,
      95,
      null,
      null,
    ]);
    expect(alertOf(cef, CEF(ENDS, "100"))).toMatchObject({
      severity: 100,
      flags: ["time.read", "severity.clipped"],
    });
  });

  it.each([
    ["a blank after the colon", `CEF: 0|U|N|9|201|Threat|9|${ENDS}`],
    ["no prefix at all", `0|U|N|9|201|Threat|7|${ENDS}`],
    ["two blanks after the version", `<134>1  2026-03-01T10:00:00Z EMC syslog - - - ${CEF(ENDS)}`],
    ["a program before it", `May 18 16:02:00 box box[1] ${CEF(ENDS)}`],
  ])("is read with %s (T28)", (_what, line) => {
    expect(alertOf(cef, line).attacker?.address).toBe("203.0.113.66");
  });

  it("is not read out of another program's text", () => {
    const line = `Mar  1 10:00:00 host sshd[9]: Invalid user ${CEF(ENDS)} from 192.0.2.1`;
    expect(kinds(readLines(cef, [line]))).toEqual(["line.fields"]);
  });

  it("takes its own time before the carrier's, and the carrier's year by the file's date", () => {
    expect(iso(alertOf(cef, `Mar  1 10:00:00 host ${CEF(`${ENDS} rt=1772359200123`)}`).atMs)).toBe(
      "2026-03-01T10:00:00.123Z",
    );
    expect(iso(alertOf(cef, CEF("rt=Mar 01 2026 10:00:00.5 UTC src=203.0.113.66")).atMs)).toBe(
      "2026-03-01T10:00:00.500Z",
    );
    expect(iso(alertOf(cef, CEF("UNIFIutcTime=2026-03-01T10:00:00.1Z src=203.0.113.66")).atMs)).toBe(
      "2026-03-01T10:00:00.100Z",
    );
    const undated = `Dec 31 23:00:00 host ${CEF(ENDS)}`;
    expect(iso(alertOf(cef, undated, { fileMs: Date.UTC(2026, 0, 2) }).atMs)).toBe(
      "2025-12-31T23:00:00.000Z",
    );
    expect(alertOf(cef, CEF(ENDS)).atMs).toBe(READ_AT);
  });

  it("reads ATT&CK from whatever holds it by its label", () => {
    const line = CEF(
      `${ENDS} flexString1Label=mitre_attack_techniques flexString1=T0855,T0836 cs3Label=MitreIcsTechnique cs3=t0843 cs4=T1000`,
    );
    expect(alertOf(cef, line).attackIds).toEqual(["T0855", "T0836", "T0843"]);
  });

  describe("of one event in both directions, with the server's port only", () => {
    const there = CEF("src=192.168.1.6 dst=192.168.1.85 pt=502 PtName=Modbus", "High");
    const back = CEF("src=192.168.1.85 dst=192.168.1.6 pt=502 PtName=Modbus", "High");
    const roles = { ...SELF.roles, controllers: ["192.168.1.85"] };
    const self: Self = { ...SELF, roles };

    it("accuses the one that is no controller, both times", () => {
      for (const line of [there, back])
        expect(alertOf(cef, line, { self })).toMatchObject({
          attacker: { address: "192.168.1.6" },
          victim: { address: "192.168.1.85", port: 502 },
          appProtocol: "modbus",
        });
    });

    it("accuses nobody when Self does not know which is which", () => {
      for (const line of [there, back]) expect(alertOf(cef, line)).toMatchObject({ observables: [] });
    });
  });

  it("accuses no gateway that reports its own address as the source", () => {
    expect(
      alertOf(cef, CEF("src=192.168.0.1 spt=54587 dst=192.168.0.233 dpt=80 UNIFIdeviceIp=192.168.0.1"))
        .attacker,
    ).toBeUndefined();
  });
});

describe("LEEF", () => {
  it("reads version 1 by tabs", () => {
    expect(alertOf(leef, LEEF("src=203.0.113.66\tdst=10.20.0.10\tsev=5\tcat=anomaly"))).toMatchObject({
      rule: { engine: "leef", id: "Vendor|Box|15345", category: "anomaly" },
      severity: 50,
      attacker: { address: "203.0.113.66" },
    });
  });

  it.each([
    ["^", "^"],
    ["x5E", "^"],
    ["0x5e", "^"],
    ["", "\t"],
    ["x09", "\t"],
  ])("reads version 2 with the delimiter %j", (named, delimiter) => {
    const values = ["src=203.0.113.66", "dst=10.20.0.10", "sev=8"].join(delimiter);
    expect(alertOf(leef, `LEEF:2.0|V|P|1|41|${named}|${values}`)).toMatchObject({
      severity: 80,
      attacker: { address: "203.0.113.66" },
    });
  });

  it("reads devTime in its forms, else the carrier's", () => {
    const at = (text: string) =>
      iso(alertOf(leef, `<13>Mar  1 09:00:00 host ${LEEF(`src=203.0.113.66\t${text}`)}`).atMs);
    expect(at("devTime=1772359200000")).toBe("2026-03-01T10:00:00.000Z");
    expect(at("devTime=Mar 01 2026 11:00:00 +0100")).toBe("2026-03-01T10:00:00.000Z");
    expect(at("devTime=2026-03-01 10:00:00")).toBe("2026-03-01T10:00:00.000Z");
    expect(at("sev=1")).toBe("2026-03-01T09:00:00.000Z");
  });
});
