/* What a person sees at the end: the walk with times, plant by plant. */
import type { IndicatorView } from "../../node/src/api.ts";
import { STEPS } from "../../node/src/state/changes.ts";
import { formatMs, nameForm } from "./names.ts";
import type { Paint } from "./paint.ts";
import type { RunResult } from "./run.ts";

/** Lines of the table: one block a record, one row a plant, times since the alert was appended. */
export function tableOf(result: RunResult, paint: Paint): string[] {
  const lines: string[] = [];
  for (const [id, since] of result.appendedMs) {
    const rows = [...result.views].flatMap(([letter, views]) => {
      const view = views.find((each) => each.id === id);
      return view === undefined ? [] : [{ letter, view }];
    });
    const first = rows[0]?.view;
    if (first === undefined) continue;
    lines.push(
      "",
      `${paint.strong(first.form === null ? first.name : nameForm(first.form))}${whereOf(rows.map(({ view }) => view))}`,
    );
    if (result.metAgain.has(id)) {
      lines.push(
        `  met again: ${first.sightings.count} sightings; ${rows.map(({ letter, view }) => `${letter} ${view.state}`).join(", ")}`,
      );
      continue;
    }
    lines.push(paint.soft(`  plant${STEPS.map((step) => step.padStart(10)).join("")}   state`));
    for (const { letter, view } of rows) {
      const from = result.startedMs.get(letter) ?? since;
      const cells = STEPS.map((step) => {
        const at = view.timeline[step];
        return (at === undefined ? "–" : formatMs(at - from)).padStart(10);
      });
      const late = result.startedMs.has(letter) ? " *" : "";
      lines.push(`  ${letter.padEnd(5)}${cells.join("")}   ${stateOf(view)}${late}`);
    }
  }
  for (const letter of result.startedMs.keys())
    lines.push("", `* Plant ${letter} was off during the attack: its times count from its start.`);
  return lines;
}

/** What acts on a record at a plant, the strongest first: what stops, and what an engine acknowledged. */
function acting(view: IndicatorView): IndicatorView["applications"] {
  const all = view.applications.filter(({ action }) => action !== "none" && action !== "observe");
  const stopping = all.filter(({ action }) => action !== "alert");
  const strongest = stopping.length > 0 ? stopping : all;
  return [...strongest].sort((a, b) => Number(b.proof === "enforced") - Number(a.proof === "enforced"));
}

/** What is done where, by all plants: they may differ. */
function whereOf(views: readonly IndicatorView[]): string {
  const places = views.flatMap((view) =>
    acting(view).map(({ action, control }) => `${action} at ${control}`),
  );
  return places.length === 0 ? "" : `  (${[...new Set(places)].join(", ")})`;
}

function stateOf(view: IndicatorView): string {
  const strongest = acting(view)[0];
  return strongest === undefined ? view.state : `${view.state}, ${strongest.proof}`;
}
