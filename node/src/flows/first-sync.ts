/*
 * What a node that starts must know before it puts anything new in force: what peers have said since, refutes
 * and withdraws with it. One peer's word that it has nothing more is not enough where it told of feeds
 * that are fetched from somebody else.
 */
import type { VectorItem } from "../ports.ts";

/** Longest wait, ms, however much still arrives. */
const MOST_MS = 60_000;

/** Waits for the first exchange with peers. */
export interface FirstSync {
  /** A peer answered with what it has; with nothing when it has the same. */
  answered(items: readonly VectorItem[]): void;
  /** Something was fetched, or an exchange ended. */
  moved(): void;
  /** Resolves when all that any peer told of is held, or when nothing has moved for `quietMs`, ms. */
  wait(quietMs: number): Promise<void>;
}

/** Creates the wait. `isMissing`: whether more of a feed is wanted than is held here. */
export function createFirstSync(isMissing: (item: VectorItem) => boolean): FirstSync {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let owed: readonly VectorItem[] | undefined;
  let moves = 0;
  let isDone = false;

  function look(): void {
    if (isDone || owed === undefined) return;
    owed = owed.filter(isMissing);
    isDone = owed.length === 0;
    if (isDone) resolve();
  }

  return {
    answered(items) {
      if (isDone) return;
      moves++;
      owed = [...(owed ?? []), ...items];
    },
    moved() {
      if (isDone) return;
      moves++;
      look();
    },
    async wait(quietMs) {
      for (let waited = 0; waited < MOST_MS && !isDone; waited += quietMs) {
        const before = moves;
        if (quietMs > 0) await settledWithin(done, quietMs);
        look();
        if (moves === before) return;
      }
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
