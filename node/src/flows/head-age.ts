import type { BlockRef, Clock, Log } from "../ports.ts";

/** Ports of the head's age. */
export interface HeadAgePorts {
  readonly clock: Clock;
  readonly log: Log;
  /** The head last seen. */
  head(): BlockRef | undefined;
  /** Whether the chain answers: one that does not has an alarm of its own. */
  isReachable(): boolean;
  /** Whether something of ours waits to be mined. */
  isWaiting(): boolean;
}

/** Seconds between two blocks, while transactions wait and while none do. */
export interface BlockPeriods {
  readonly blockPeriodSeconds: number;
  readonly emptyBlockPeriodSeconds: number;
}

/** How old the head is. */
export interface HeadAge {
  /** Looks again; call it once a second. */
  look(): void;
  /** Seconds since a new head was seen; the first one is as old as its timestamp says. */
  ageSeconds(): number | undefined;
  /** What is wrong, for people; undefined while blocks come. */
  alarm(): string | undefined;
}

/** Rounds that never end are the commonest trouble of BFT chains; they show as a head that grows old. */
const PERIODS = 3;

/** A head older than three block periods is an alarm, by this machine's monotonic time; the next block clears it. */
export function createHeadAge(ports: HeadAgePorts, periods: BlockPeriods): HeadAge {
  const { clock, log } = ports;
  let seen: { readonly hash: string; readonly atMs: number } | undefined;
  let waitingSinceMs: number | undefined;
  let alarm: string | undefined;

  function ageMs(): number | undefined {
    return seen === undefined ? undefined : clock.monotonicMs() - seen.atMs;
  }

  function judge(): string | undefined {
    const age = ageMs();
    if (age === undefined || !ports.isReachable()) return undefined;
    const waited = waitingSinceMs === undefined ? 0 : clock.monotonicMs() - waitingSinceMs;
    const isBusyLate = Math.min(age, waited) > PERIODS * periods.blockPeriodSeconds * 1000;
    if (!isBusyLate && age <= PERIODS * periods.emptyBlockPeriodSeconds * 1000) return undefined;
    return `no new block for ${Math.floor(age / 1000)} s${isBusyLate ? " while transactions wait" : ""}; nothing is recorded until the validators agree again`;
  }

  return {
    look() {
      const head = ports.head();
      if (head !== undefined && head.hash !== seen?.hash) {
        const bornMs = seen === undefined ? Math.max(0, clock.nowMs() - head.timestamp * 1000) : 0;
        seen = { hash: head.hash, atMs: clock.monotonicMs() - bornMs };
      }
      waitingSinceMs = ports.isWaiting() ? (waitingSinceMs ?? clock.monotonicMs()) : undefined;
      const before = alarm;
      alarm = judge();
      if (before === undefined && alarm !== undefined) log.error("chain.stalled", { message: alarm });
      if (before !== undefined && alarm === undefined && ports.isReachable()) log.info("chain.moving", {});
    },
    ageSeconds() {
      const age = ageMs();
      return age === undefined ? undefined : Math.floor(age / 1000);
    },
    alarm: () => alarm,
  };
}
