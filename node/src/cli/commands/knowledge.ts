/* Knowledge from outside in, and the consortium's out, by files. */
import { readFileSync, statSync } from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { stixId } from "@anamnesis/sdk/core/ids";
import type { KnowledgeFormat, Origin } from "@anamnesis/sdk/core/types";
import type { KnownIndicator, ProposedView } from "@anamnesis/sdk/core/views";
import { type Knowledge, MAX_FILE, type Refusal } from "@anamnesis/sdk/knowledge/knowledge";
import { readKnowledge } from "@anamnesis/sdk/knowledge/read";
import { FIXED_OBJECTS, isTakenBack, writeIndicator } from "@anamnesis/sdk/knowledge/stix-write";
import { writeKnowledge } from "@anamnesis/sdk/knowledge/write";
import { writeNewFile } from "../new-file.ts";
import { count, table } from "../output.ts";
import type { Result } from "../program.ts";
import type { Session } from "../session.ts";

/** Lines shown of a list. */
const SHOWN = 20;

/** What `indicators import` takes. */
export interface ImportOptions {
  readonly format?: KnowledgeFormat;
  readonly dryRun?: true;
}

/**
 * Reads a file and proposes what it holds; with `dryRun` it only tells.
 * @throws AnamnesisError `config.invalid` when it cannot be read, `input.invalid` when it is no knowledge
 */
export async function importKnowledge(
  ask: Session["ask"] | undefined,
  path: string,
  options: ImportOptions,
  nowMs: number,
): Promise<Result> {
  const knowledge = readKnowledge(fileText(path), nowMs, options.format);
  const proposals = knowledge.proposals.map(({ form: _, ...proposal }) => proposal);
  const proposed = options.dryRun === true ? undefined : await ask?.propose(proposals);
  return {
    json: { ...knowledge, ...(proposed && { proposed }) },
    raw: knowledge.proposals.map(({ key }) => key.pattern),
    human: (style) =>
      [...summary(knowledge, proposed), ...refusalLines(knowledge.refusals, style)].join("\n"),
    exit: knowledge.proposals.length === 0 ? 1 : 0,
  };
}

function summary({ format, proposals, refusals }: Knowledge, proposed: ProposedView | undefined): string[] {
  const applied = proposals.filter(({ form }) => form !== null).length;
  const lines = [
    `${format}: ${count(proposals.length, "indicator")}, ${applied} of them for controls, ${refusals.length} refused`,
  ];
  if (proposed === undefined) return [...lines, "Nothing was proposed (dry run)."];
  const { queued, known, stopped } = proposed;
  lines.push(
    `${queued} now await release, ${known} are known already, ${stopped.length} stopped by negative selection`,
  );
  for (const { value, code, entry } of stopped.slice(0, SHOWN)) lines.push(`  ${value}: ${code}, ${entry}`);
  if (stopped.length > SHOWN) lines.push(`  and ${stopped.length - SHOWN} more (-o json shows all)`);
  if (queued > 0)
    lines.push("Look at them with anamnesis detections review; nothing of them acts before its release.");
  return lines;
}

function refusalLines(refusals: readonly Refusal[], style: Parameters<typeof table>[2]): string[] {
  if (refusals.length === 0) return [];
  const byReason = new Map<string, { count: number; example: Refusal }>();
  for (const refusal of refusals) {
    const held = byReason.get(refusal.reason);
    byReason.set(refusal.reason, { count: (held?.count ?? 0) + 1, example: held?.example ?? refusal });
  }
  const rows = [...byReason].map(([reason, { count: times, example }]) => [
    reason,
    String(times),
    `${example.where}: ${example.detail}`,
  ]);
  return ["", table(["REFUSED", "TIMES", "FOR EXAMPLE"], rows, style)];
}

/**
 * Writes indicators in one format: those that came in it as they were written, and for STIX this
 * consortium's own, too, each under its TLP. AMBER+STRICT leaves in no file.
 * @throws AnamnesisError `config.invalid` when the file is there or cannot be written
 */
export async function exportKnowledge(
  ask: Session["ask"],
  format: KnowledgeFormat,
  path: string | undefined,
): Promise<Result> {
  const origins: Origin[] = [];
  const known = ask.knowledge();
  let step = await known.next();
  for (; step.done !== true; step = await known.next()) {
    const { object } = step.value;
    const origin = object.x_anamnesis_origin;
    // What members took back leaves as revoked, where a format has a word for it, and else not at all.
    if (origin?.format === format && !isTakenBack(step.value.status)) origins.push(origin);
    else if (format === "stix") origins.push({ format, id: object.id, source: stixSource(step.value) });
  }
  const withheld = step.value;
  const text = writeKnowledge(format, origins, bundleIdOf(origins));
  if (path !== undefined) writeNewFile(path, text, 0o600);
  const left = withheld > 0 ? `; ${withheld} stay, TLP:AMBER+STRICT leaves in no file` : "";
  return {
    json: {
      format,
      indicators: origins.length,
      withheld,
      ...(path === undefined ? { text } : { file: path }),
    },
    raw: path === undefined ? [text.trimEnd()] : [path],
    human: () => (path === undefined ? text : `${count(origins.length, "indicator")} in ${path}${left}\n`),
  };
}

/** An indicator of ours, or of another format with its origin, as STIX under its TLP. */
function stixSource(known: KnownIndicator): string {
  return JSON.stringify([writeIndicator(known), ...FIXED_OBJECTS]);
}

/** The same indicators are the same bundle. */
function bundleIdOf(origins: readonly Origin[]): string {
  return stixId("bundle", origins.map(({ source }) => source).join("\n"));
}

function fileText(path: string): string {
  try {
    if (path !== "-" && statSync(path).size > 4 * MAX_FILE)
      throw new AnamnesisError("input.tooLarge", `${path} is larger than ${MAX_FILE} characters; split it`);
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (cause) {
    if (cause instanceof AnamnesisError) throw cause;
    throw new AnamnesisError(
      "config.invalid",
      `${path} cannot be read; give a file, or - for standard input`,
      { cause },
    );
  }
}
