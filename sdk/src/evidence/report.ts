/** Keeps the checks with their results, and says at the end in one sentence what came of them. */
import { AnamnesisError } from "../core/errors.ts";
import type { Hex } from "../core/types.ts";
import type { Check, CheckName, EvidenceCode, EvidenceFailure, SnapshotFacts, Verdict } from "./types.ts";

/** The checks in their order, with what they count. */
const CHECKS: Readonly<Record<CheckName, (times: number) => string>> = {
  chain: () => "chain, contracts and genesis are those of the trust file",
  content: (times) => `${count(times, "content entry", "content entries")} under their commitments`,
  attestations: (times) => `${count(times, "signature")} by the keys shown`,
  state: (times) => `code, parameters, members and ${count(times, "key")} proved by storage`,
  registers: (times) => `${count(times, "register")} of active members, all there or proved to be empty`,
  status: (times) => `${count(times, "status", "statuses")} computed from the registers`,
  inclusion: (times) => `${count(times, "feed entry", "feed entries")} under anchored heads`,
  seals: (times) => `${count(times, "header")} from the trusted validators on`,
};
const NAMES = Object.keys(CHECKS) as readonly CheckName[];

/** A verification under way. */
export interface Report {
  /** Runs a check, or a part of it: what is found, or a throw. `times` is how much it looks at. */
  check<T>(name: CheckName, times: number, run: () => T): T;
  verified(facts: readonly SnapshotFacts[]): Verdict;
  /** Gives the verdict on an error of ours about evidence, and throws any other. */
  refused(error: unknown): Verdict;
}

/** Starts a report without results; `onCheck` hears of every check, or part of one, that begins. */
export function createReport(onCheck: (name: CheckName) => void = () => {}): Report {
  const done = new Map<CheckName, number>();
  let running: CheckName = "chain";
  const passed = (name: CheckName): Check => ({
    name,
    result: "passed",
    detail: CHECKS[name](done.get(name) ?? 0),
  });
  const unsealed = (): Check => ({
    name: "seals",
    result: "passed",
    detail: `${count(done.get("seals") ?? 0, "header")} of a chain that nobody seals, as the trust file allows`,
  });
  return {
    check(name, times, run) {
      running = name;
      onCheck(name);
      const found = run();
      done.set(name, (done.get(name) ?? 0) + times);
      return found;
    },
    verified: (facts) => ({
      verified: true,
      conclusion: `Verified: ${facts.map(describe).join("; ")}.`,
      checks: NAMES.map((name) => (name === "seals" && isUnsealed(facts) ? unsealed() : passed(name))),
      facts,
    }),
    refused(error) {
      if (!(error instanceof AnamnesisError) || !error.code.startsWith("evidence.")) throw error;
      const failure = failureOf(error);
      const failed = NAMES.indexOf(running);
      const checks = NAMES.map((name, at): Check => {
        if (at === failed) return { name, result: "failed", detail: error.message };
        return at < failed && done.has(name)
          ? passed(name)
          : { name, result: "not run", detail: `${running} failed before` };
      });
      const record = failure.record === undefined ? "" : `record ${failure.record}, `;
      const conclusion = `Not verified: ${record}${failure.field} ${failure.cause} (${failure.code}).`;
      return { verified: false, conclusion, checks, failure };
    },
  };
}

function isUnsealed(facts: readonly SnapshotFacts[]): boolean {
  return facts.some(({ block }) => block.validators === 0);
}

/** What is true at one block, as a part of the conclusion. */
function describe({ block, records, feeds }: SnapshotFacts): string {
  const entries = feeds.reduce((sum, feed) => sum + feed.entries.length, 0);
  const what = [
    ...(records.length > 0 ? [`${count(records.length, "record")} (${tally(records)})`] : []),
    ...(entries > 0 ? [count(entries, "feed entry", "feed entries")] : []),
  ];
  const seals =
    block.validators === 0
      ? "which nobody seals and the trust file allows"
      : `sealed by ${block.sealedBy.length} of ${block.validators} validators`;
  return `${what.join(" and ") || "the registry"} at block ${block.number} of ${timeOf(block.timestamp)}, ${seals}`;
}

function tally(records: SnapshotFacts["records"]): string {
  const names = new Map<string, number>();
  for (const { status } of records) names.set(status.name, (names.get(status.name) ?? 0) + 1);
  return [...names].map(([name, number]) => `${number} ${name}`).join(", ");
}

function timeOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString().replace(".000Z", "Z");
}

function count(value: number, noun: string, plural = `${noun}s`): string {
  return `${value} ${value === 1 ? noun : plural}`;
}

/** The fields that `refuse` put into an error. */
function failureOf({ code, details, message }: AnamnesisError): EvidenceFailure {
  return {
    code: code as EvidenceCode,
    field: String(details.field ?? "the bundle"),
    cause: String(details.cause ?? message),
    ...(typeof details.record === "string" && { record: details.record as Hex }),
  };
}
