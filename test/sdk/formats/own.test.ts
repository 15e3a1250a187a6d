import { own } from "@anamnesis/sdk/formats/own";
import { ownLine, type PublishedDetection } from "@anamnesis/sdk/formats/own-line";
import { describe, expect, it } from "vitest";
import { formatSuite } from "./suite.ts";
import { alertOf, kinds, READ_AT, readLines } from "./support.ts";

const WRITE: PublishedDetection = {
  time: "2026-03-01T10:00:00.5+01:00",
  rule: { id: "0042", name: "write to a coil" },
  severity: 80,
  attacker: { address: "203.0.113.66", port: 41_822 },
  victim: { address: "10.20.0.10", port: 502 },
  appProtocol: "modbus",
  modbusFunction: 5,
  attackIds: ["T0855"],
};
const line = (parts: object = {}) => ownLine({ ...WRITE, ...parts } as PublishedDetection);

formatSuite({ format: own, lines: [line(), line({ severity: 10 })], kinds: ["detection", "detection"] });

describe("a detection that a program publishes", () => {
  it("is taken as it is, its ids as text", () => {
    expect(alertOf(own, line())).toMatchObject({
      rule: { engine: "program", id: "0042", name: "write to a coil" },
      severity: 80,
      atMs: Date.UTC(2026, 2, 1, 9, 0, 0, 500),
      attacker: { address: "203.0.113.66", port: 41_822 },
      victim: { address: "10.20.0.10", port: 502 },
      observables: [{ kind: "ipv4-addr", value: "203.0.113.66" }],
      ics: { protocol: "modbus", function: 5, access: "write", table: "coil" },
      attackIds: ["T0855"],
    });
  });

  it("needs a rule only, and accuses nobody then", () => {
    const least = alertOf(own, ownLine({ rule: { id: 7 } }));
    expect(least).toMatchObject({ severity: null, atMs: READ_AT, flags: ["time.read"], observables: [] });
    expect(least.attacker).toBeUndefined();
  });

  it("of two ends without a word who attacks the plant's rules decide", () => {
    const ends = {
      attacker: undefined,
      victim: undefined,
      source: { address: "10.20.0.10", port: 502 },
      destination: { address: "203.0.113.66", port: 41_822 },
    };
    expect(alertOf(own, line(ends)).attacker?.address).toBe("203.0.113.66");
  });

  it("has observables in their normal form, and none that has none", () => {
    const observables = [
      { kind: "domain-name", value: "Bad.Example." },
      { kind: "domain-name", value: "bad.example" },
      { kind: "file", value: "A".repeat(64) },
      { kind: "file", value: "abc" },
      { kind: "constructor", value: "x" },
    ];
    expect(alertOf(own, line({ observables })).observables.slice(1)).toEqual([
      { kind: "domain-name", value: "bad.example" },
      { kind: "file", value: "a".repeat(64) },
    ]);
  });

  it("is refused with its reason when it is wrong", () => {
    const wrong = [
      line({ rule: {} }),
      line({ time: "then" }),
      line({ severity: "high" }),
      line({ severity: -1 }),
    ];
    expect(kinds(readLines(own, wrong))).toEqual([
      "line.fields",
      "line.timestamp",
      "line.fields",
      "line.fields",
    ]);
    expect(kinds(readLines(own, ['{"anamnesis":"detection/2","rule":{"id":1}}']))).toEqual([
      "line.unknownType",
    ]);
    expect(alertOf(own, line({ severity: 101 }))).toMatchObject({
      severity: 100,
      flags: ["severity.clipped"],
    });
  });
});
