/** The collection of published files: each is read, its patterns judged as their authors say, and written again. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readKnowledge } from "@anamnesis/sdk/knowledge/read";
import { parseStixPattern } from "@anamnesis/sdk/knowledge/stix-pattern";
import { writeKnowledge } from "@anamnesis/sdk/knowledge/write";
import { describe, expect, test } from "vitest";

const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(import.meta.dirname, "../../../../shared/samples");
const present = existsSync(join(SAMPLES, "INDEX.tsv"));
if (!present) console.warn("SKIPPED: test/sdk/knowledge/samples.test.ts needs the sample collection");

/** Before anything in the collection expired. */
const THEN = Date.UTC(2010, 0, 1);
const FORMATS = {
  stix20: "stix",
  stix21: "stix",
  misp_event: "misp",
  zeek_intel: "zeek-intel",
  suricata_rules: "suricata",
  sigma: "sigma",
} as const;

const textOf = (path: string) => readFileSync(join(SAMPLES, path), "utf8");
const linesOf = (path: string) => textOf(path).trim().split("\n");
const takes = (pattern: string) => {
  try {
    parseStixPattern(pattern);
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(!present)("samples", () => {
  test("OASIS's valid and invalid patterns are told apart", () => {
    const cases = [
      "stix_patterns/v21-pass_cases.jsonl",
      "stix_patterns/v21-fail_cases.jsonl",
      "traps/T43-invalid-published-patterns.jsonl",
    ]
      .flatMap(linesOf)
      .map((line) => JSON.parse(line) as { pattern: string; valid: boolean });
    expect(cases.length).toBeGreaterThan(40);
    for (const { pattern, valid } of cases) expect(takes(pattern), pattern).toBe(valid);
    for (const pattern of ["stix_patterns/v20-spec-valid.txt", "stix_patterns/v21-spec-valid.txt"].flatMap(
      linesOf,
    ))
      expect(takes(pattern), pattern).toBe(true);
  });

  test("quoting is undone as the standard says", () => {
    for (const line of linesOf("traps/T41-pattern-escaping.jsonl")) {
      const { value, pattern } = JSON.parse(line) as { value: string; pattern: string };
      expect(parseStixPattern(pattern)).toMatchObject({ of: { values: [{ value }] } });
    }
  });

  test.each(Object.entries(FORMATS))(
    "every file of %s is recognised as %s, and written again without loss",
    (folder, format) => {
      for (const name of present ? readdirSync(join(SAMPLES, folder)) : []) {
        const first = readKnowledge(textOf(`${folder}/${name}`), THEN);
        expect(first.format, name).toBe(format);
        expect(first.proposals.length + first.refusals.length, name).toBeGreaterThan(0);
        const written = writeKnowledge(
          format,
          first.proposals.map(({ origin }) => origin),
          "bundle--1",
        );
        if (first.proposals.length > 0)
          expect(readKnowledge(written, THEN, format).proposals, name).toEqual(first.proposals);
        const unexplained = first.refusals.filter(({ reason }) => reason === "malformed");
        expect(unexplained, name).toEqual(
          // STIX 2.0's snort example carries its rule in a property of its own, beside no pattern.
          name === "20custom__snort-test-mechanism.json"
            ? [expect.objectContaining({ detail: "an indicator needs a pattern" })]
            : [],
        );
      }
    },
  );
});
