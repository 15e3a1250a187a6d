import { setTimeout as delay } from "node:timers/promises";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { BlockRef, Log } from "../../ports.ts";

/** What is looked at again and again. */
export interface PollPorts {
  head(): Promise<BlockRef>;
  /** Whether something of ours waits to be mined. */
  isWaiting(): boolean;
  /** A new head was seen. */
  onHead(): void;
  /** No new head for `stalledMs`. */
  onStalled(): Promise<void>;
  /** After each look. */
  tend(): Promise<void>;
  readonly log: Log;
}

/** When it is looked, ms: while something is expected, while nothing is, and how long is too long. */
export interface PollTimes {
  readonly pollMs: number;
  readonly idlePollMs: number;
  readonly stalledMs: number;
}

/** Looks for new heads by itself. */
export interface Poll {
  start(): void;
  /** Something is about to be recorded: look often for a while. */
  expect(): void;
  stop(): Promise<void>;
}

/** For so long after something was expected, new blocks are looked for often, ms. */
const EXPECTED_MS = 3_000;
/** Most ms between two looks at a chain that does not answer. */
const AWAY_MS = 2_000;

export function createPoll(ports: PollPorts, { pollMs, idlePollMs, stalledMs }: PollTimes): Poll {
  const { log } = ports;
  const stopping = new AbortController();
  let polling: Promise<void> | undefined;
  let expectedAtMs = Number.NEGATIVE_INFINITY;
  let seenAtMs = performance.now();
  let seen = "";
  let wake = () => {};

  const isExpecting = () => performance.now() - expectedAtMs < EXPECTED_MS;

  /** In step with what looks for receipts, so that one request asks for all; ends early when woken. */
  const rest = async (ms: number): Promise<void> => {
    const waking = new AbortController();
    wake = () => waking.abort();
    const signal = AbortSignal.any([stopping.signal, waking.signal]);
    await delay(ms - (performance.now() % ms), undefined, { signal }).catch(() => undefined);
  };

  const look = async (): Promise<void> => {
    const { hash } = await ports.head();
    if (hash !== seen) {
      seenAtMs = performance.now();
      seen = hash;
      ports.onHead();
    } else if (performance.now() - seenAtMs >= stalledMs) {
      seenAtMs = performance.now();
      await ports.onStalled();
    }
    await ports.tend();
  };

  const run = async (): Promise<void> => {
    let wait = pollMs;
    let reachable = true;
    while (!stopping.signal.aborted) {
      try {
        await look();
        if (!reachable) log.info("chain.reachable", {});
        reachable = true;
        wait = ports.isWaiting() || isExpecting() ? pollMs : idlePollMs;
      } catch (error) {
        const code = isAnamnesisError(error) ? error.code : "chain.unreachable";
        if (reachable && !stopping.signal.aborted) log.warn(code, { error: String(error) });
        reachable = false;
        wait = Math.min(Math.max(wait, pollMs) * 2, AWAY_MS);
      }
      await rest(wait);
    }
  };

  return {
    start() {
      polling ??= run();
    },
    expect() {
      const wasIdle = !isExpecting();
      expectedAtMs = performance.now();
      if (wasIdle) wake();
    },
    async stop() {
      stopping.abort();
      await polling;
    },
  };
}
