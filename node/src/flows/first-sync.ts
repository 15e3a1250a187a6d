/*
 * What a node that starts must know before it puts anything new in force: what peers have said since, refutes
 * and withdraws with it. One peer's word that it has nothing more is not enough where it told of feeds
 * that are fetched from somebody else.
 */
import type { VectorItem } from "../ports.ts";

/** Longest wait, ms, however much still arrives. */
const MOST_MS = 60_000;
/** Between two questions to all peers: an exchange may have met a link that was not ready, ms. */
const AGAIN_MS = 1000;

/** Waits for the first exchange with peers. */
export interface FirstSync {
  /** A peer answered with what it has; with nothing when it has the same. */
  answered(items: readonly VectorItem[]): void;
  /** Something was fetched. */
  fetched(): void;
  /** An exchange with a peer ended. */
  ended(): void;
  /** Resolves with true when all that any peer told of is held, with false when nothing has come for `quietMs`, ms. */
  wait(quietMs: number): Promise<boolean>;
}

/** Creates the wait. `isMissing`: whether more of a feed is wanted than is held here; `ask` asks all peers again. */
export function createFirstSync(isMissing: (item: VectorItem) => boolean, ask: () => void): FirstSync {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let owed: readonly VectorItem[] | undefined;
  let isDone = false;
  /** Since something came last, ms. */
  let quiet = 0;

  function look(): void {
    if (isDone || owed === undefined) return;
    owed = owed.filter(isMissing);
    isDone = owed.length === 0;
    if (isDone) resolve();
  }

  return {
    answered(items) {
      if (isDone) return;
      if (owed === undefined) quiet = 0;
      owed = [...(owed ?? []), ...items];
    },
    fetched() {
      quiet = 0;
      look();
    },
    ended: look,
    async wait(quietMs) {
      const stepMs = Math.min(AGAIN_MS, quietMs);
      for (let waited = 0; waited < MOST_MS && quiet < quietMs && !isDone; waited += stepMs) {
        await settledWithin(done, stepMs);
        quiet += stepMs;
        if (!isDone) ask();
      }
      return isDone;
    },
  };
}

/** Resolves with the promise, or after so long without it. */
async function settledWithin(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
    timer.unref();
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
