/** What waits for a person's word: responses that need a permission, records that may leave, and stopped controls. */
import type { AwaitedView, QueuedCandidate, Stop } from "../../../sdk/src/core/views.ts";
import { api, Problem } from "../api.ts";
import { fill, h, pill } from "../dom.ts";
import { clock, short } from "../words.ts";
import type { View } from "./view.ts";

const HOUR_MS = 3_600_000;

/** The operator's inbox. */
export const inbox: View = {
  title: "Inbox",
  async draw(main) {
    const [{ awaited, orders, stops }, candidates] = await Promise.all([api.orders(), api.candidates()]);
    const again = () => void inbox.draw(main, "");
    fill(
      main,
      h("h1", {}, "Inbox"),
      ...stops.map((stop) => stopped(stop, again)),
      awaited.length + candidates.length === 0 && h("p", { class: "quiet" }, "Nothing waits for you."),
      ...awaited.map((each) => approval(each, again)),
      ...candidates.map((each) => candidate(each, again)),
      orders.length > 0 && h("h2", {}, "What was said"),
      orders.length > 0 &&
        h(
          "ul",
          {},
          ...orders.map((order) =>
            h(
              "li",
              {},
              pill(order.word, order.word === "approve" ? "good" : "bad"),
              " ",
              h("a", { href: `#/records/${order.indicator}` }, short(order.indicator)),
              ` at ${order.control} by ${order.by.map(({ who }) => who).join(" and ")}: `,
              order.word === "approve"
                ? `${order.action}, ticket ${order.ticket}, ${order.processOwner}, until ${clock(order.untilMs)}${order.by.length < order.persons ? "; a second person is missing" : ""}`
                : order.reason,
            ),
          ),
        ),
    );
  },
};

/** A command with its answer beside it: what went wrong stays until the next try. */
function doing(said: HTMLElement, work: () => Promise<unknown>, done: () => void): void {
  fill(said, "…");
  work().then(done, (error: unknown) => fill(said, error instanceof Problem ? error.message : String(error)));
}

function stopped({ control, reason, who, atMs }: Stop, again: () => void): HTMLElement {
  const said = h("p", { class: "said", role: "status" });
  return h(
    "section",
    { class: "card bad" },
    h("h2", {}, `${control} is stopped`),
    h("p", {}, `${reason} (${who}, ${clock(atMs)}). Nothing of ours is in force there.`),
    h("button", { type: "button", onClick: () => doing(said, () => api.resume(control), again) }, "Resume"),
    said,
  );
}

function approval(one: AwaitedView, again: () => void): HTMLElement {
  const { indicator, control, order, consequences } = one;
  const said = h("p", { class: "said", role: "status" });
  const ticket = h("input", {
    required: true,
    maxlength: 200,
    value: order?.ticket ?? "",
    disabled: order !== null,
  });
  const owner = h("input", {
    required: true,
    maxlength: 200,
    value: order?.processOwner ?? "",
    disabled: order !== null,
  });
  const hours = h(
    "select",
    { disabled: order !== null },
    ...[1, 8, 24, 72].map((each) => h("option", { value: each }, `${each} h`)),
  );
  const reason = h("input", { maxlength: 200 });
  const approve = (event: Event): void => {
    event.preventDefault();
    const stated =
      order === null
        ? {
            ticket: ticket.value,
            processOwner: owner.value,
            untilMs: Date.now() + Number(hours.value) * HOUR_MS,
            ...(one.wanted !== "observe" && one.wanted !== "alert" && { action: one.wanted }),
          }
        : {};
    doing(said, () => api.approve(indicator, { control, ...stated }), again);
  };
  return h(
    "section",
    { class: "card" },
    h("h2", {}, h("a", { href: `#/records/${indicator}` }, one.name), ` at ${control}`),
    h(
      "p",
      {},
      pill(one.wanted, "good"),
      ` would replace `,
      pill(one.now === "observe" ? "nothing" : one.now, "watch"),
      ` at level ${one.level}.`,
    ),
    h("ul", { class: "consequences" }, ...consequences.map((each) => h("li", {}, each))),
    h("details", {}, h("summary", {}, "What the control is told"), h("pre", {}, one.statement)),
    order !== null &&
      h(
        "p",
        {},
        `${order.by.map(({ who }) => who).join(", ")} approved until ${clock(order.untilMs)}; a second person has to, with a token of their own.`,
      ),
    h(
      "form",
      { onSubmit: approve },
      h("label", {}, "Ticket ", ticket),
      h("label", {}, "Process owner ", owner),
      h("label", {}, "For ", hours),
      h(
        "button",
        { type: "submit", class: "good" },
        order === null ? "Approve" : "Approve as the second person",
      ),
    ),
    h(
      "form",
      {
        onSubmit: (event) => {
          event.preventDefault();
          doing(said, () => api.refuse(indicator, control, reason.value), again);
        },
      },
      h("label", {}, "Reason ", reason),
      h("button", { type: "submit", class: "bad" }, "Refuse"),
    ),
    said,
  );
}

function candidate(one: QueuedCandidate, again: () => void): HTMLElement {
  const said = h("p", { class: "said", role: "status" });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, one.name),
    h(
      "p",
      {},
      `May this leave the plant? It was kept because of ${one.reason}; met ${one.count} times, last ${clock(one.lastMs)}.`,
    ),
    h("pre", {}, JSON.stringify(one.form, null, 2)),
    h(
      "button",
      { type: "button", class: "good", onClick: () => doing(said, () => api.release(one.id), again) },
      "Release",
    ),
    said,
  );
}
