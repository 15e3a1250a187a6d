/** What every format promises, whatever it reads. A new format passes this with its own examples. */
import { canonicalAddress } from "@anamnesis/sdk/core/address";
import type { LineOutcome } from "@anamnesis/sdk/core/types";
import type { Format } from "@anamnesis/sdk/formats/format";
import { detectFormats } from "@anamnesis/sdk/formats/formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kinds, type ReadOptions, readLines } from "./support.ts";

/** A format with lines that it reads. */
export interface Example {
  readonly format: Format;
  /** A whole stream: at least one record that gives a detection, and whatever must stand before it. */
  readonly lines: readonly string[];
  /** Kinds of the outcomes of `lines`. */
  readonly kinds: readonly string[];
  readonly options?: ReadOptions;
  /** False for a format that nothing but its configuration can tell. */
  readonly recognised?: boolean;
}

const REASONS = new Set([
  "line.notJson",
  "line.notObject",
  "line.tooLong",
  "line.encoding",
  "line.fields",
  "line.timestamp",
  "line.unknownType",
  "line.columns",
  "line.header",
  "line.unfinished",
]);

/** What an attacker can put into a line to make readers slow, wrong or large. */
const HOSTILE = [
  "[**] ",
  "| ",
  "\\|",
  " a=",
  "a=b ",
  "=",
  "\\",
  '"',
  "{",
  "[",
  "}",
  "]",
  ",",
  "\t",
  "\\x41",
  "#012",
  "<1>",
  "1",
  "T1059 ",
  ": ",
  " ",
  "-> ",
  "%",
  "\u202e",
  "é",
  "__proto__",
  "NaN",
  "1e999",
  "9007199254740993",
  "[a ",
  "[a b=\\",
  "message repeated 9 times: [",
] as const;

/** Runs the promises for one format. */
export function formatSuite({
  format,
  lines,
  kinds: expected,
  options = {},
  recognised = true,
}: Example): void {
  const text = lines.join("\n");

  describe(`the format ${format.name}`, () => {
    it("reads its examples", () => expect(kinds(readLines(format, lines, options))).toEqual(expected));

    it("reads them with CRLF and a byte order mark as without", () => {
      const marked = lines.map((line, i) => `${i === 0 ? "\ufeff" : ""}${line}\r`);
      expect(kinds(readLines(format, marked, options))).toEqual(expected);
    });

    it.runIf(recognised)("is recognised by them, and says why", () => {
      const [best] = detectFormats({ path: "some.log", head: `${text}\n` });
      expect(best?.format.name).toBe(format.name);
      expect(best?.why).not.toBe("");
    });

    it("goes on after a restart between any two lines as if there had been none", () => {
      const whole = readLines(format, lines, options);
      fc.assert(
        fc.property(fc.subarray(lines.map((_, index) => index)), (before) => {
          expect(readLines(format, lines, { ...options, restartBefore: new Set(before) })).toEqual(whole);
        }),
        { numRuns: 30 },
      );
    });

    it("gives ids that depend on the place, and nothing else that does", () => {
      const once = detections(readLines(format, lines, options));
      const again = detections(readLines(format, lines, options));
      expect(again).toEqual(once);
      expect(new Set(once.map(({ id }) => id)).size).toBe(once.length);
    });

    it("gives sound outcomes for whatever becomes of its lines", () => {
      const damaged = fc
        .record({ line: fc.nat(lines.length - 1), cuts: fc.array(cut(), { minLength: 1, maxLength: 4 }) })
        .map(({ line, cuts }) =>
          lines.map((one, index) => (index === line ? cuts.reduce(damage, one) : one)),
        );
      fc.assert(
        fc.property(damaged, (changed) => {
          for (const one of readLines(format, changed, options)) checkSound(one);
        }),
        { numRuns: 300 },
      );
    });

    it("gives sound outcomes for bytes of any kind", () => {
      const bytes = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 });
      fc.assert(
        fc.property(bytes, (given) => {
          for (const one of readLines(format, [...lines, ...given], options)) checkSound(one);
        }),
        { numRuns: 100 },
      );
    });

    it("is done with long lines of any kind in time that grows as they do", () => {
      const header = lines.slice(0, -1);
      const last = lines.at(-1) as string;
      for (const piece of HOSTILE) {
        const long = piece.repeat(Math.ceil(262_144 / piece.length));
        const middle = Math.floor(last.length / 2);
        for (const line of [
          long,
          last + long,
          last.slice(0, middle) + long + last.slice(middle),
          long + last,
        ])
          for (const one of readLines(format, [...header, line], options)) checkSound(one);
      }
    });
  });
}

type Cut = readonly [kind: number, at: number, length: number, piece: string];

function cut(): fc.Arbitrary<Cut> {
  return fc.tuple(
    fc.nat(3),
    fc.nat(2_000),
    fc.integer({ min: 1, max: 20 }),
    fc.oneof(fc.constantFrom(...HOSTILE), fc.string()),
  );
}

function damage(line: string, [kind, where, length, piece]: Cut): string {
  const at = line.length === 0 ? 0 : where % line.length;
  if (kind === 0) return line.slice(0, at) + line.slice(at + length);
  if (kind === 1) return line.slice(0, at) + piece + line.slice(at);
  if (kind === 2) return line.slice(0, at) + line.slice(at, at + length).repeat(3) + line.slice(at + length);
  return line.slice(0, at);
}

function detections(outcomes: readonly LineOutcome[]) {
  return outcomes.flatMap((one) => (one.kind === "detection" ? [one.detection] : []));
}

function checkSound(outcome: LineOutcome): void {
  if (outcome.kind === "rejected") {
    expect(REASONS).toContain(outcome.reason);
    expect(outcome.example.length).toBeLessThanOrEqual(200);
    return;
  }
  if (outcome.kind === "context") {
    expect(outcome.eventType.length).toBeLessThanOrEqual(64);
    return;
  }
  expect(outcome.kind).toBe("detection");
  if (outcome.kind !== "detection") return;
  const { detection } = outcome;
  expect(detection.id).toMatch(/^0x[0-9a-f]{64}$/);
  expect(Number.isSafeInteger(detection.atMs)).toBe(true);
  if (detection.severity !== null) {
    expect(detection.severity).toBeGreaterThanOrEqual(0);
    expect(detection.severity).toBeLessThanOrEqual(100);
  }
  for (const end of [detection.attacker, detection.victim]) {
    if (end === undefined) continue;
    expect(canonicalAddress(end.address)).toBe(end.address);
    if (end.port !== undefined)
      expect(end.port >= 0 && end.port <= 65_535 && Number.isInteger(end.port)).toBe(true);
  }
  if (detection.attacker === undefined) expect(detection.observables).toEqual([]);
  expect(detection.rule.name.length).toBeLessThanOrEqual(512);
  // It is kept: nothing of a payload, however long the line was.
  expect(JSON.stringify(detection).length).toBeLessThan(8_000);
}
