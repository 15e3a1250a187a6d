/* What is played against the consortium: recorded lines in a detector's log, the twin's minute, or one after the other. */
import { appendFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../node/src/adapters/system.ts";
import type { ExpectedLine, ExpectedRecord } from "./expectation.ts";

/** The first alert of these records is being appended at this time, ms since the epoch. */
export type OnAppended = (records: readonly ExpectedRecord[], atMs: number) => void;

/** An attack. */
export interface Attack {
  /** Every record that it must lead to. */
  readonly records: readonly ExpectedRecord[];
  /** Plays it; resolves with how many lines the attacked plant must have read of it. */
  play(onAppended: OnAppended, signal: AbortSignal): Promise<number>;
}

/** Appends lines to a log, with a pause between two. */
export function replay(lines: readonly ExpectedLine[], log: string, paceMs: number): Attack {
  return {
    records: lines.flatMap(({ releases }) => releases),
    async play(onAppended, signal) {
      let count = 0;
      for (const { text, releases } of lines) {
        if (signal.aborted) break;
        onAppended(releases, systemClock.nowMs());
        await appendFile(log, `${text}\n`);
        count += 1;
        if (paceMs > 0) await delay(paceMs);
      }
      return count;
    },
  };
}

/** One attack after the other. */
export function inTurn(attacks: readonly Attack[]): Attack {
  return {
    records: attacks.flatMap(({ records }) => records),
    async play(onAppended, signal) {
      let count = 0;
      for (const attack of attacks) count += await attack.play(onAppended, signal);
      return count;
    },
  };
}
