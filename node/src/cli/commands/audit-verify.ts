import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { MAX_BUNDLE_BYTES } from "@anamnesis/sdk/evidence/parse";
import { MAX_TRUST_BYTES, parseTrust } from "@anamnesis/sdk/evidence/trust";
import type { Check, RecordFacts, SnapshotFacts, Trust, Verdict } from "@anamnesis/sdk/evidence/types";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
import { clean, type Style, short, table } from "../output.ts";
import type { Result } from "../program.ts";

/** What takes longer than a moment. */
const LARGE_BYTES = 1_000_000;
/** Records that people are shown one by one. */
const SHOWN = 20;
const STANCES = ["support", "refute", "withdraw"] as const;
const BASES = ["observed", "validated", "analyst"] as const;

/**
 * Verifies a bundle with nothing but the two files: no node, no network, no configuration.
 *
 * Exit 0 verified, 1 not verified.
 * @throws AnamnesisError `evidence.unreadable` | `evidence.trust`: exit 2
 */
export function verifyFile(file: string, trustFile: string): Result {
  const verdict = verdictOn(file, trustFile);
  return {
    json: verdict,
    raw: [verdict.conclusion],
    exit: verdict.verified ? 0 : 1,
    human: (style) =>
      [checks(verdict.checks, style), ...facts(verdict, style), sentence(verdict, style)].join("\n\n"),
  };
}

/** The verdict on a bundle. Throws as `verifyFile` does. */
export function verdictOn(file: string, trustFile: string): Verdict {
  const trust = parseTrust(
    readBounded(trustFile, MAX_TRUST_BYTES, (how) => new AnamnesisError("evidence.trust", `--trust ${how}`)),
  );
  const bytes = readBounded(
    file,
    MAX_BUNDLE_BYTES,
    (how) => new AnamnesisError("evidence.unreadable", `the bundle ${how}`),
  );
  return verifyAloud(bytes, trust);
}

/** Verifies; of a large bundle a terminal is told which check has begun. */
function verifyAloud(bytes: Uint8Array, trust: Trust): Verdict {
  if (!process.stderr.isTTY || bytes.length < LARGE_BYTES) return verifyEvidence(bytes, trust);
  const tell = (what: string) => void writeSync(process.stderr.fd, `\r\u001b[K${what}`);
  try {
    tell(`reading ${bytes.length} bytes …`);
    return verifyEvidence(bytes, trust, (name) => tell(`checking ${name} …`));
  } finally {
    tell("");
  }
}

/** Why the bundle or the trust file cannot be read, as an answer. Anything else is thrown. */
export function unreadable(error: unknown): Result {
  if (!isAnamnesisError(error, "evidence.unreadable") && !isAnamnesisError(error, "evidence.trust"))
    throw error;
  const { code, message } = error;
  return {
    json: { verified: false, conclusion: `Unreadable: ${message}.`, unreadable: { code, cause: message } },
    raw: [`Unreadable: ${message}.`],
    exit: 2,
    human: ({ bad }) => bad(`Unreadable: ${clean(message)} (${code}).`),
  };
}

/** Reads a regular file of at most `most` bytes; its size is asked before anything is read. */
export function readBounded(path: string, most: number, fault: (how: string) => AnamnesisError): Uint8Array {
  let handle: number;
  try {
    // Opening a pipe would wait for whoever writes into it.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw fault(`${path} cannot be opened (${(cause as NodeJS.ErrnoException).code})`);
  }
  try {
    const status = fstatSync(handle);
    if (!status.isFile()) throw fault(`${path} is no file`);
    if (status.size > most) throw fault(`${path} has ${status.size} bytes; at most ${most} are read`);
    const bytes = new Uint8Array(status.size);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(handle, bytes, length, bytes.length - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } catch (cause) {
    if (isAnamnesisError(cause)) throw cause;
    throw fault(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  } finally {
    closeSync(handle);
  }
}

function checks(all: readonly Check[], style: Style): string {
  const paint = { passed: style.good, failed: style.bad, "not run": style.soft };
  const width = Math.max(...all.map(({ name }) => name.length));
  return all
    .map(
      ({ name, result, detail }) =>
        `${paint[result](result.padEnd(7))}  ${name.padEnd(width)}  ${clean(detail)}`,
    )
    .join("\n");
}

function facts(verdict: Verdict, style: Style): string[] {
  if (!verdict.verified) return [];
  return verdict.facts.flatMap((snapshot) => recordsOf(snapshot, style));
}

function recordsOf({ block, records }: SnapshotFacts, style: Style): string[] {
  if (records.length === 0) return [];
  const rows = records
    .slice(0, SHOWN)
    .map((record) => [short(record.id), record.status.name, wordsOf(record), nameOf(record)]);
  const more =
    records.length > SHOWN ? `\n… and ${records.length - SHOWN} more; -o json has all of them` : "";
  return [`Block ${block.number}\n${table(["ID", "STATUS", "MEMBERS SAY", "RECORD"], rows, style)}${more}`];
}

/** Who says what: `1 observed, 2 3 validated`; support is not named. */
function wordsOf({ stances }: RecordFacts): string {
  const groups = Map.groupBy(stances, ({ stance, basis }) =>
    stance === 1 ? (BASES[basis - 1] as string) : `${STANCES[stance - 1]} (${BASES[basis - 1]})`,
  );
  return Array.from(groups, ([words, all]) => `${all.map(({ member }) => member).join(" ")} ${words}`).join(
    ", ",
  );
}

function nameOf({ name }: RecordFacts): string {
  return name.type === "indicator"
    ? name.pattern
    : `${name.object.x_anamnesis_action} ${short(name.indicator)}: ${name.object.name}`;
}

function sentence({ verified, conclusion }: Verdict, { good, bad }: Style): string {
  return verified ? good(clean(conclusion)) : bad(clean(conclusion));
}
