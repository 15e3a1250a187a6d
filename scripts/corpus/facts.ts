/** The facts that INDEX.tsv states in words, held against what was read. */
import type { Inspection } from "../../node/src/adapters/detectors/inspect-file.ts";
import type { IndexRow } from "./index.ts";

/** A fact and whether it holds. */
export interface Fact {
  readonly fact: string;
  readonly expected: number;
  readonly got: number;
}

/** What was read of a file. */
export interface Read {
  readonly inspection: Inspection;
  /** Detections by rule id. */
  readonly byRule: ReadonlyMap<string, number>;
}

/** Every fact of a row that is a number. */
export function factsOf(row: IndexRow, { inspection, byRule }: Read): readonly Fact[] {
  const { facts } = row;
  const found: Fact[] = [];
  const events = eventsOf(inspection);
  const number = (pattern: RegExp): number | undefined => {
    const match = pattern.exec(facts);
    return match === null ? undefined : Number(match[1]);
  };
  const hold = (fact: string, expected: number | undefined, got: number): void => {
    if (expected !== undefined) found.push({ fact, expected, got });
  };
  hold("rows", number(/\brows=(\d+)/), events + rejectedOf(inspection));
  hold("lines", number(/\blines=(\d+)/) ?? number(/^(\d+) lines\b/), events + rejectedOf(inspection));
  hold("indicators", number(/\bindicators=(\d+)/), inspection.context["intel.input"] ?? 0);
  hold("unparsable", number(/\bunparsable=(\d+)/), inspection.rejected["line.notJson"] ?? 0);
  if (row.kind !== "traps")
    hold("alerts", number(/\balerts=(\d+)/) ?? number(/^(\d+) alerts?\b/), inspection.detections);
  else
    hold("detections", number(/EXPECT: (\d+) (?:good )?(?:alerts?|notices?|events)/), inspection.detections);
  hold("rejected", number(/; (\d+) counted rejects/), rejectedOf(inspection));
  hold("stream", number(/^new=(\d+)/), inspection.detections);
  for (const [, list] of facts.matchAll(/\bsids=\{([^}]*)\}/g))
    for (const [, sid, count] of (list as string).matchAll(/(\d+): (\d+)/g))
      hold(`sid ${sid}`, Number(count), byRule.get(sid as string) ?? 0);
  for (const [, list] of facts.matchAll(/\bscenarios=\{([^}]*)\}/g))
    for (const [, name, count] of (list as string).matchAll(/'([^']+)': (\d+)/g))
      hold(`scenario ${name}`, Number(count), byRule.get(name as string) ?? 0);
  for (const [, list] of facts.matchAll(/\btypes=\{([^}]*)\}/g))
    for (const [, name, count] of (list as string).matchAll(/'([^']+)': (\d+)/g))
      if (name !== "alert") hold(`type ${name}`, Number(count), inspection.context[name as string] ?? 0);
  return found;
}

/** Records that were understood; the lines of a header are none. */
export function eventsOf({ detections, context }: Inspection): number {
  let events = detections;
  for (const [kind, count] of Object.entries(context)) if (kind !== "zeek.header") events += count;
  return events;
}

/** Records that were not. */
export function rejectedOf({ rejected }: Inspection): number {
  return Object.values(rejected).reduce((sum, count) => sum + count, 0);
}
