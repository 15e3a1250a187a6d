import type { ImmunityView, RecordImmunity, Times } from "@anamnesis/sdk/core/views";
import { immunityOfFacts } from "@anamnesis/sdk/evidence/immunity";
import { clean, count, pairs, type Style, short, table, time } from "../output.ts";
import type { Result } from "../program.ts";
import { verdictOn } from "./audit-verify.ts";

/** Sums, then each record; of one record, each plant. */
export function showImmunity(view: ImmunityView): Result {
  const { coverage, secondExposure, records } = view;
  return {
    json: view,
    raw: [
      `protected=${coverage.protected}`,
      `able=${coverage.able}`,
      `warned=${coverage.warned}`,
      `metAgain=${secondExposure.met}`,
      `metProtected=${secondExposure.protected}`,
      `pendingUndo=${view.pendingUndo}`,
    ],
    human: (style) => {
      const sums = pairs(
        [
          ["counted", `${count(view.indicators, "record")} at ${time(view.atMs, style.nowMs)}`],
          [
            "herd",
            `${share(coverage.protected, coverage.able)} protected of those able; ${coverage.warned} of ${coverage.plants} warned or protected`,
          ],
          ["warned after", span(view.warnedAfter)],
          ["protected after", span(view.protectedAfter)],
          [
            "met again",
            `${secondExposure.met}, of which ${secondExposure.protected} met a block and ${secondExposure.warned} at least an alert`,
          ],
          ["to be undone", String(view.pendingUndo)],
        ],
        style,
      );
      const [only] = records;
      if (only === undefined) return sums;
      return `${sums}\n\n${records.length === 1 ? plantsOf(only, style) : recordsOf(records, style)}`;
    },
  };
}

/**
 * The same figures from a bundle: exit 1 and no figures when it is not verified.
 * @throws AnamnesisError `evidence.unreadable` | `evidence.trust`
 */
export function immunityOfFile(file: string, trustFile: string): Result {
  const verdict = verdictOn(file, trustFile);
  if (verdict.verified) return showImmunity(immunityOfFacts(verdict.facts));
  return {
    json: verdict,
    raw: [verdict.conclusion],
    exit: 1,
    human: ({ bad }) => bad(clean(verdict.conclusion)),
  };
}

function recordsOf(records: readonly RecordImmunity[], style: Style): string {
  return table(
    ["INDICATOR", "STATUS", "PROTECTED", "WARNED", "MET AGAIN", "TO UNDO", "FIRST ALERT", "WHAT"],
    records.map((one) => [
      short(one.indicator),
      one.status,
      share(one.coverage.protected, one.coverage.able),
      share(one.coverage.warned, one.coverage.plants),
      share(one.secondExposure.protected, one.secondExposure.met),
      String(one.pendingUndo),
      time(one.firstAlertMs, style.nowMs),
      one.name,
    ]),
    style,
  );
}

function plantsOf(record: RecordImmunity, style: Style): string {
  const rows = record.plants.map((plant) => [
    short(plant.feed),
    plant.member === null ? "–" : String(plant.member),
    plant.state,
    plant.proof,
    plant.able ? "yes" : "–",
    milliseconds(plant.warnedAfterMs),
    milliseconds(plant.protectedAfterMs),
    String(plant.sightings),
    plant.metAs ?? "–",
    plant.pendingUndo.join(", "),
  ]);
  return [
    `${clean(record.name)} (${record.status}), first alert ${time(record.firstAlertMs, style.nowMs)}`,
    table(
      ["NODE", "MEMBER", "STATE", "PROOF", "ABLE", "WARNED", "PROTECTED", "SIGHTINGS", "MET IT", "TO UNDO"],
      rows,
      style,
    ),
  ].join("\n");
}

/** `3/4`, and nothing divided by nothing is a dash. */
function share(part: number, whole: number): string {
  return whole === 0 ? "–" : `${part}/${whole}`;
}

function span({ count: times, p50, p99 }: Times): string {
  return times === 0
    ? "–"
    : `${milliseconds(p50)} p50, ${milliseconds(p99)} p99 (${times} at plants that were not the first)`;
}

function milliseconds(value: number | null): string {
  return value === null ? "–" : `${Math.round(value)} ms`;
}
