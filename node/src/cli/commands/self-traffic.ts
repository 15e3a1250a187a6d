import { statSync } from "node:fs";
import { basename } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Self } from "@anamnesis/sdk/core/types";
import { formatNamed } from "@anamnesis/sdk/formats/formats";
import { isZone } from "@anamnesis/sdk/formats/zone";
import { createFolder, type TrafficFold } from "@anamnesis/sdk/learn/fold";
import { type Inspection, inspectFile } from "../../adapters/detectors/inspect-file.ts";
import { NOBODY } from "../../self-config.ts";

/** How logs are read for learning. */
export interface TrafficOptions {
  readonly format?: string;
  readonly zone?: string;
}

/** Logs as traffic, with what each file was. */
export interface ReadTraffic {
  readonly fold: TrafficFold;
  readonly files: readonly Inspection[];
}

/** Of one file at most this much text is read. */
const MOST_BYTES = 4 * 1024 ** 3;

/**
 * Reads logs of any format, packed or not, for who speaks to whom.
 *
 * Throws `input.invalid` for a path, format or zone that is none, and for a file in no known format.
 */
export async function readTraffic(
  paths: readonly string[],
  options: TrafficOptions,
  nowMs: number,
  self: Self = NOBODY,
): Promise<ReadTraffic> {
  if (options.format !== undefined) formatNamed(options.format);
  if (options.zone !== undefined && !isZone(options.zone))
    throw new AnamnesisError(
      "input.invalid",
      `--zone is ${options.zone}; give UTC, an IANA name or an offset as +02:00`,
    );
  const folder = createFolder(nowMs);
  const files: Inspection[] = [];
  for (const path of paths) {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
      throw new AnamnesisError("input.invalid", `${path} is no file that can be read`);
    const file = basename(path);
    const found = await inspectFile(path, {
      ...options,
      self,
      readAtMs: nowMs,
      mostBytes: MOST_BYTES,
      examples: 0,
      onTraffic: (traffic, line) => folder.add(traffic, { file, line }),
      onOutcome: (outcome, line) => {
        if (outcome.kind === "detection") folder.alert(outcome.detection, { file, line });
      },
    });
    if (found.format === null)
      throw new AnamnesisError(
        "input.invalid",
        `${path} is in no format that is known here; see anamnesis detect, or give --format`,
      );
    files.push(found);
  }
  return { fold: folder.fold(), files };
}

/** What was read, in lines for people. */
export function describeFiles({ fold, files }: ReadTraffic): readonly string[] {
  const unread = (found: Inspection) =>
    Object.values(found.rejected).reduce((sum: number, each) => sum + (each ?? 0), 0);
  const period =
    fold.firstMs === undefined || fold.lastMs === undefined
      ? "no traffic"
      : `${new Date(fold.firstMs).toISOString()} to ${new Date(fold.lastMs).toISOString()}`;
  return [
    ...files.map((found) => {
      const rejected = unread(found);
      return `${found.path}: ${found.title}, ${found.lines} lines, ${found.detections} alerts, ${rejected} unreadable${found.complete ? "" : ", cut at 4 GiB"}${found.damage === null ? "" : `, ${found.damage}`}`;
    }),
    `${fold.records} records of traffic, ${period}, in ${fold.slots} five-minute slots`,
    ...(fold.future > 0 ? [`${fold.future} records are dated in the future and were left out`] : []),
    ...(fold.overflow > 0 ? [`${fold.overflow} records were too many different ones to keep`] : []),
  ];
}

/** Figures of what was read, for programs. */
export function trafficJson({ fold, files }: ReadTraffic): unknown {
  return {
    files: files.map(({ path, format, lines, detections, rejected, complete, damage }) => ({
      path,
      format,
      lines,
      detections,
      rejected,
      complete,
      damage,
    })),
    records: fold.records,
    future: fold.future,
    overflow: fold.overflow,
    firstMs: fold.firstMs ?? null,
    lastMs: fold.lastMs ?? null,
    slots: fold.slots,
  };
}
