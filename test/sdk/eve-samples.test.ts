import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import type { LineOutcome } from "@anamnesis/sdk/core/types";
import { describe, expect, it } from "vitest";
import { CONTEXT } from "./eve-support.ts";

// A collection that is not part of this repository: real records and traps that other readers fell into.
const SAMPLES = join(import.meta.dirname, "../../../shared/samples");
const present = existsSync(join(SAMPLES, "traps"));
if (!present)
  console.warn("SKIPPED: test/sdk/eve-samples.test.ts needs the sample collection beside the checkout");

function outcomes(path: string): LineOutcome[] {
  const text = readFileSync(join(SAMPLES, path)).toString("latin1");
  return text
    .split("\n")
    .filter((line) => line !== "" && line !== "\r")
    .map((line, offset) => parseEveLine(Buffer.from(line, "latin1"), { ...CONTEXT, offset }));
}

function kinds(path: string): string[] {
  return outcomes(path).map((one) => (one.kind === "rejected" ? one.reason : one.kind));
}

function alerts(path: string) {
  return outcomes(path).flatMap((one) => (one.kind === "detection" ? [one.detection] : []));
}

describe.skipIf(!present)("traps", () => {
  it("T01, T02: offsets", () => {
    for (const trap of ["traps/T01-offset-no-colon.json", "traps/T02-negative-offset.json"]) {
      expect(alerts(trap).map(({ atMs }) => new Date(atMs).toISOString())).toEqual([
        "2026-03-01T10:00:00.123Z",
      ]);
    }
  });

  it("T06: the source of the packet is the controller", () => {
    expect(alerts("traps/T06-direction-to-client.json")[0]).toMatchObject({
      attacker: { address: "203.0.113.66" },
      victim: { address: "10.20.0.10" },
    });
  });

  it.each([
    ["T07-duplicate-keys-tls.json", ["detection"]],
    ["T09-nested-event-aws-nfw.json", ["detection"]],
    ["T10-truncated-last-line.json", ["detection", "line.notJson"]], // the tailer waits for the rest
    ["T15-invalid-utf8.json", ["detection"]],
    ["T16-utf8-bom.json", ["detection", "detection"]],
    ["T17-nan-infinity.json", ["line.notJson", "detection"]],
    ["T18-huge-payload-260k.json", ["detection", "detection"]],
    ["T19-big-integers.json", ["detection", "line.fields"]],
    ["T34-json-array-not-lines.json", ["line.notObject"]],
  ])("%s: %j", (trap, expected) => expect(kinds(`traps/${trap}`)).toEqual(expected));

  it("T18: nothing of a payload is kept", () => {
    for (const one of alerts("traps/T18-huge-payload-260k.json"))
      expect(JSON.stringify(one).length).toBeLessThan(2_000);
  });

  it("T19: the digits of the flow id", () => {
    expect(alerts("traps/T19-big-integers.json")[0]?.flowId).toBe("9007199254740993");
  });

  it("T29: one spelling of an address", () => {
    expect(alerts("traps/T29-ipv6-forms.jsonl").map(({ attacker }) => attacker?.address)).toEqual([
      "2001:db8::66",
      "fe80::1",
      "203.0.113.66",
    ]);
  });

  it("T32: a storm is 700 alerts of one attacker", () => {
    const storm = alerts("traps/T32-alert-storm-700.jsonl");
    expect(storm).toHaveLength(700);
    expect(new Set(storm.map(({ attacker }) => attacker?.address))).toEqual(new Set(["203.0.113.66"]));
  });

  it("T35: pretty-printed JSON is counted line by line, and no alert is made up from it", () => {
    expect(new Set(kinds("traps/T35-pretty-printed.json"))).toEqual(new Set(["line.notJson"]));
  });
});

describe.skipIf(!present)("real records", () => {
  const files = present
    ? ["suricata_eve", "suricata_eve_expected"].flatMap((folder) =>
        readdirSync(join(SAMPLES, folder)).map((name) => `${folder}/${name}`),
      )
    : [];

  it("of every known type are read; only what has no rule or type of ours is not", () => {
    const counts = new Map<string, number>();
    for (const kind of files.flatMap(kinds)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual(["context", "detection", "line.fields"]);
    expect(counts.get("line.fields")).toBe(1); // an alert that was cut down to its addresses
    expect(counts.get("detection")).toBeGreaterThan(100);
  });

  it("three alerts of one flow stay three", () => {
    const flows = alerts("suricata_eve/hub-eve-detect.log").filter(
      ({ flowId }) => flowId === "274125657094473",
    );
    expect(flows.map(({ rule }) => rule.id)).toEqual([2011716, 2011717, 2011718]);
    expect(new Set(flows.map(({ id }) => id)).size).toBe(3);
  });
});
