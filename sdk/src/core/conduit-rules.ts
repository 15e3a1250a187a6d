/**
 * What a conduit gateway enforces, as text: one rule a line, so that an operator can read and remove
 * it with nothing but an editor. The set in a rule is the set the checker saw.
 */
import { AnamnesisError } from "./errors.ts";
import { sha256Hex } from "./hash.ts";

/** Whose commands, to which controllers, are refused or watched for. */
export interface ConduitRule {
  readonly indicator: string;
  /** alert: reported; deny: answered with an exception; block: nothing of the source passes. */
  readonly action: "alert" | "deny" | "block";
  /** Addresses and CIDR ranges. */
  readonly sources: readonly string[];
  /** The same, or `any`. */
  readonly destinations: readonly string[];
  /** Modbus function codes; empty: whatever the source sends. */
  readonly functions: readonly number[];
  /** ms since the epoch; the gateway itself ends the rule. */
  readonly expiresAtMs: number;
}

/** A rule without whose it is and until when: the statement of an application. */
export type ConduitStatement = Omit<ConduitRule, "indicator" | "expiresAtMs">;

/** The statement of a rule as text. */
export function conduitStatement({ action, sources, destinations, functions }: ConduitStatement): string {
  return JSON.stringify({ action, sources, destinations, functions });
}

/** One line of a rule file. */
export function conduitLine(indicator: string, expiresAtMs: number, statement: string): string {
  return `{"indicator":${JSON.stringify(indicator)},"expiresAtMs":${Math.ceil(expiresAtMs)},${statement.slice(1)}\n`;
}

/** What a gateway says it holds, a word for each rule: the indicator and 16 digits of its statement's SHA-256. */
export function conduitKey(indicator: string, statement: string): string {
  return `${indicator} ${sha256Hex(statement).slice(0, 16)}`;
}

/** Reads one line of a rule file; throws `input.invalid` with what is wrong. */
export function parseConduitLine(line: string): ConduitRule {
  let value: Partial<ConduitRule>;
  try {
    value = JSON.parse(line) as Partial<ConduitRule>;
  } catch {
    throw flaw(line, "is not JSON");
  }
  const { indicator, action, sources, destinations, functions, expiresAtMs } = value ?? {};
  if (typeof indicator !== "string" || indicator === "") throw flaw(line, "names no indicator");
  if (action !== "alert" && action !== "deny" && action !== "block") throw flaw(line, "has no action");
  if (!isTexts(sources) || !isTexts(destinations)) throw flaw(line, "has no sources or destinations");
  if (
    !Array.isArray(functions) ||
    !functions.every((code) => Number.isInteger(code) && code > 0 && code < 128)
  )
    throw flaw(line, "has functions that are none (1–127)");
  // A rule that refuses commands says which: one without would take the reads, too.
  if (action === "deny" && functions.length === 0) throw flaw(line, "denies without functions");
  if (typeof expiresAtMs !== "number" || !Number.isFinite(expiresAtMs)) throw flaw(line, "does not end");
  return { indicator, action, sources, destinations, functions, expiresAtMs };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string");
}

function flaw(line: string, what: string): AnamnesisError {
  return new AnamnesisError("input.invalid", `the rule ${JSON.stringify(line.slice(0, 80))} ${what}`);
}
