/*
 * Knowledge from outside: what other people wrote down about attacks, in their formats, as proposals
 * that an analyst of this plant may release. Nothing in a file acts by being read.
 */
import type { IndicatorForm, KnowledgeFormat, Proposal, Tlp } from "../core/types.ts";

/** A proposal with what a control can make of it; null when nothing of it is applied: kept, shown, passed on. */
export interface Found extends Proposal {
  readonly form: IndicatorForm | null;
}

/** Why something in a file is no proposal. */
export type RefusalReason =
  /** Not what its format demands; the detail says where. */
  | "malformed"
  /** Of a kind that says nothing to look for: campaigns, actors, comments. */
  | "not.indicator"
  /** Its author does not mean it for detection (MISP's `to_ids`). */
  | "not.detection"
  /** Taken back by its author. */
  | "revoked"
  /** Its validity is over. */
  | "expired"
  /** A rule that can never fire: switched off, without a condition, a condition that names nothing. */
  | "dead"
  /** TLP:RED is for the people in the room. */
  | "tlp.red"
  | "too.large";

/** Something that was not taken. */
export interface Refusal {
  /** Its id, or its line. */
  readonly where: string;
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** What a file holds. */
export interface Knowledge {
  readonly format: KnowledgeFormat;
  readonly proposals: readonly Found[];
  readonly refusals: readonly Refusal[];
}

/** Most characters of one file. */
export const MAX_FILE = 16_777_216;
/** Most characters of an object kept as it was written. */
export const MAX_SOURCE = 16_384;

/** What one object, line or rule became; several proposals where one object means several things. */
export type Reading = readonly Found[] | Refusal | undefined;

/** A refusal with its texts cut to what a person reads. */
export function refusal(where: string, reason: RefusalReason, detail: string): Refusal {
  return { where: where.slice(0, 128), reason, detail: detail.slice(0, 300) };
}

/** A file's readings, sorted. */
export function knowledgeOf(format: KnowledgeFormat, readings: readonly Reading[]): Knowledge {
  const proposals = new Map<string, Found>(); // a file that says a thing twice says it once
  for (const reading of readings) {
    if (!isProposals(reading)) continue;
    for (const one of reading) proposals.set(`${one.key.pattern}\n${one.origin.source}`, one);
  }
  return {
    format,
    proposals: [...proposals.values()],
    refusals: readings.flatMap((reading) => (reading === undefined || isProposals(reading) ? [] : [reading])),
  };
}

function isProposals(reading: Reading): reading is readonly Found[] {
  return Array.isArray(reading);
}

/** The traffic light of a label in any spelling of TLP 1 and 2; `red` is one, too, and nothing is taken from it. */
export function tlpOf(label: string): Tlp | "red" | undefined {
  const word = label
    .trim()
    .toLowerCase()
    .replace(/^tlp[:-]/, "");
  if (word === "white") return "clear"; // TLP 1.0's name
  if (word === "red" || word === "clear" || word === "green" || word === "amber" || word === "amber+strict")
    return word;
  return undefined;
}
