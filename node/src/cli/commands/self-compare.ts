import type { Self } from "@anamnesis/sdk/core/types";
import { findDrift } from "@anamnesis/sdk/learn/drift";
import { compareSelves } from "@anamnesis/sdk/learn/entries";
import { proposeSelf } from "@anamnesis/sdk/learn/propose";
import { readSelf, readSelfText } from "../../self-config.ts";
import { table } from "../output.ts";
import type { Result } from "../program.ts";
import { draftOf } from "./self-draft.ts";
import { checkNetworks, seenCells, stamp } from "./self-learn.ts";
import { describeFiles, readTraffic, type TrafficOptions, trafficJson } from "./self-traffic.ts";

/** Options of `anamnesis self diff` and `anamnesis self drift`. */
export interface CompareOptions extends TrafficOptions {
  readonly network?: readonly string[];
}

/**
 * What the second Self says and the first does not, and the other way round. Instead of the second
 * Self there may be logs: then it is what would be learnt from them. Exit code 1 when they differ.
 *
 * Throws `config.invalid` and `input.invalid`.
 */
export async function diffSelves(
  before: string,
  after: readonly string[],
  options: CompareOptions,
  nowMs: number,
): Promise<Result> {
  const old = readSelf(before);
  const now = /\.ya?ml$/i.test(after[0] ?? "")
    ? readSelf(after[0] as string)
    : await learnt(after, options, nowMs);
  const differences = compareSelves(old, now);
  return {
    json: {
      differences: differences.map(({ change, entry }) => ({ change, ...entry })),
      confirmedAtMs: { before: old.confirmedAtMs, after: now.confirmedAtMs },
    },
    raw: differences.map(
      ({ change, entry }) => `${change === "added" ? "+" : "-"} ${entry.place}\t${entry.value}`,
    ),
    human: (style) =>
      differences.length === 0
        ? "no difference"
        : table(
            ["", "WHERE", "VALUE"],
            differences.map(({ change, entry }) => [
              change === "added" ? "+" : "-",
              entry.place,
              entry.value,
            ]),
            style,
          ),
    exit: differences.length === 0 ? 0 : 1,
  };
}

async function learnt(logs: readonly string[], options: CompareOptions, nowMs: number): Promise<Self> {
  const { fold } = await readTraffic(logs, options, nowMs);
  return readSelfText(draftOf(proposeSelf(fold, checkNetworks(options.network)), fold), logs[0] ?? "logs");
}

/**
 * What of Self was not seen for so many days, and what traffic Self does not know. Exit code 1 when
 * there is any of it. Throws `config.invalid` and `input.invalid`.
 */
export async function showDrift(
  self: Self,
  logs: readonly string[],
  options: CompareOptions & { readonly days: number },
  nowMs: number,
): Promise<Result> {
  const networks = checkNetworks(options.network);
  const traffic = await readTraffic(logs, options, nowMs, self);
  const drift = findDrift(self, traffic.fold, { days: options.days, nowMs, networks });
  const age = `Self was confirmed ${drift.ageDays > 3650 ? "by nobody" : `${Math.floor(drift.ageDays)} days ago`}`;
  return {
    json: {
      ...(trafficJson(traffic) as object),
      ageDays: drift.ageDays,
      unseen: drift.unseen.map(({ lastMs, ...entry }) => ({ ...entry, lastMs: lastMs ?? null })),
      outside: drift.outside,
      suspicions: traffic.fold.suspicions,
    },
    raw: [
      ...drift.unseen.map(({ place, value }) => `unseen\t${place}\t${value}`),
      ...drift.outside.map(({ what, value, text }) => `${what}\t${value}\t${text}`),
    ],
    human: (style) =>
      [
        [...describeFiles(traffic), age].join("\n"),
        drift.unseen.length === 0
          ? `everything in Self was seen in the last ${options.days} days`
          : table(
              ["UNSEEN", "VALUE", "LAST SEEN"],
              drift.unseen.map(({ place, value, lastMs }) => [
                place,
                value,
                lastMs === undefined ? "never" : stamp(lastMs),
              ]),
              style,
            ),
        drift.outside.length === 0
          ? "no traffic outside Self"
          : table(
              ["OUTSIDE", "VALUE", "WHAT", "COUNT", "FIRST", "LAST", "EVIDENCE"],
              drift.outside.map((one) => [one.what, one.value, one.text, ...seenCells(one)]),
              style,
            ),
      ].join("\n\n"),
    exit: drift.unseen.length + drift.outside.length > 0 ? 1 : 0,
  };
}
