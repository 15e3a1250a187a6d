/** Immunity as it is shown: counted from the feeds' own receipts and sightings. */
import type { Address, IndicatorId, MemberNumber, ReceiptBody, Status } from "./types.ts";

/** One plant (a node's feed) and one attack. */
export interface PlantImmunity {
  readonly feed: Address;
  readonly member: MemberNumber | null;
  /** What is in force there by its receipts: `protected` at deny or above, `warned` at alert. */
  readonly state: "protected" | "warned" | "none";
  readonly proof: ReceiptBody["proof"];
  /** Whether its receipts ever spoke of deny or above: in force, ended, or put off by the hourly budget. */
  readonly able: boolean;
  /** From the first alert anywhere to its first receipt, ms; null when there is none. Clocks are the plants' own. */
  readonly warnedAfterMs: number | null;
  readonly protectedAfterMs: number | null;
  /** How often it met the attack, when first (ms since the epoch), and what was in force there by then. */
  readonly sightings: number;
  readonly metMs: number | null;
  readonly metAs: "protected" | "warned" | "none" | null;
  /** Controls whose last word is that it is in force, though the record is over. */
  readonly pendingUndo: readonly string[];
  /** Controls whose last word gave an end that is past: renewed since, or not undone. */
  readonly pastEnd: readonly string[];
}

/** Coverage: who is protected of those who can be. */
export interface Coverage {
  /** Plants that said anything of it. */
  readonly plants: number;
  readonly able: number;
  readonly protected: number;
  readonly warned: number;
}

/** Meetings with an attack after its first plant's: what was in force where it came. */
export interface SecondExposure {
  readonly met: number;
  readonly protected: number;
  readonly warned: number;
}

/** One attack. */
export interface RecordImmunity {
  readonly indicator: IndicatorId;
  readonly name: string;
  readonly status: Status["name"];
  /** When the first plant wrote of it, right after its first alert was read; never the sensor's own time. */
  readonly firstAlertMs: number | null;
  readonly coverage: Coverage;
  readonly secondExposure: SecondExposure;
  readonly pendingUndo: number;
  readonly plants: readonly PlantImmunity[];
}

/** Times of plants, ms. */
export interface Times {
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
}

/** Immunity of all plants against all attacks, or against one. */
export interface ImmunityView {
  /** When it was counted, ms since the epoch. */
  readonly atMs: number;
  readonly indicators: number;
  /** Sums over the indicators. */
  readonly coverage: Coverage;
  readonly secondExposure: SecondExposure;
  /** At plants other than the one that met it first. */
  readonly warnedAfter: Times;
  readonly protectedAfter: Times;
  readonly pendingUndo: number;
  /** The newest first, at most as many as were asked for. */
  readonly records: readonly RecordImmunity[];
}
