/* What a person sees: the walk with times, plant by plant. */

import type { IndicatorView } from "../../node/src/api.ts";
import { STEPS } from "../../node/src/state/changes.ts";
import type { RunResult } from "./run.ts";

/** Lines of the table: one block a record, one row a plant, times since the alert was appended. */
export function tableOf(result: RunResult): string[] {
  const lines: string[] = [];
  const ids = [...result.appendedMs.keys()];
  for (const id of ids) {
    const rows = [...result.views].flatMap(([letter, views]) => {
      const view = views.find((each) => each.id === id);
      return view === undefined ? [] : [{ letter, view }];
    });
    const first = rows[0]?.view;
    if (first === undefined) continue;
    const since = result.appendedMs.get(id) as number;
    const again = result.metAgain.has(id);
    lines.push("", `${describe(first)}${again ? "  (met again)" : ""}`);
    if (again) {
      lines.push(
        `  sightings ${first.sightings.count}, ${rows.map(({ letter, view }) => `${letter} ${stateOf(view)}`).join(", ")}`,
      );
      continue;
    }
    lines.push(`  plant  ${STEPS.map((step) => step.padStart(9)).join(" ")}  state`);
    for (const { letter, view } of rows) {
      const cells = STEPS.map((step) => {
        const at = view.timeline[step];
        return (at === undefined ? "–" : formatMs(at - since)).padStart(9);
      });
      lines.push(`  ${letter.padEnd(5)}  ${cells.join(" ")}  ${stateOf(view)}`);
    }
  }
  return lines;
}

/** A record in one line: what it is, in the words of an operator. */
export function describe(view: IndicatorView): string {
  const { form } = view;
  if (form?.form === "observable") return `${form.observable.kind} ${form.observable.value}`;
  if (form?.form === "behaviour")
    return `behaviour ${form.behaviour.class} (function ${form.behaviour.functions.join(", ")}, ${form.behaviour.table})`;
  return view.name;
}

function stateOf(view: IndicatorView): string {
  const acting = view.applications.filter(({ action }) => action !== "none" && action !== "observe");
  const strongest = acting.find(({ action }) => action !== "alert") ?? acting[0];
  return strongest === undefined
    ? view.state
    : `${view.state} (${strongest.action} at ${strongest.control}, ${strongest.proof})`;
}

/** 4.2 ms, 1.34 s. */
export function formatMs(ms: number): string {
  return Math.abs(ms) < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
