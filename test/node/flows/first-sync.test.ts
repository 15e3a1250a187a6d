import type { Address } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFirstSync } from "../../../node/src/flows/first-sync.ts";
import type { VectorItem } from "../../../node/src/ports.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const item = (digit: string, size: number): VectorItem => ({
  feed: `0x${digit.repeat(40)}` as Address,
  size,
  root8: `0x${"00".repeat(8)}`,
});

/** A wait of 3 s over feeds of the given sizes. */
function make() {
  const held = new Map<Address, number>();
  let asked = 0;
  const first = createFirstSync(
    ({ feed, size }) => size > (held.get(feed) ?? 0),
    () => {
      asked++;
    },
  );
  let isOver = false;
  const caughtUp = first.wait(3000).finally(() => {
    isOver = true;
  });
  const isOverAfter = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    return isOver;
  };
  const hold = ({ feed, size }: VectorItem) => {
    held.set(feed, size);
    first.fetched();
  };
  return { first, hold, isOverAfter, caughtUp, asked: () => asked };
}

test("a peer that has the same ends the wait", async () => {
  const { first, isOverAfter, caughtUp } = make();
  expect(await isOverAfter(2_999)).toBe(false);
  first.answered([]);
  first.ended();
  expect(await isOverAfter(0)).toBe(true);
  expect(await caughtUp).toBe(true);
});

test("what a peer told of is waited for, whoever it is fetched from", async () => {
  const { first, hold, isOverAfter, caughtUp } = make();
  const [a, b, c] = [item("a", 3), item("b", 2), item("c", 1)];
  first.answered([a, b]);
  hold(a);
  first.ended(); // b is another peer's to give
  expect(await isOverAfter(2_900)).toBe(false);
  first.answered([c, b]);
  hold(b);
  expect(await isOverAfter(1_900)).toBe(false);
  hold(c);
  expect(await isOverAfter(0)).toBe(true);
  expect(await caughtUp).toBe(true);
});

test("peers are asked again once a second, and that they answer is no news", async () => {
  const { first, isOverAfter, caughtUp, asked } = make();
  first.answered([item("a", 1)]);
  for (let second = 1; second <= 3; second++) {
    expect(await isOverAfter(999)).toBe(false);
    first.answered([item("a", 1)]);
    first.ended();
    await isOverAfter(1);
    expect(asked()).toBe(second);
  }
  expect(await caughtUp).toBe(false);
});

test("as long as something comes it goes on, and no longer", async () => {
  const { first, hold, isOverAfter, caughtUp } = make();
  first.answered([item("a", 100)]);
  for (let size = 1; size <= 5; size++) {
    hold(item("a", size));
    expect(await isOverAfter(1_900)).toBe(false);
  }
  expect(await isOverAfter(3_000)).toBe(true);
  expect(await caughtUp).toBe(false);
});

test("somebody drips for ever: it ends", async () => {
  const { first, hold, isOverAfter, caughtUp } = make();
  first.answered([item("a", 1_000_000)]);
  for (let size = 1; size < 60; size++) {
    hold(item("a", size));
    expect(await isOverAfter(1_000)).toBe(false);
  }
  expect(await isOverAfter(1_000)).toBe(true);
  expect(await caughtUp).toBe(false);
});

test("without patience nothing is waited for", async () => {
  const asked: number[] = [];
  expect(
    await createFirstSync(
      () => true,
      () => void asked.push(1),
    ).wait(0),
  ).toBe(false);
  expect(asked).toEqual([]);
});
