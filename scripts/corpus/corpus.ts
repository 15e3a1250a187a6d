/** Reads every detector's file of a sample collection and says, format by format, what came of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LineOutcome, Self } from "@anamnesis/sdk/core/types";
import { FORMATS } from "@anamnesis/sdk/formats/formats";
import { inspectFile } from "../../node/src/adapters/detectors/inspect-file.ts";
import { EXPLAINED } from "./explained.ts";
import { eventsOf, factsOf } from "./facts.ts";
import { formatsOf, readIndex } from "./index.ts";

/** What one format read. */
export interface FormatReport {
  readonly files: number;
  readonly events: number;
  readonly detections: number;
  readonly attackers: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** A fact that does not hold. */
export interface Mismatch {
  readonly path: string;
  readonly fact: string;
  readonly expected: string;
  readonly got: string;
  /** Why that is right; null when it is not known. */
  readonly explained: string | null;
}

/** The whole report. */
export interface CorpusReport {
  readonly formats: Readonly<Record<string, FormatReport>>;
  /** Files in no format. */
  readonly unknown: readonly string[];
  readonly facts: number;
  readonly mismatches: readonly Mismatch[];
}

function emptyReport(): { -readonly [Key in keyof FormatReport]: FormatReport[Key] } {
  return { files: 0, events: 0, detections: 0, attackers: 0, rejected: {} };
}

/** A plant that owns the controllers of the samples. */
const SELF: Self = {
  assets: [],
  domains: [],
  roles: { otNetwork: [], writers: [], controllers: ["10.20.0.10", "10.9.0.10", "192.168.1.85"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};
/** A file's date says when an undated line is from at the latest; samples were made by then. */
const READ_AT_MS = Date.UTC(2026, 10, 25);

/** The report, or undefined when there is no collection in `folder`. */
export async function readCorpus(folder: string): Promise<CorpusReport | undefined> {
  const index = join(folder, "INDEX.tsv");
  if (!existsSync(index)) return undefined;
  const formats: Record<string, { -readonly [Key in keyof FormatReport]: FormatReport[Key] }> = {};
  const unknown: string[] = [];
  const mismatches: Mismatch[] = [];
  let facts = 0;
  for (const row of readIndex(index)) {
    const byRule = new Map<string, number>();
    const onOutcome = (outcome: LineOutcome): void => {
      if (outcome.kind !== "detection") return;
      const id = String(outcome.detection.rule.id);
      byRule.set(id, (byRule.get(id) ?? 0) + 1);
    };
    const inspection = await inspectFile(join(folder, row.path), {
      self: SELF,
      readAtMs: READ_AT_MS,
      onOutcome,
    });
    const differ = (fact: string, expected: string | number, got: string | number): void => {
      const explained = EXPLAINED[row.path] ?? null;
      mismatches.push({ path: row.path, fact, expected: String(expected), got: String(got), explained });
    };
    const wanted = formatsOf(row);
    facts++;
    if (!wanted.includes(inspection.format ?? ""))
      differ("format", wanted.join(" or "), inspection.format ?? "unknown");
    for (const { fact, expected, got } of factsOf(row, { inspection, byRule })) {
      facts++;
      if (expected !== got) differ(fact, expected, got);
    }
    if (inspection.format === null) {
      unknown.push(row.path);
      continue;
    }
    const report = formats[inspection.format] ?? emptyReport();
    formats[inspection.format] = report;
    report.files++;
    report.events += eventsOf(inspection);
    report.detections += inspection.detections;
    report.attackers += inspection.attackers;
    const rejected: Record<string, number> = { ...report.rejected };
    for (const [reason, count] of Object.entries(inspection.rejected))
      rejected[reason] = (rejected[reason] ?? 0) + count;
    report.rejected = rejected;
  }
  const order = FORMATS.map(({ name }) => name).filter((name) => formats[name] !== undefined);
  return {
    formats: Object.fromEntries(order.map((name) => [name, formats[name] as FormatReport])),
    unknown,
    facts,
    mismatches,
  };
}
