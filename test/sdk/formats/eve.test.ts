import { eve } from "@anamnesis/sdk/formats/eve";
import { describe, expect, it } from "vitest";
import { alertLine } from "../eve-support.ts";
import { formatSuite } from "./suite.ts";
import { alertsOf, kinds, readLines } from "./support.ts";

const PRINTED = JSON.stringify(JSON.parse(alertLine({ src_port: 9 })), null, 2).split("\n");

formatSuite({
  format: eve,
  lines: [
    alertLine(),
    '{"timestamp":"2026-03-01T10:00:00+0000","event_type":"flow"}',
    ...PRINTED,
    alertLine({ src_port: 4 }),
  ],
  kinds: ["detection", "flow", "detection", "detection"],
});

describe("EVE as it was exported", () => {
  const array = `[${alertLine({ src_port: 1 })},${alertLine({ src_port: 2 })}]`;

  it("is read from an array in one line (T34), each alert with an id of its own", () => {
    const found = alertsOf(eve, [array]);
    expect(found.map(({ attacker }) => attacker?.port)).toEqual([1, 2]);
    expect(new Set(found.map(({ id }) => id)).size).toBe(2);
  });

  it("is read from an array over many lines, and from printed objects one after the other (T35)", () => {
    const printed = JSON.stringify(JSON.parse(array), null, 2).split("\n");
    expect(alertsOf(eve, printed).map(({ attacker }) => attacker?.port)).toEqual([1, 2]);
    expect(alertsOf(eve, [...PRINTED, ...PRINTED]).map(({ attacker }) => attacker?.port)).toEqual([9, 9]);
    expect(kinds(readLines(eve, ["[", `${alertLine()},`, alertLine(), "]"]))).toEqual([
      "detection",
      "detection",
    ]);
  });

  it("loses nothing to a record that was cut: it is counted, and what follows is read (T10)", () => {
    const line = alertLine();
    for (let at = 1; at < line.length; at++) {
      const found = kinds(readLines(eve, [line.slice(0, at), alertLine()]));
      expect(found, line.slice(0, at)).toEqual(["line.notJson", "detection"]);
    }
  });

  it("says at the end of the stream that a record is not complete", () => {
    expect(kinds(readLines(eve, PRINTED.slice(0, 5)))).toEqual(["line.unfinished"]);
  });
});
