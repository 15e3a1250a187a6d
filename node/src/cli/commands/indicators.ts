import type { IndicatorFilter, IndicatorView } from "../../api.ts";
import { count, pairs, type Style, short, table, time } from "../output.ts";
import type { Result } from "../program.ts";

/** The API's filter from the command's options. */
export function filterOf(options: IndicatorFilter): IndicatorFilter {
  const { class: releaseClass, status, state, limit } = options;
  return {
    ...(releaseClass !== undefined && { class: releaseClass }),
    ...(status !== undefined && { status }),
    ...(state !== undefined && { state }),
    ...(limit !== undefined && { limit }),
  };
}

/** Indicators, one a line. */
export function listIndicators(indicators: readonly IndicatorView[]): Result {
  return {
    json: { indicators },
    raw: indicators.map(({ id }) => id),
    human: (style) =>
      indicators.length === 0 ? "No indicator fits." : `${indicatorTable(indicators, style)}\n`,
  };
}

/** The columns that tell indicators apart. */
export function indicatorTable(indicators: readonly IndicatorView[], style: Style): string {
  return table(
    ["ID", "HERE", "STATUS", "MEMBERS", "SEEN", "SCORE", "WHAT"],
    indicators.map((one) => [
      short(one.id),
      stateOf(one),
      `${one.status.name}${one.status.disputed ? ", disputed" : ""}`,
      one.members.toSorted((a, b) => a - b).join(" ") || "none",
      String(one.sightings.count),
      String(one.score),
      whatOf(one),
    ]),
    style,
  );
}

/** One indicator with everything about it. */
export function inspectIndicator(one: IndicatorView): Result {
  return {
    json: one,
    raw: [one.id],
    human: (style) => [describe(one, style), ...parts(one, style)].join("\n\n"),
  };
}

/** What it is about in a few words: the value, or the name of the conduct. */
export function whatOf({ form, name, pattern }: IndicatorView): string {
  if (form === null) return name || pattern;
  return form.form === "observable" ? `${form.observable.value}  ${name}` : name;
}

function stateOf({ state, proof }: IndicatorView): string {
  return proof === "none" ? state : `${state} (${proof})`;
}

function describe(one: IndicatorView, style: Style): string {
  const { status, responseStatus, responseAction, sightings, origin } = one;
  return pairs(
    [
      ["name", one.name],
      ["id", one.id],
      ["stix id", one.stixId],
      ["pattern", `${one.pattern} (${one.patternType})`],
      ["class", `${one.class}, TLP ${one.tlp}`],
      ["first from", `member ${origin.member ?? "unknown"}, ${origin.feed}`],
      [
        "status",
        `${status.name}${status.disputed ? ", disputed" : ""}: ${status.supports} supports, ${status.witnesses} witnesses, ${status.refutes} refutes`,
      ],
      ["response", responseStatus === null ? "none" : `${responseAction}, ${responseStatus.name}`],
      ["recorded", one.recorded ? "on the chain" : "not yet"],
      ["here", `${stateOf(one)}; could be ${one.able}`],
      [
        "seen",
        sightings.count === 0
          ? "never here or at a peer"
          : `${count(sightings.count, "time")} at ${count(sightings.plants, "plant")}, last ${time(sightings.lastMs, style.nowMs)}`,
      ],
      ...(one.detectors.length === 0 ? [] : [["met by", one.detectors.join(", ")] as [string, string]]),
      ["score", `${one.score} of 1000`],
      ...one.stances.flatMap(({ member, history }): [string, string][] =>
        history === undefined
          ? []
          : [
              [
                `refuted by ${member}`,
                `who refutes ${count(history.refutes, "record")} (${history.upheld} upheld, ${history.outvoted} attested all the same) and supports ${history.supports}`,
              ],
            ],
      ),
    ],
    style,
  );
}

function parts(one: IndicatorView, style: Style): string[] {
  const timeline = Object.entries(one.timeline);
  return [
    ...(one.stances.length === 0
      ? []
      : [
          table(
            ["MEMBER", "STANCE", "BASIS", "CONFIDENCE", "COUNTS", "RECORDED", "SIGNED"],
            one.stances
              .toSorted((a, b) => a.member - b.member)
              .map((s) => [
                String(s.member),
                s.stance,
                s.basis,
                String(s.confidence),
                s.counts ? "yes" : "no",
                s.recorded ? "yes" : "no",
                time(s.signedAtMs, style.nowMs),
              ]),
            style,
          ),
        ]),
    ...(one.applications.length === 0
      ? []
      : [
          table(
            ["CONTROL", "KIND", "LEVEL", "PHASE", "ACTION", "PROOF", "EXPIRES", "BECAUSE"],
            one.applications.map((a) => [
              a.control,
              a.kind,
              String(a.level),
              a.phase,
              a.action,
              a.proof,
              time(a.expiresAtMs, style.nowMs),
              a.because.join(", "),
            ]),
            style,
          ),
        ]),
    ...(timeline.length === 0
      ? []
      : [
          table(
            ["STEP", "WHEN"],
            timeline.map(([step, ms]) => [step, time(ms, style.nowMs)]),
            style,
          ),
        ]),
  ];
}
