/** The shelf: an order of versions that only grows, over restarts, clocks set back and failing disks. */
import type { IndicatorId, StixIndicator, Tlp } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import type { Clock, Store } from "../../../node/src/ports.ts";
import type { Memory, MemoryRecord } from "../../../node/src/state/memory.ts";
import { createOrderedIds } from "../../../node/src/state/ordered-ids.ts";
import { loadShelf } from "../../../node/src/state/shelf.ts";

const AT = Date.UTC(2026, 10, 24, 12);
const idOf = (i: number) => `0x${i.toString(16).padStart(64, "0")}` as IndicatorId;

/** A memory of so many records that nobody spoke on. */
function makeMemory(count: number) {
  const records = new Map<IndicatorId, MemoryRecord>();
  for (let i = 0; i < count; i++) {
    const object = { id: `indicator--${i}`, modified: new Date(AT).toISOString() } as StixIndicator;
    records.set(idOf(i), { id: idOf(i), object, tlp: "green" } as MemoryRecord);
  }
  const memory = {
    record: (id) => records.get(id),
    records: () => records.values(),
    subject: () => undefined,
    indicatorStatus: () => ({ name: "proposed", disputed: false, supports: 1, witnesses: 1, refutes: 0 }),
  } as Partial<Memory> as Memory;
  const mark = (i: number, tlp: Tlp) => {
    (records.get(idOf(i)) as MemoryRecord).tlp = tlp;
  };
  return { memory, mark, remove: (i: number) => records.delete(idOf(i)) };
}

const clockAt = (ms: number): Clock => ({ nowMs: () => ms }) as Clock;
const ALL = () => true;

test("a thousand records of one instant have a thousand times, and pages of any size hold each once", async () => {
  const { memory } = makeMemory(1000);
  const shelf = await loadShelf(createMemoryStore(), { memory, clock: clockAt(AT) });
  await shelf.settle();
  for (const size of [1, 7, 333, 1000, 5000]) {
    const seen: string[] = [];
    for (let after = 0; ; ) {
      const page = shelf.after(after, size, ALL);
      if (page.length === 0) break;
      for (const { addedUs } of page) {
        expect(addedUs).toBeGreaterThan(after);
        after = addedUs;
      }
      seen.push(...page.map(({ id }) => id));
    }
    expect(new Set(seen).size).toBe(1000);
    expect(seen).toHaveLength(1000);
  }
});

test("a new version moves to the end under a later time, and is held once", async () => {
  const { memory, mark } = makeMemory(3);
  const shelf = await loadShelf(createMemoryStore(), { memory, clock: clockAt(AT) });
  await shelf.settle();
  const before = shelf.row("indicator--1")!;
  shelf.touch(idOf(1));
  await shelf.settle();
  expect(shelf.row("indicator--1"), "nothing changed").toEqual(before);
  mark(1, "amber");
  shelf.touch(idOf(1));
  await shelf.settle();
  const after = shelf.row("indicator--1")!;
  expect(after.modifiedMs).toBeGreaterThan(before.modifiedMs);
  expect(shelf.after(0, 10, ALL).map(({ id }) => id)).toEqual([idOf(0), idOf(2), idOf(1)]);
});

test("a restart keeps the times, and a clock that was set back goes on after the last one", async () => {
  const { memory, mark } = makeMemory(5);
  const store = createMemoryStore();
  const first = await loadShelf(store, { memory, clock: clockAt(AT) });
  await first.settle();
  const again = await loadShelf(store, { memory, clock: clockAt(AT - 86_400_000) });
  await again.settle();
  expect(again.after(0, 10, ALL)).toEqual(first.after(0, 10, ALL));
  mark(2, "clear");
  again.touch(idOf(2));
  await again.settle();
  expect(again.after(0, 10, ALL).at(-1)!.id).toBe(idOf(2));
});

test("many versions leave no gaps that cost", async () => {
  const { memory, mark } = makeMemory(10);
  const shelf = await loadShelf(createMemoryStore(), { memory, clock: clockAt(AT) });
  for (let round = 0; round < 300; round++) {
    for (let i = 0; i < 10; i++) {
      mark(i, round % 2 === 0 ? "green" : "amber");
      shelf.touch(idOf(i));
    }
    await shelf.settle();
  }
  const rows = shelf.after(0, 100, ALL);
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, i) => idOf(i)));
});

test("a record that is gone leaves the shelf", async () => {
  const { memory, remove } = makeMemory(3);
  const store = createMemoryStore();
  const shelf = await loadShelf(store, { memory, clock: clockAt(AT) });
  await shelf.settle();
  remove(1);
  shelf.touchAll();
  await shelf.settle();
  expect(shelf.row("indicator--1")).toBeUndefined();
  const again = await loadShelf(store, { memory, clock: clockAt(AT) });
  expect(again.after(0, 10, ALL)).toHaveLength(2);
});

test("a disk that fails loses nothing: the next look puts it on the shelf", async () => {
  const { memory } = makeMemory(3);
  const store = createMemoryStore();
  let isBroken = true;
  const torn: Store = {
    ...store,
    get: store.get.bind(store),
    entries: (range) => store.entries(range),
    commit: (ops, options) => (isBroken ? Promise.reject(new Error("torn")) : store.commit(ops, options)),
  };
  const shelf = await loadShelf(torn, { memory, clock: clockAt(AT) });
  await expect(shelf.settle()).rejects.toThrow("torn");
  isBroken = false;
  await shelf.settle();
  expect(shelf.after(0, 10, ALL)).toHaveLength(3);
});

test("ids come in their order wherever a page begins, added in any order", () => {
  const order = createOrderedIds();
  for (const i of [5, 1, 9]) order.add(idOf(i));
  expect(order.after(undefined, 2)).toEqual([idOf(1), idOf(5)]);
  for (const i of [3, 7, 0, 11]) order.add(idOf(i));
  expect(order.after(undefined, 99)).toEqual([0, 1, 3, 5, 7, 9, 11].map(idOf));
  expect(order.after(idOf(4), 2), "an id that is not there").toEqual([idOf(5), idOf(7)]);
  order.clear();
  expect(order.after(undefined, 9)).toEqual([]);
});

test("nothing is looked at with time until somebody asked, and for an hour afterwards", async () => {
  const { memory, mark } = makeMemory(1);
  let nowMs = AT;
  const clock = { nowMs: () => nowMs } as Clock;
  const shelf = await loadShelf(createMemoryStore(), { memory, clock });
  await shelf.keep();
  expect(shelf.row("indicator--0")).toBeUndefined();
  await shelf.settle();
  const first = shelf.row("indicator--0")!;
  mark(0, "amber");
  shelf.touch(idOf(0));
  nowMs += 3_599_000;
  await shelf.keep();
  const second = shelf.row("indicator--0")!;
  expect(second.addedUs).toBeGreaterThan(first.addedUs);
  mark(0, "green");
  shelf.touch(idOf(0));
  nowMs += 2000;
  await shelf.keep();
  expect(shelf.row("indicator--0")).toBe(second);
});
