/**
 * What operators decide at their own plant: approve a response that needs a permission, refuse it, roll back
 * what is in force, stop a control. Nothing of it needs the chain or a peer, and nothing of it leaves the plant.
 */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { stops } from "@anamnesis/sdk/core/policy";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { ApprovalRequest, AwaitedView, Order, OrdersView, Stop } from "@anamnesis/sdk/core/views";
import type { Clock, Log, StoreOp } from "../ports.ts";
import type { NewChange } from "../state/changes.ts";
import type { Orders, Staged } from "../state/orders.ts";
import type { Vaccinate } from "./vaccinate-types.ts";

/** A control as orders see it. */
export interface OrderedControl {
  readonly name: string;
  readonly level: number;
  readonly safety: boolean;
}

/** Ports of the orders. */
export interface OrderPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly orders: Orders;
  readonly controls: readonly OrderedControl[];
  /** People who have to approve below level 4. */
  readonly persons: number;
  readonly vaccinate: Pick<Vaccinate, "preview" | "reconsider" | "idle">;
  readonly commit: (ops: readonly StoreOp[], changes: readonly NewChange[]) => Promise<void>;
}

/** The commands. Each resolves when it is durable and the control has followed, or failed at it. */
export interface OrderCommands {
  /** @throws AnamnesisError `input.invalid` | `policy.ceiling` | `plan.self` | `plan.unsupported` | `api.conflict` */
  approve(indicator: IndicatorId, request: ApprovalRequest, who: string): Promise<Order>;
  refuse(indicator: IndicatorId, control: string, reason: string, who: string): Promise<Order>;
  /** Without a control: everywhere. */
  rollback(
    indicator: IndicatorId,
    control: string | undefined,
    reason: string,
    who: string,
  ): Promise<readonly Order[]>;
  /** Takes everything of ours out of a control, or of all, until `resume`. */
  stop(control: string | undefined, reason: string, who: string): Promise<readonly Stop[]>;
  resume(control: string | undefined, who: string): Promise<readonly string[]>;
}

/** The longest time an approval may hold, ms. */
const LONGEST_MS = 30 * 86_400_000;
/** At this level and above one person is enough: the enterprise edge. */
const EDGE_LEVEL = 4;

