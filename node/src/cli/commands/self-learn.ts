import { parseRange } from "@anamnesis/sdk/core/address-set";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Evidence, Seen } from "@anamnesis/sdk/learn/fold";
import { type HeldBack, proposeSelf, type SelfProposal } from "@anamnesis/sdk/learn/propose";
import { writeNewFile } from "../new-file.ts";
import { type Style, table } from "../output.ts";
import type { Result } from "../program.ts";
import { draftOf } from "./self-draft.ts";
import { describeFiles, readTraffic, type TrafficOptions, trafficJson } from "./self-traffic.ts";

/** Options of `anamnesis self learn`. */
export interface LearnOptions extends TrafficOptions {
  /** CIDR ranges of the plant beside the private ones. */
  readonly network?: readonly string[];
  /** A new file for the draft. */
  readonly out?: string;
}

/**
 * Proposes Self from the plant's own logs: a report first, and with `out` a self.yaml that nobody has
 * confirmed. Exit code 1 when something suspicious was held back, or nothing was learnt.
 *
 * Throws `input.invalid` for what cannot be read, `config.invalid` for an `out` that exists.
 */
export async function learnSelf(
  paths: readonly string[],
  options: LearnOptions,
  nowMs: number,
): Promise<Result> {
  const networks = checkNetworks(options.network);
  const traffic = await readTraffic(paths, options, nowMs);
  const proposal = proposeSelf(traffic.fold, networks);
  const text = draftOf(proposal, traffic.fold);
  if (options.out !== undefined) writeNewFile(options.out, text, 0o600);
  const suspicious = proposal.heldBack.filter(isSuspicious);
  return {
    json: { ...(trafficJson(traffic) as object), ...proposal, out: options.out ?? null },
    raw: [text.trimEnd()],
    human: (style) => describe(describeFiles(traffic), proposal, options.out, style),
    exit: suspicious.length > 0 || proposal.entries.length === 0 ? 1 : 0,
  };
}

/** CIDR ranges as they were given. Throws `input.invalid`. */
export function checkNetworks(networks: readonly string[] = []): readonly string[] {
  const wrong = networks.find((text) => parseRange(text) === undefined);
  if (wrong === undefined) return networks;
  throw new AnamnesisError(
    "input.invalid",
    `--network ${wrong} is no address or CIDR range without host bits, as 10.2.2.0/24`,
  );
}

function isSuspicious({ reason }: HeldBack): boolean {
  return reason === "alert" || reason === "scan" || reason === "outside";
}

function describe(
  head: readonly string[],
  proposal: SelfProposal,
  out: string | undefined,
  style: Style,
): string {
  const entries = proposal.entries.map((entry) => [entry.part, entry.value, entry.why, ...seenCells(entry)]);
  const conduits = proposal.conduits.map((one) => [
    "conduit",
    `${one.from} to ${one.to}`,
    `modbus ${one.functions.join(", ")}`,
    ...seenCells(one),
  ]);
  const held = proposal.heldBack.map((one) => [
    one.reason,
    one.value,
    `${one.text}${one.names === undefined ? "" : `: ${one.names.join(", ")}`}`,
    ...seenCells(one),
  ]);
  const suspicious = proposal.heldBack.filter(isSuspicious).length;
  const titles = (first: string) => [first, "VALUE", "WHY", "COUNT", "FIRST", "LAST", "EVIDENCE"];
  return [
    head.join("\n"),
    entries.length + conduits.length === 0
      ? "nothing is proposed"
      : table(titles("PROPOSED"), [...entries, ...conduits], style),
    ...(held.length === 0 ? [] : [table(titles("NOT PROPOSED"), held, style)]),
    ...(suspicious === 0
      ? []
      : [style.bad(`${suspicious} suspicious: these logs may hold an attack; look before anything is used`)]),
    out === undefined
      ? style.soft("nothing was written; --out self.yaml writes a draft")
      : `draft: ${out}; read it, set confirmedAt, and name it under self.file in plant.yaml`,
  ].join("\n\n");
}

/** Count, first, last and evidence of a row. */
export function seenCells({ count, firstMs, lastMs, evidence }: Seen): string[] {
  return [String(count), stamp(firstMs), stamp(lastMs), evidence.map(place).join(" ")];
}

/** A moment without its milliseconds. */
export function stamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function place({ file, line }: Evidence): string {
  return `${file}:${line}`;
}
