/** What operators say, as text. */

import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { AwaitedView, Order, OrdersView, Stop } from "@anamnesis/sdk/core/views";
import { clean, type Style, short, table, time } from "../output.ts";
import type { Result } from "../program.ts";

/** What waits for an operator, and what operators said. */
export function showInbox(view: OrdersView): Result {
  return {
    json: view,
    raw: view.awaited.map(({ indicator, control }) => `${indicator} ${control}`),
    human: (style) =>
      [
        view.awaited.length === 0
          ? "Nothing waits for an operator."
          : view.awaited.map((each) => awaited(each, style)).join("\n\n"),
        ...(view.orders.length === 0 ? [] : ["", orderTable(view.orders, style)]),
        ...view.stops.map(
          ({ control, reason, who, atMs }) =>
            `\n${clean(control)} is stopped: ${clean(reason)} (${clean(who)}, ${time(atMs, style.nowMs)})`,
        ),
      ].join("\n"),
  };
}

function awaited(one: AwaitedView, style: Style): string {
  const { indicator, name, control, level, wanted, now, statement, consequences, persons, order } = one;
  return [
    `${short(indicator)}  ${clean(name)}`,
    `  ${wanted} at ${control} (level ${level}), where ${now === "observe" ? "nothing" : now} stands now`,
    ...clean(statement)
      .split("\n")
      .slice(0, 4)
      .map((line) => `  + ${line.slice(0, 200)}`),
    ...consequences.map((each) => `  ! ${clean(each)}`),
    order === null
      ? `  ${persons === 1 ? "one person approves" : "two people approve"}: anamnesis vaccines approve ${short(indicator)} --control ${control} --ticket … --owner … --until …`
      : `  ${order.by.length} of ${order.persons} approved (${order.by.map(({ who }) => clean(who)).join(", ")}; ticket ${clean(order.ticket)}, until ${time(order.untilMs, style.nowMs)}); the next: anamnesis vaccines approve ${short(indicator)} --control ${control}`,
  ].join("\n");
}

function orderTable(orders: readonly Order[], style: Style): string {
  return table(
    ["INDICATOR", "CONTROL", "WORD", "ACTION", "BY", "UNTIL", "TICKET", "OWNER OR REASON"],
    orders.map((order) => [
      short(order.indicator),
      order.control,
      order.word === "approve" && order.by.length < order.persons ? "approve (1 of 2)" : order.word,
      order.action,
      order.by.map(({ who }) => who).join(", "),
      order.word === "approve" ? time(order.untilMs, style.nowMs) : "approved anew",
      order.ticket,
      order.word === "approve" ? order.processOwner : order.reason,
    ]),
    style,
  );
}

/** What came of an order: 1 while a second person has to say it, too. */
export function showOrders(orders: readonly Order[]): Result {
  const waits = orders.some(({ by, persons }) => by.length < persons);
  return {
    json: { orders },
    raw: orders.map(({ control }) => control),
    exit: waits ? 1 : 0,
    human: (style) =>
      [
        orderTable(orders, style),
        ...(waits
          ? ["", "A second person has to approve with a token of their own; nothing has changed yet."]
          : []),
      ].join("\n"),
  };
}

/** Which controls are stopped now. */
export function showStops(stops: readonly Stop[]): Result {
  return {
    json: { stops },
    raw: stops.map(({ control }) => control),
    human: () =>
      stops
        .map(
          ({ control }) =>
            `${clean(control)} is stopped: nothing of ours is in force there. Resume it with: anamnesis vaccines resume --control ${clean(control)}`,
        )
        .join("\n"),
  };
}

/** Which controls go on. */
export function showResumed(controls: readonly string[]): Result {
  return {
    json: { controls },
    raw: controls,
    human: () => controls.map((control) => `${clean(control)} goes on.`).join("\n"),
  };
}

/** A time as ISO 8601 or as a span from now (`90m`, `8h`, `3d`), ms since the epoch. Throws `input.invalid`. */
export function timeOf(option: string, text: string, nowMs: number): number {
  const [, amount, unit] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  if (amount !== undefined)
    return nowMs + Number(amount) * (unit === "m" ? 60_000 : unit === "h" ? 3_600_000 : 86_400_000);
  const atMs = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(atMs)) return atMs;
  throw new AnamnesisError(
    "input.invalid",
    `${option} is ${text}; give a time as 2026-01-31T18:00Z or a span as 8h`,
  );
}
