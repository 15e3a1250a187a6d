import type { Order } from "@anamnesis/sdk/core/views";
import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createOrders, type OrderCommands, ordersView } from "../../../node/src/flows/orders.ts";
import type { NewChange } from "../../../node/src/state/changes.ts";
import { loadOrders, type Orders } from "../../../node/src/state/orders.ts";
import type { RecordView } from "../../../node/src/state/record.ts";
import { createFakeControl } from "../support/fake-control.ts";
import { DAY_MS, HOUR_MS, observable, recordOf, SELF, START_MS } from "../support/plant.ts";
import { attacker, inForce, makePlant, silent, told } from "../support/vaccination.ts";

/** A conduit at level 2: nothing above alert without a permission. */
const CELL = "cell";
const STATED = {
  control: CELL,
  ticket: "CHG-7",
  processOwner: "rolling mill",
  untilMs: START_MS + 8 * HOUR_MS,
};

type Plant = Awaited<ReturnType<typeof makePlant>>;
let store: ReturnType<typeof createMemoryStore>;
let orders: Orders;
let plant: Plant;
let say: OrderCommands;
let changes: NewChange[];
const record = recordOf(attacker);
const id = record.indicator;

async function open(options: { safety?: boolean; persons?: number; level?: 2 | 4 } = {}): Promise<void> {
  const { safety = false, persons = 2, level = 2 } = options;
  orders = await loadOrders(store);
  const control = createFakeControl({ name: CELL, level, nowMs: () => plant.time.nowMs });
  plant = await makePlant({ store, controls: [control], orders, ...(safety && { safetyControls: [CELL] }) });
  changes = [];
  say = createOrders({
    clock: { nowMs: () => plant.time.nowMs, monotonicMs: () => plant.time.nowMs },
    log: silent,
    orders,
    controls: [{ name: CELL, level, safety }],
    persons,
    vaccinate: plant.flow,
    async commit(ops, news) {
      await store.commit(ops);
      changes.push(...news);
    },
  });
  await plant.flow.reconcile([record]);
}

const view = () => ordersView(orders, plant.flow.awaiting(), 2);
const approveBoth = async (): Promise<Order> => {
  await say.approve(id, STATED, "one");
  return say.approve(id, { control: CELL }, "two");
};

beforeEach(async () => {
  store = createMemoryStore();
  await open();
});

describe("an approval", () => {
  test("needs two different people below level 4, and then blocks until its time", async () => {
    expect(inForce(plant.control)).toEqual(["watch 203.0.113.7"]);
    expect(view().awaited).toMatchObject([
      { indicator: id, control: CELL, wanted: "block", now: "alert", order: null },
    ]);
    expect(await say.approve(id, STATED, "one")).toMatchObject({ persons: 2, by: [{ who: "one" }] });
    expect(inForce(plant.control)).toEqual(["watch 203.0.113.7"]);
    await expect(say.approve(id, { control: CELL }, "one")).rejects.toMatchObject({ code: "api.conflict" });
    await expect(say.approve(id, STATED, "one")).rejects.toMatchObject({ code: "api.conflict" });
    expect(view().awaited[0]?.order?.by).toHaveLength(1);

    await say.approve(id, { control: CELL }, "two");
    expect(inForce(plant.control)).toEqual(["block 203.0.113.7"]);
    expect(view().awaited).toEqual([]);
    expect(plant.vaccinations.get(id, CELL)).toMatchObject({
      authority: "operator",
      expiresAtMs: STATED.untilMs,
    });
    expect(changes.map(({ type, detail }) => `${type} ${detail}`)).toEqual([
      "ordered approved by the first of two: one, ticket CHG-7, process owner rolling mill",
      "ordered approved: two, ticket CHG-7, process owner rolling mill",
    ]);
    await plant.tickAt(STATED.untilMs);
    expect(inForce(plant.control)).toEqual([]);
    expect(told(plant.receipts).at(-1)).toMatch(/^undone block/);
  });

  test("of two people who speak at once is one approval by both", async () => {
    const [first, second] = await Promise.all([
      say.approve(id, STATED, "one"),
      say.approve(id, STATED, "two"),
    ]);
    expect([first.by.length, second.by.length]).toEqual([1, 2]);
    expect(inForce(plant.control)).toEqual(["block 203.0.113.7"]);
  });

  test("does not undo a refusal that was said meanwhile", async () => {
    await say.approve(id, STATED, "one");
    const [, second] = await Promise.allSettled([
      say.refuse(id, CELL, "proof test", "three"),
      say.approve(id, { control: CELL }, "two"),
    ]);
    expect(second).toMatchObject({ status: "rejected", reason: { code: "policy.approval" } });
    expect(inForce(plant.control)).toEqual(["watch 203.0.113.7"]);
  });

  test("is a new one when the second person says something else", async () => {
    await say.approve(id, STATED, "one");
    const other = await say.approve(id, { ...STATED, ticket: "CHG-8" }, "two");
    expect(other).toMatchObject({ ticket: "CHG-8", by: [{ who: "two" }] });
    expect(inForce(plant.control)).toEqual(["watch 203.0.113.7"]);
  });

  test("needs one person where the plant has said so, and at the edge", async () => {
    await open({ persons: 1 });
    expect((await say.approve(id, STATED, "one")).persons).toBe(1);
    expect(inForce(plant.control)).toEqual(["block 203.0.113.7"]);
    store = createMemoryStore();
    await open({ level: 4 });
    expect((await say.approve(id, STATED, "one")).persons).toBe(1);
  });

  test("waits for its window", async () => {
    const window = { ...STATED, fromMs: START_MS + HOUR_MS };
    await say.approve(id, window, "one");
    await say.approve(id, { control: CELL }, "two");
    expect(inForce(plant.control)).toEqual(["watch 203.0.113.7"]);
    await plant.tickAt(START_MS + HOUR_MS - 1);
    expect(inForce(plant.control)).toEqual(["watch 203.0.113.7"]);
    await plant.tickAt(START_MS + HOUR_MS);
    expect(inForce(plant.control)).toEqual(["block 203.0.113.7"]);
  });

  test("outlives a restart", async () => {
    await approveBoth();
    await open();
    expect(inForce(plant.control)).toEqual(["block 203.0.113.7"]);
    expect(orders.of(id, CELL)?.ticket).toBe("CHG-7");
  });

  test.each<[string, Partial<Parameters<typeof recordOf>[1]>]>([
    ["only proposed", { status: "proposed" }],
    ["refuted", { status: "refuted" }],
    ["withdrawn", { status: "withdrawn" }],
  ])("does not raise what is %s", async (_what, change) => {
    await approveBoth();
    await plant.consider(recordOf(attacker, change));
    expect(inForce(plant.control).filter((each) => each.startsWith("block"))).toEqual([]);
  });

  test("does not outlive Self: what belongs to the plant now is undone", async () => {
    await approveBoth();
    await plant.tickAt(START_MS);
    plant.plant.self = { ...SELF, assets: [...SELF.assets, { name: "lab", addresses: ["203.0.113.7"] }] };
    await plant.tickAt(START_MS + 1000);
    expect(inForce(plant.control).filter((each) => each.startsWith("block"))).toEqual([]);
    await expect(say.approve(id, STATED, "one")).rejects.toMatchObject({
      code: expect.stringMatching(/^(plan|candidate)\.self/),
    });
  });

  test("is not taken for a safety system, whoever says it", async () => {
    await open({ safety: true });
    await expect(say.approve(id, STATED, "one")).rejects.toMatchObject({ code: "policy.ceiling" });
  });

  test.each([
    ["no control of this plant", { ...STATED, control: "door" }, "input.invalid"],
    ["no ticket", { ...STATED, ticket: undefined }, "policy.approval"],
    ["an empty ticket", { ...STATED, ticket: "  " }, "input.invalid"],
    ["a ticket of two lines", { ...STATED, ticket: "a\nb" }, "input.invalid"],
    ["no process owner", { ...STATED, processOwner: undefined }, "policy.approval"],
    ["no end", { ...STATED, untilMs: undefined }, "policy.approval"],
    ["an end that is over", { ...STATED, untilMs: START_MS }, "input.invalid"],
    ["an end before its beginning", { ...STATED, fromMs: STATED.untilMs }, "input.invalid"],
    ["more than thirty days", { ...STATED, untilMs: START_MS + 31 * DAY_MS }, "input.invalid"],
    ["NaN", { ...STATED, untilMs: Number.NaN }, "input.invalid"],
  ])("refuses %s", async (_what, request, code) => {
    await expect(say.approve(id, request, "one")).rejects.toMatchObject({ code });
    expect([...orders.all()]).toEqual([]);
  });
});

