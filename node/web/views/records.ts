/** Every record known here, as a matrix of this plant's controls, and one record whole. */
import type { ApplicationView, IndicatorView, Step } from "../../../sdk/src/core/views.ts";
import { api, Problem } from "../api.ts";
import { fill, h, pill, table } from "../dom.ts";
import { about, clock, here, short, span, toneOf } from "../words.ts";
import type { View } from "./view.ts";

const STEPS: readonly Step[] = [
  "alert",
  "released",
  "signed",
  "admitted",
  "warned",
  "attested",
  "protected",
  "recorded",
];
let filter = "";

/** The matrix; with an id behind it, the record. */
export const records: View = {
  title: "Records",
  paceMs: 1000,
  async draw(main, rest) {
    if (rest !== "") return drawRecord(main, await api.indicator(rest));
    const all = await api.indicators();
    const rows = h("div", {});
    const draw = (): void => fill(rows, matrix(all.filter(fits)));
    const input = h("input", {
      type: "search",
      value: filter,
      placeholder: "address, name, status …",
      onInput: () => {
        filter = input.value;
        draw();
      },
    });
    draw();
    fill(main, h("h1", {}, "Records"), h("label", { class: "search" }, "Find ", input), rows);
  },
};

function fits(view: IndicatorView): boolean {
  const text = `${about(view)} ${view.name} ${view.id} ${view.status.name} ${view.state}`.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function matrix(views: readonly IndicatorView[]): HTMLElement {
  if (views.length === 0)
    return h("p", { class: "quiet" }, filter === "" ? "No record is known yet." : "No record fits.");
  const controls = views[0]?.applications.map(({ control }) => control) ?? [];
  return table(
    "Records and what each control does about them",
    ["What", "Status", "Members", "Seen", "Score", "Here", ...controls],
    views.map((view) => [
      h("a", { href: `#/records/${view.id}` }, about(view)),
      pill(
        view.status.disputed ? `${view.status.name}, disputed` : view.status.name,
        toneOf(view.status.name),
      ),
      view.members.join(" "),
      `${view.sightings.count} × at ${view.sightings.plants}`,
      view.score,
      pill(here(view.state), toneOf(view.state)),
      ...controls.map((name) => cell(view.applications.find(({ control }) => control === name))),
    ]),
  );
}

function cell(application: ApplicationView | undefined): HTMLElement | string {
  if (application === undefined || application.action === "none") return "–";
  const tone = application.action === "alert" ? "watch" : "good";
  const mark = pill(application.action, tone);
  mark.title = [application.proof, ...application.because].join(", ");
  return mark;
}

function drawRecord(main: HTMLElement, view: IndicatorView): void {
  const { status, timeline } = view;
  const first = Math.min(...Object.values(timeline).filter((at) => at !== undefined));
  const facts: readonly (readonly [string, string | HTMLElement])[] = [
    ["Pattern", h("code", {}, view.pattern)],
    ["Id", h("code", {}, view.id)],
    [
      "Status",
      `${status.name}${status.disputed ? ", disputed" : ""}: ${status.supports} support, ${status.witnesses} saw it, ${status.refutes} refute`,
    ],
    [
      "Response",
      view.responseAction === null
        ? "none"
        : `${view.responseAction}, ${view.responseStatus?.name ?? "unknown"}`,
    ],
    ["On the chain", view.recorded ? "yes" : "not yet"],
    ["Marking", view.tlp],
    [
      "Seen",
      `${view.sightings.count} times at ${view.sightings.plants} plants, last ${clock(view.sightings.lastMs)}`,
    ],
    ["Detectors here", view.detectors.join(", ") || "none"],
  ];
  fill(
    main,
    h("p", {}, h("a", { href: "#/records" }, "← Records")),
    h("h1", {}, about(view), " ", pill(here(view.state), toneOf(view.state))),
    h("p", { class: "quiet" }, view.name),
    h(
      "ol",
      { class: "walk", "aria-label": "The walk of this record" },
      ...STEPS.map((step) => {
        const at = timeline[step];
        return h(
          "li",
          { class: at === undefined ? "open" : "done" },
          h("span", {}, step),
          h("b", {}, at === undefined ? "–" : at === first ? clock(at) : `+${span(at - first)}`),
        );
      }),
    ),
    h(
      "dl",
      { class: "facts" },
      ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    h("h2", {}, "Who says so"),
    table(
      "Members' stances",
      ["Member", "Stance", "Basis", "Confidence", "Counts", "Recorded", "Signed"],
      view.stances.map((each) => [
        each.member,
        each.stance,
        each.basis,
        each.confidence,
        each.counts ? "yes" : "no",
        each.recorded ? "yes" : "no",
        clock(each.signedAtMs),
      ]),
    ),
    h("h2", {}, "At this plant's controls"),
    table(
      "Applications",
      ["Control", "Level", "Phase", "Action", "Proof", "Since", "Until", "Because", ""],
      view.applications.map((each) => [
        each.control,
        each.level,
        each.phase,
        each.action === "none" ? "–" : each.action,
        each.proof,
        clock(each.appliedAtMs),
        clock(each.expiresAtMs),
        each.because.join(", "),
        each.action === "none" ? "" : rollback(view.id, each.control),
      ]),
    ),
    h(
      "p",
      {},
      "An auditor's file: ",
      h("code", {}, `anamnesis audit export --id ${short(view.id)} --out evidence.json`),
    ),
  );
}

function rollback(id: string, control: string): HTMLElement {
  const said = h("span", { role: "status" });
  const button = h(
    "button",
    {
      type: "button",
      class: "bad",
      onClick: () => {
        const reason = prompt(`Take this record out of ${control} now. Why?`);
        if (reason === null || reason.trim() === "") return;
        api.rollback(id, control, reason).then(
          () => fill(said, "rolled back"),
          (error: unknown) => fill(said, error instanceof Problem ? error.message : String(error)),
        );
      },
    },
    "Roll back",
  );
  return h("span", {}, button, " ", said);
}
