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

/** A wait of 1000 ms over feeds of the given sizes. */
function make() {
  const held = new Map<Address, number>();
  const first = createFirstSync(({ feed, size }) => size > (held.get(feed) ?? 0));
  let isOver = false;
  void first.wait(1000).then(() => {
    isOver = true;
  });
  const isOverAfter = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    return isOver;
  };
  const hold = ({ feed, size }: VectorItem) => {
    held.set(feed, size);
    first.moved();
  };
  return { first, hold, isOverAfter };
}

test("a peer that has the same ends the wait", async () => {
  const { first, isOverAfter } = make();
  expect(await isOverAfter(999)).toBe(false);
  first.answered([]);
  first.moved();
  expect(await isOverAfter(0)).toBe(true);
});

test("what a peer told of is waited for, whoever it is fetched from", async () => {
  const { first, hold, isOverAfter } = make();
  const [a, b, c] = [item("a", 3), item("b", 2), item("c", 1)];
  first.answered([a, b]);
  hold(a);
  first.moved(); // the exchange ended; b is another peer's to give
  expect(await isOverAfter(900)).toBe(false);
  first.answered([c, b]);
  hold(b);
  expect(await isOverAfter(900)).toBe(false);
  hold(c);
  expect(await isOverAfter(0)).toBe(true);
});

test("as long as something comes it goes on, and no longer", async () => {
  const { first, hold, isOverAfter } = make();
  first.answered([item("a", 100)]);
  for (let size = 1; size <= 5; size++) {
    hold(item("a", size));
    expect(await isOverAfter(999)).toBe(false);
  }
  expect(await isOverAfter(2_000)).toBe(true);
});

test("nobody answers, or somebody drips for ever: it ends", async () => {
  expect(await make().isOverAfter(1_000)).toBe(true);
  const { first, hold, isOverAfter } = make();
  first.answered([item("a", 1_000_000)]);
  for (let size = 1; size <= 119; size++) {
    hold(item("a", size));
    await isOverAfter(500);
  }
  hold(item("a", 120));
  expect(await isOverAfter(1_000)).toBe(true);
});
