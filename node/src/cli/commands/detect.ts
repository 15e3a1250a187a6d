import { statSync } from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Detection } from "@anamnesis/sdk/core/types";
import { FORMAT_NAMES, formatNamed } from "@anamnesis/sdk/formats/formats";
import { isZone } from "@anamnesis/sdk/formats/zone";
import { type Inspection, inspectFile } from "../../adapters/detectors/inspect-file.ts";
import { readConfig } from "../../config.ts";
import { loadMapping } from "../../mapping-file.ts";
import { NOBODY } from "../../self-config.ts";
import { type Style, table } from "../output.ts";
import type { Result } from "../program.ts";

/** Options of `anamnesis detect`. */
export interface DetectOptions {
  readonly format?: string;
  readonly zone?: string;
  /** A YAML file that says how a site's own JSON is read. */
  readonly mapping?: string;
  /** plant.yaml, whose Self says who is who; else nobody is the plant's own. */
  readonly config?: string;
}

/**
 * What a file (`-`: standard input) is, why, and what each of its lines became. Nothing is stored and no node is asked.
 * Exit code 1 when no format fits. Throws `input.invalid` for a path, format or zone that is none.
 */
export async function detectFile(path: string, options: DetectOptions, nowMs: number): Promise<Result> {
  if (options.format !== undefined) formatNamed(options.format);
  if (options.zone !== undefined && !isZone(options.zone))
    throw new AnamnesisError(
      "input.invalid",
      `--zone is ${options.zone}; give UTC, an IANA name or an offset as +02:00`,
    );
  if (options.mapping !== undefined && options.format !== undefined && options.format !== "mapping")
    throw new AnamnesisError(
      "input.invalid",
      `--mapping is for the format mapping, not for ${options.format}`,
    );
  if (path !== "-" && statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new AnamnesisError("input.invalid", `${path} is no file that can be read`);
  const mapping = options.mapping === undefined ? undefined : loadMapping(options.mapping).mapping;
  const self = options.config === undefined ? NOBODY : readConfig(options.config).self;
  const format = mapping === undefined ? options.format : "mapping";
  const found = await inspectFile(path === "-" ? process.stdin : path, {
    self,
    readAtMs: nowMs,
    ...(format !== undefined && { format }),
    ...(mapping !== undefined && { mapping }),
    ...(options.zone !== undefined && { zone: options.zone }),
  });
  return {
    json: found,
    raw: [found.format ?? "unknown"],
    human: (style) => describe(found, style),
    exit: found.format === null ? 1 : 0,
  };
}

function describe(found: Inspection, style: Style): string {
  const { format, title, score, why, others, encoding, packed } = found;
  const known = format === null ? style.bad(`unknown: ${why}`) : `${title} (format: ${format})`;
  const also = Object.entries(others).map(([name, points]) => `${name} ${points}`);
  const size = `${found.lines} lines, ${found.bytes} bytes of ${encoding}${packed ? ", packed with gzip" : ""}`;
  const head = [
    known,
    format === null ? `known formats: ${FORMAT_NAMES.join(", ")}` : `${why}; ${score} of 100`,
    ...(also.length > 0 ? [style.soft(`could also be: ${also.join(", ")}`)] : []),
    found.complete ? size : `${size}; there is more, which was not read`,
    ...(found.damage === null ? [] : [style.bad(found.damage)]),
  ];
  const rows: string[][] = [];
  const add = (outcome: string, count: number, example: string) =>
    rows.push([outcome, String(count), example]);
  if (found.detections > 0)
    add("detection", found.detections, `${found.attackers} name an attacker; the others block nothing`);
  for (const [kind, count] of byCount(found.context)) add("context", count, kind);
  for (const [reason, count] of byCount(found.rejected as Record<string, number>))
    add(reason, count, found.rejectedExamples[reason as keyof typeof found.rejectedExamples] ?? "");
  const outcomes = rows.length === 0 ? "" : table(["OUTCOME", "COUNT", "WHAT"], rows, style);
  const alerts = found.examples.map((detection) => alertRow(detection));
  const examples =
    alerts.length === 0 ? "" : table(["TIME", "SEVERITY", "ATTACKER", "VICTIM", "RULE"], alerts, style);
  return [head.join("\n"), outcomes, examples].filter((part) => part !== "").join("\n\n");
}

function byCount(counts: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return Object.entries(counts).sort((a, b) => b[1] - a[1]);
}

function alertRow({ atMs, severity, attacker, victim, rule, flags = [] }: Detection): string[] {
  const end = (at: Detection["attacker"]): string =>
    at === undefined ? "unknown" : at.port === undefined ? at.address : `${at.address} port ${at.port}`;
  const time = new Date(atMs).toISOString();
  return [
    flags.includes("time.read") ? `${time} (read)` : time,
    severity === null ? "unset" : String(severity),
    end(attacker),
    end(victim),
    `${rule.engine} ${rule.id}: ${rule.name}`,
  ];
}