describe("a no", () => {
  test("lowers to alert, takes it out of the inbox, and ends with an approval", async () => {
    await approveBoth();
    await say.refuse(id, CELL, "maintenance until Monday", "one");
    expect(inForce(plant.control)).toEqual(["watch 203.0.113.7"]);
    expect(view().awaited).toEqual([]);
    expect(plant.flow.stateOf(id).controls[0]?.because).toContain("policy.refused");
    await approveBoth();
    expect(inForce(plant.control)).toEqual(["block 203.0.113.7"]);
  });

  test("rolled back, nothing is in force, also after a sighting and a restart", async () => {
    await approveBoth();
    expect(await say.rollback(id, undefined, "the HMI is cut off", "one")).toHaveLength(1);
    expect(inForce(plant.control)).toEqual([]);
    expect(told(plant.receipts).at(-1)).toBe("undone block policy.refused");
    plant.flow.renew(id, START_MS);
    await plant.flow.idle();
    expect(inForce(plant.control)).toEqual([]);
    await open();
    expect(inForce(plant.control)).toEqual([]);
  });

  test("needs a reason and a control that there is", async () => {
    await expect(say.refuse(id, "door", "why", "one")).rejects.toMatchObject({ code: "input.invalid" });
    await expect(say.refuse(id, CELL, "", "one")).rejects.toMatchObject({ code: "input.invalid" });
    await expect(say.rollback(id, CELL, "", "one")).rejects.toMatchObject({ code: "input.invalid" });
  });
});

describe("a stop", () => {
  test("takes everything out, keeps it out over a restart, and ends with resume", async () => {
    await approveBoth();
    const other: RecordView = recordOf(observable("203.0.113.9"), { status: "proposed" });
    await plant.consider(other);
    expect(inForce(plant.control)).toHaveLength(2);
    expect(await say.stop(undefined, "shutdown", "one")).toMatchObject([{ control: CELL, who: "one" }]);
    expect(inForce(plant.control)).toEqual([]);
    expect(told(plant.receipts).slice(-2).sort()).toEqual([
      "undone alert policy.stopped",
      "undone block policy.stopped",
    ]);
    await plant.consider(recordOf(observable("203.0.113.10")));
    expect(inForce(plant.control)).toEqual([]);
    await open();
    await plant.consider(other);
    expect(inForce(plant.control)).toEqual([]);
    expect(await say.resume(undefined, "one")).toEqual([CELL]);
    expect(inForce(plant.control)).toEqual(["block 203.0.113.7", "watch 203.0.113.9"]);
    await expect(say.resume(CELL, "one")).rejects.toMatchObject({ code: "api.conflict" });
  });
});
