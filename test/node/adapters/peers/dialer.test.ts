import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDialer } from "../../../../node/src/adapters/peers/dialer.ts";
import { DEFAULT_LIMITS } from "../../../../node/src/adapters/peers/limits.ts";
import { addressOf } from "./harness.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A dialer of one target whose dials fail; `chance` is the jitter's byte. */
function make(chance: number, wanted = () => true) {
  const dials: number[] = [];
  const began = Date.now();
  const dialer = createDialer({
    targets: [{ multiaddr: "/ip4/192.0.2.1/tcp/7001", address: addressOf(2) }],
    limits: { ...DEFAULT_LIMITS, dialBaseMs: 100, dialCapMs: 1000 },
    randomness: { bytes: (length) => new Uint8Array(length).fill(chance) },
    wanted,
    async dial() {
      dials.push(Date.now() - began);
      throw new Error("connection refused");
    },
  });
  return { dialer, dials };
}

test("pauses double up to the cap and never stop", async () => {
  const { dialer, dials } = make(255);
  dialer.start();
  await vi.advanceTimersByTimeAsync(5_000);
  dialer.stop();
  const pauses = dials.slice(1).map((at, i) => at - dials[i]!);
  expect(pauses).toEqual([200, 400, 800, 1000, 1000, 1000].map((pause) => expect.closeTo(pause, -1)));
  const count = dials.length;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(dials.length).toBe(count);
});

test("jitter halves the pause at most", async () => {
  const { dialer, dials } = make(0);
  dialer.start();
  await vi.advanceTimersByTimeAsync(2_000);
  dialer.stop();
  expect(dials.slice(1, 4).map((at, i) => at - dials[i]!)).toEqual([100, 200, 400]);
});

test("a peer that was reached and lost is dialled again at once", async () => {
  const { dialer, dials } = make(255);
  dialer.start();
  await vi.advanceTimersByTimeAsync(5_000);
  dialer.reached(addressOf(2));
  const before = dials.length;
  dialer.lost(addressOf(2));
  await vi.advanceTimersByTimeAsync(101);
  dialer.stop();
  expect(dials.length).toBe(before + 1);
});

test("nothing is dialled that is not wanted, and a forgotten address never", async () => {
  let wanted = false;
  const { dialer, dials } = make(0, () => wanted);
  dialer.start();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(dials).toEqual([]);
  wanted = true;
  dialer.forget("/ip4/192.0.2.1/tcp/7001");
  dialer.hurry();
  await vi.advanceTimersByTimeAsync(5_000);
  dialer.stop();
  expect(dials).toEqual([]);
});
