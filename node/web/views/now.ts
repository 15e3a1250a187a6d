/** What happens at this plant, the newest first. */
import type { Change, HealthView } from "../../../sdk/src/core/views.ts";
import { api } from "../api.ts";
import { fill, h, pill } from "../dom.ts";
import { clock, short, toneOf } from "../words.ts";
import type { View } from "./view.ts";

/** Lines that are kept on the page. */
const MOST = 200;
const seen: Change[] = [];
let list: HTMLElement | undefined;

/** Takes news of the change log; draws them when the view is open. */
export function hear(changes: readonly Change[]): void {
  seen.unshift(...[...changes].reverse());
  seen.length = Math.min(seen.length, MOST);
  if (list?.isConnected === true) list.prepend(...[...changes].reverse().slice(0, MOST).map(line));
  while (list !== undefined && list.children.length > MOST) list.lastElementChild?.remove();
}

let figures: HTMLElement | undefined;

/** Draws the figures again when the view is open. */
export function count({ protected: safe, warned, watched, awaitingMe }: HealthView): void {
  if (figures === undefined) return;
  const shown: readonly (readonly [string, number, string])[] = [
    ["protected", safe, "a response is in force here"],
    ["warned", warned, "watched for; more is possible"],
    ["watched", watched, "this plant allows no more than an alert"],
    ["awaiting you", awaitingMe, "to be released or approved"],
  ];
  fill(
    figures,
    ...shown.map(([name, value, why]) => h("div", { title: why }, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** The live stream, under the figures that an operator asks for first. */
export const now: View = {
  title: "Now",
  async draw(main) {
    const health = await api.health();
    figures = h("dl", { class: "figures" });
    count(health);
    list = h("ol", {
      class: "stream",
      "aria-live": "polite",
      "aria-label": "What happened, the newest first",
    });
    list.append(...seen.map(line));
    fill(
      main,
      h("h1", {}, "Now"),
      figures,
      h(
        "p",
        { class: "quiet empty" },
        "Quiet. New alerts, records and vaccinations appear here by themselves.",
      ),
      list,
    );
  },
};

function line({ atMs, type, indicator, control, action, code, detail, member }: Change): HTMLElement {
  return h(
    "li",
    {},
    h("time", { datetime: new Date(atMs).toISOString() }, clock(atMs)),
    pill(type, toneOf(type)),
    indicator === undefined ? null : h("a", { href: `#/records/${indicator}` }, short(indicator)),
    h(
      "span",
      { class: "quiet" },
      [
        action,
        control === undefined ? undefined : `at ${control}`,
        member === undefined ? undefined : `member ${member}`,
        code,
        detail,
      ]
        .filter((each) => each !== undefined)
        .join(" · "),
    ),
  );
}