/** Joins the commands. */
export function createOrders(ports: OrderPorts): OrderCommands {
  const { clock, log, orders, vaccinate } = ports;
  let last: Promise<unknown> = Promise.resolve();

  /** One word after the other: two people who speak at once are heard as first and second. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  }

  function control(name: string): OrderedControl {
    const found = ports.controls.find((each) => each.name === name);
    if (found !== undefined) return found;
    const known = ports.controls.map((each) => each.name).join(", ") || "none";
    throw new AnamnesisError("input.invalid", `control: ${name} is not one of this plant's: ${known}`);
  }

  const chosen = (name: string | undefined): readonly OrderedControl[] =>
    name === undefined ? ports.controls : [control(name)];

  async function keep(staged: readonly Staged[], changes: readonly NewChange[], names: readonly string[]) {
    await ports.commit(
      staged.map(({ op }) => op),
      changes,
    );
    for (const each of staged) each.settle();
    for (const change of changes) log.info("order", { ...change });
    for (const name of names) vaccinate.reconsider(name);
    await vaccinate.idle();
  }

  async function say(order: Order, detail: string): Promise<Order> {
    const { indicator, control: name, action } = order;
    const change = {
      atMs: clock.nowMs(),
      type: "ordered",
      indicator,
      control: name,
      action,
      detail,
    } as const;
    await keep([orders.put(order)], [change], [name]);
    return order;
  }

  async function no(
    word: "refuse" | "rollback",
    indicator: IndicatorId,
    name: string,
    reason: string,
    who: string,
  ) {
    const atMs = clock.nowMs();
    const order: Order = {
      indicator,
      control: control(name).name,
      word,
      action: word === "refuse" ? "alert" : "observe",
      ticket: "",
      processOwner: "",
      reason: text("reason", reason),
      fromMs: atMs,
      untilMs: 0,
      by: [{ who, atMs }],
      persons: 1,
    };
    return say(order, `${word === "refuse" ? "refused" : "rolled back"} by ${who}: ${order.reason}`);
  }

  const commands: OrderCommands = {
    async approve(indicator, request, who) {
      const { name, level, safety } = control(request.control);
      if (safety)
        throw new AnamnesisError(
          "policy.ceiling",
          `${name} acts on a safety system: nothing there goes above alert, whoever approves`,
        );
      const atMs = clock.nowMs();
      const before = orders.of(indicator, name);
      const isOpen = before?.word === "approve" && before.by.length < before.persons && atMs < before.untilMs;
      const first = isOpen ? before : undefined;
      const isSecond = first !== undefined && isSame(first, request);
      if (isSecond && first.by.some((each) => each.who === who))
        throw new AnamnesisError(
          "api.conflict",
          `${who} has approved this already; another operator has to, with a token of their own`,
        );
      const order: Order = isSecond
        ? { ...first, by: [...first.by, { who, atMs }] }
        : {
            indicator,
            control: name,
            word: "approve",
            ...stated(request, atMs),
            reason: "",
            by: [{ who, atMs }],
            persons: level < EDGE_LEVEL ? ports.persons : 1,
          };
      const plan = vaccinate.preview(indicator, name, order.action);
      if ("refused" in plan) throw new AnamnesisError(plan.refused, `${name}: ${plan.reason}`);
      const isWhole = order.by.length >= order.persons;
      return say(
        order,
        `${isWhole ? "approved" : "approved by the first of two"}: ${who}, ticket ${order.ticket}, process owner ${order.processOwner}`,
      );
    },
    refuse: (indicator, name, reason, who) => no("refuse", indicator, name, reason, who),
    async rollback(indicator, name, reason, who) {
      const done: Order[] = [];
      for (const each of chosen(name)) done.push(await no("rollback", indicator, each.name, reason, who));
      return done;
    },
    async stop(name, reason, who) {
      const atMs = clock.nowMs();
      const stopped = chosen(name).map(
        (each): Stop => ({ control: each.name, reason: text("reason", reason), who, atMs }),
      );
      await keep(
        stopped.map(orders.stop),
        stopped.map((each) => ({
          atMs,
          type: "ordered",
          control: each.control,
          detail: `stopped by ${who}: ${each.reason}`,
        })),
        stopped.map((each) => each.control),
      );
      return stopped;
    },
    async resume(name, who) {
      const names = chosen(name)
        .map((each) => each.name)
        .filter((each) => orders.stops().has(each));
      if (names.length === 0)
        throw new AnamnesisError("api.conflict", `${name ?? "no control"} is not stopped`);
      const atMs = clock.nowMs();
      await keep(
        names.map(orders.resume),
        names.map((each) => ({ atMs, type: "ordered", control: each, detail: `resumed by ${who}` })),
        names,
      );
      return names;
    },
  };
  return {
    approve: (...word) => inTurn(() => commands.approve(...word)),
    refuse: (...word) => inTurn(() => commands.refuse(...word)),
    rollback: (...word) => inTurn(() => commands.rollback(...word)),
    stop: (...word) => inTurn(() => commands.stop(...word)),
    resume: (...word) => inTurn(() => commands.resume(...word)),
  };
}

/** What waits, what was said, and which controls are stopped. */
export function ordersView(
  orders: Orders,
  awaiting: ReturnType<Vaccinate["awaiting"]>,
  persons: number,
): OrdersView {
  const awaited = awaiting.map(({ indicator, name, control, level, now, plan }): AwaitedView => {
    const { action: wanted, statement, consequences } = plan;
    const said = orders.of(indicator, control);
    const order = said?.word === "approve" ? said : null;
    const needed = level < EDGE_LEVEL ? persons : 1;
    return { indicator, name, control, level, wanted, now, statement, consequences, persons: needed, order };
  });
  return { awaited, orders: [...orders.all()], stops: [...orders.stops().values()] };
}

/** Whether a request is a second person's word on what the first has stated. */
function isSame(first: Order, { ticket, processOwner, action, fromMs, untilMs }: ApprovalRequest): boolean {
  return (
    (ticket ?? first.ticket) === first.ticket &&
    (processOwner ?? first.processOwner) === first.processOwner &&
    (action ?? first.action) === first.action &&
    (fromMs ?? first.fromMs) === first.fromMs &&
    (untilMs ?? first.untilMs) === first.untilMs
  );
}

function stated({ ticket, processOwner, action = "block", fromMs, untilMs }: ApprovalRequest, nowMs: number) {
  if (ticket === undefined || processOwner === undefined || untilMs === undefined)
    throw new AnamnesisError(
      "policy.approval",
      "an approval states ticket, processOwner and untilMs; nobody has approved this before",
    );
  const from = fromMs ?? nowMs;
  if (!(untilMs > nowMs && untilMs > from))
    throw new AnamnesisError("input.invalid", "untilMs is over, or before fromMs; give a time to come");
  if (untilMs - nowMs > LONGEST_MS)
    throw new AnamnesisError(
      "input.invalid",
      "untilMs is more than 30 days ahead; what stands longer is a standing change",
    );
  if (!stops(action))
    throw new AnamnesisError("input.invalid", `action is ${action}; give deny, block or isolate`);
  return {
    action,
    ticket: text("ticket", ticket),
    processOwner: text("processOwner", processOwner),
    fromMs: from,
    untilMs,
  };
}

function text(what: string, given: string): string {
  const plain = given.trim();
  if (/^[^\p{Cc}]{1,200}$/u.test(plain)) return plain;
  throw new AnamnesisError("input.invalid", `${what} has to be 1 to 200 characters on one line`);
}
