/** The rules a gateway holds, and what they say of one source. */
import { parseRange } from "@anamnesis/sdk/core/address-set";
import {
  type ConduitRule,
  conduitKey,
  conduitStatement,
  parseConduitLine,
} from "@anamnesis/sdk/core/conduit-rules";

/** What holds for one source at one controller, until something changes. */
export interface Judgement {
  /** The indicator by which nothing of the source passes. */
  readonly blockedBy: string | undefined;
  /** By function: the indicator by which it is refused. */
  readonly refused: ReadonlyMap<number, string>;
  /** By function, 0 for every one: the indicator that is watched for. */
  readonly watched: ReadonlyMap<number, string>;
  /** When it has to be worked out again, ms since the epoch. */
  readonly untilMs: number;
}

/** A rule file, read. */
export interface RuleBook {
  /** What each rule is known by (see `conduitKey`). */
  keys(nowMs: number): readonly string[];
  judge(source: string, controller: string, nowMs: number): Judgement;
}

/**
 * Reads a rule file whole; one line that cannot be read refuses all of it.
 * @throws AnamnesisError `input.invalid`
 */
export function readRules(text: string): RuleBook {
  const rules = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => parseConduitLine(line));
  /** Most rules name single addresses: found at once. The others are looked through. */
  const bySource = new Map<string, ConduitRule[]>();
  const wide: ConduitRule[] = [];
  for (const rule of rules) {
    if (rule.sources.some((source) => source.includes("/") || source === "any")) wide.push(rule);
    else {
      for (const source of rule.sources) {
        const list = bySource.get(source);
        if (list === undefined) bySource.set(source, [rule]);
        else list.push(rule);
      }
    }
  }

  let keys: readonly string[] | undefined;
  return {
    keys(nowMs) {
      keys ??= rules.map((rule) => conduitKey(rule.indicator, conduitStatement(rule)));
      return keys.filter((_, i) => nowMs < (rules[i] as ConduitRule).expiresAtMs);
    },
    judge(source, controller, nowMs) {
      const refused = new Map<number, string>();
      const watched = new Map<number, string>();
      let blockedBy: string | undefined;
      let untilMs = Number.POSITIVE_INFINITY;
      for (const rule of [...(bySource.get(source) ?? []), ...wide]) {
        if (nowMs >= rule.expiresAtMs) continue;
        if (!holds(rule.sources, source) || !holds(rule.destinations, controller)) continue;
        untilMs = Math.min(untilMs, rule.expiresAtMs);
        if (rule.action === "block") blockedBy ??= rule.indicator;
        const functions = rule.functions.length === 0 ? [0] : rule.functions;
        const into = rule.action === "deny" ? refused : watched;
        for (const code of functions) if (!into.has(code)) into.set(code, rule.indicator);
      }
      return { blockedBy, refused, watched, untilMs };
    },
  };
}

/** No rules: everything passes. */
export const NO_RULES: RuleBook = readRules("");

function holds(side: readonly string[], address: string): boolean {
  if (side.includes("any") || side.includes(address)) return true;
  const own = parseRange(address);
  if (own === undefined) return false;
  return side.some((text) => {
    const range = parseRange(text);
    return (
      range !== undefined && range.family === own.family && range.first <= own.first && own.last <= range.last
    );
  });
}
