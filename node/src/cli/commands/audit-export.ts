import { existsSync } from "node:fs";
import { link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import type { EvidenceReport, EvidenceSelection } from "@anamnesis/sdk/core/views";
import { MAX_TRUST_BYTES, parseTrust } from "@anamnesis/sdk/evidence/trust";
import { count, pairs, type Style, short } from "../output.ts";
import type { Globals, Result } from "../program.ts";
import { withSession } from "../session.ts";

/** Options of `audit export`. */
export interface ExportOptions {
  readonly record?: readonly string[];
  readonly since?: string;
  readonly all?: true;
  readonly out: string;
  readonly history?: true;
  readonly trust?: string;
  readonly force?: true;
}

const UNITS = { min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** What takes longer says how far it is, ms. */
const SILENT_MS = 1000;
/** Reasons that are shown one by one. */
const SHOWN = 10;

/** Exports evidence into a file: whole, synced and then named, or not at all. */
export async function exportEvidence(globals: Globals, options: ExportOptions): Promise<Result> {
  const out = resolve(options.out);
  if (options.force !== true && existsSync(out)) throw exists(out);
  const selection = await selectionOf(options, Date.now());
  const { onProgress, end } = createProgress();
  try {
    const { bundle, report } = await withSession(globals, { offline: true }, ({ ask }) =>
      ask.evidence(selection, { onProgress }),
    );
    if (toHex(sha256(bundle)) !== report.sha256)
      throw new AnamnesisError("api.unavailable", "the bundle came torn from the node; export it again");
    await writeWhole(out, bundle, options.force === true);
    end();
    return show(out, report);
  } finally {
    end();
  }
}

async function selectionOf(options: ExportOptions, nowMs: number): Promise<EvidenceSelection> {
  const { record, since, all, history, trust } = options;
  const given = [record, since, all].filter((each) => each !== undefined).length;
  if (given !== 1)
    throw new AnamnesisError("config.invalid", "give one of --record ID, --since TIME and --all");
  const which =
    record !== undefined
      ? { records: record }
      : since !== undefined
        ? { sinceMs: parseSince(since, nowMs) }
        : { all: true as const };
  const anchor = trust === undefined ? undefined : await anchorOf(trust);
  return { ...which, ...(history === true && { history }), ...(anchor !== undefined && { anchor }) };
}

/** A moment as 2026-11-25T18:00Z, or so long ago as 90min, 12h or 3d. Throws `config.invalid`. */
export function parseSince(text: string, nowMs: number): number {
  const [, amount, unit] = /^(\d{1,6})(min|h|d)$/.exec(text) ?? [];
  const isTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const atMs =
    unit !== undefined
      ? Math.floor(nowMs) - Number(amount) * UNITS[unit as keyof typeof UNITS]
      : isTime
        ? Date.parse(text.replace(" ", "T"))
        : Number.NaN;
  if (atMs >= 0) return atMs;
  throw new AnamnesisError(
    "config.invalid",
    `--since ${text}: give a moment as 2026-11-25T18:00Z, or how long ago: 90min, 12h or 3d`,
  );
}

/** Where the auditor's knowledge of the validators begins. */
async function anchorOf(file: string): Promise<EvidenceSelection["anchor"]> {
  const size = await stat(file).then(
    (found) => (found.isFile() ? found.size : Number.POSITIVE_INFINITY),
    () => Number.POSITIVE_INFINITY,
  );
  if (size > MAX_TRUST_BYTES)
    throw new AnamnesisError("evidence.trust", `--trust ${file} cannot be read or is no trust file`);
  return parseTrust(await readFile(file)).validators.at(-1);
}

async function writeWhole(out: string, bytes: Uint8Array, force: boolean): Promise<void> {
  const draft = `${out}.${process.pid}.tmp`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link takes no other file's place, whoever made one meanwhile.
    if (force) await rename(draft, out);
    else await link(draft, out);
    const folder = await open(dirname(out), "r");
    await folder.sync().finally(() => folder.close());
  } catch (cause) {
    if (isAnamnesisError(cause)) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw exists(out);
    throw new AnamnesisError("config.invalid", `--out ${out} cannot be written (${code})`, { cause });
  } finally {
    await rm(draft, { force: true });
  }
}

function createProgress() {
  const begun = performance.now();
  let told = false;
  return {
    onProgress(step: string) {
      if (!process.stderr.isTTY || performance.now() - begun < SILENT_MS) return;
      told = true;
      process.stderr.write(`\r\u001b[K${step} …`);
    },
    end() {
      if (told) process.stderr.write("\r\u001b[K");
      told = false;
    },
  };
}

function show(out: string, report: EvidenceReport): Result {
  return {
    json: { file: out, ...report },
    raw: [out],
    human: (style) => [`Written: ${out}`, summary(report, style), ...reasons(report, style)].join("\n\n"),
  };
}

function summary({ snapshots, bytes, sha256: digest }: EvidenceReport, style: Style): string {
  const rows = snapshots.map(({ block, source, records, entries }) => [
    `block ${block}`,
    `${count(records, "record")}, ${entries} sightings and receipts, proved ${source === "chain" ? "by the chain now" : "by the archive"}`,
  ]);
  return pairs([...(rows as [string, string][]), ["size", `${bytes} bytes`], ["sha256", digest]], style);
}

function reasons({ withheld, left }: EvidenceReport, style: Style): string[] {
  const lines = [
    ...left.map(({ record, reason }) => `not in it: record ${short(record)} ${reason}`),
    ...withheld.map(({ commitment, reason }) => `only its commitment: ${short(commitment)} (${reason})`),
  ];
  if (lines.length === 0) return [];
  const more = lines.length > SHOWN ? [`… and ${lines.length - SHOWN} more; -o json has all of them`] : [];
  return [[...lines.slice(0, SHOWN), ...more].map(style.soft).join("\n")];
}

function exists(out: string): AnamnesisError {
  return new AnamnesisError("config.invalid", `--out ${out} exists; give another name, or --force`);
}
