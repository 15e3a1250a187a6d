/** The consortium's immunity: every attack × every plant, counted from the plants' own receipts. */
import type { ImmunityView, PlantImmunity, Times } from "../../../sdk/src/core/views.ts";
import { api } from "../api.ts";
import { fill, h, pill, table } from "../dom.ts";
import { clock, span, toneOf } from "../words.ts";
import type { View } from "./view.ts";

/** Coverage, times, and the matrix. */
export const immunity: View = {
  title: "Immunity",
  paceMs: 5000, // every receipt of every feed is read for it
  async draw(main) {
    const view = await api.immunity();
    fill(
      main,
      h("h1", {}, "Immunity"),
      h(
        "p",
        { class: "quiet" },
        "Counted from the receipts and sightings in the plants' feeds; an auditor's file gives the same.",
      ),
      figures(view),
      view.records.length === 0 ? h("p", { class: "quiet" }, "No attack is known yet.") : matrix(view),
    );
  },
};

function figures({
  coverage,
  warnedAfter,
  protectedAfter,
  secondExposure,
  pendingUndo,
}: ImmunityView): HTMLElement {
  const shown: readonly (readonly [string, string])[] = [
    ["herd: protected of able", `${coverage.protected} of ${coverage.able}`],
    ["warned after, p50", median(warnedAfter)],
    ["protected after, p50", median(protectedAfter)],
    ["met again while protected", `${secondExposure.protected} of ${secondExposure.met}`],
    ["to be undone", String(pendingUndo)],
  ];
  return h(
    "dl",
    { class: "figures" },
    ...shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

const median = ({ p50 }: Times): string => (p50 === null ? "–" : span(p50));

function matrix({ records }: ImmunityView): HTMLElement {
  const members = [...new Set(records.flatMap(({ plants }) => plants.map(({ member }) => member ?? 0)))].sort(
    (a, b) => a - b,
  );
  return table(
    "Attacks and what stands against them at each member's plant",
    ["Attack", "First alert", "Herd", ...members.map((member) => `Member ${member}`)],
    records.map((record) => [
      h("a", { href: `#/records/${record.indicator}` }, record.name),
      clock(record.firstAlertMs),
      `${record.coverage.protected} of ${record.coverage.able}`,
      ...members.map((member) => cell(record.plants.find((plant) => (plant.member ?? 0) === member))),
    ]),
  );
}

function cell(plant: PlantImmunity | undefined): HTMLElement | string {
  if (plant === undefined) return "–";
  const after = plant.protectedAfterMs ?? plant.warnedAfterMs;
  const mark = pill(plant.state === "none" ? "nothing" : plant.state, toneOf(plant.state));
  mark.title = `${plant.proof}; met it ${plant.sightings} times`;
  return h(
    "span",
    {},
    mark,
    after === null ? "" : ` +${span(after)}`,
    plant.pendingUndo.length > 0 && " ",
    plant.pendingUndo.length > 0 && pill(`to be undone: ${plant.pendingUndo.join(", ")}`, "bad"),
  );
}
