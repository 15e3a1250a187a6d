import type { Clock } from "../ports.ts";
import type { Registry } from "../state/registry.ts";

/** Wall and monotonic time further apart than before by this much: the machine slept, was set back, or its clock was set, ms. */
const LEAP_MS = 5000;

/**
 * Tells, at each call, whether time leapt since the last one. A virtual machine that is set back to a
 * snapshot goes on with its memory as if nothing had happened; what shows it is its clock, once it is set right.
 */
export function createLeap(clock: Clock): () => boolean {
  const offset = () => clock.nowMs() - clock.monotonicMs();
  let last = offset();
  return () => {
    const now = offset();
    const leapt = Math.abs(now - last) >= LEAP_MS;
    last = now;
    return leapt;
  };
}

/** Compares this machine's clock with the chain's. */
export interface ChainTime {
  /** This clock minus the chain's time now, ms; undefined until a block was mined while we watched. */
  skewMs(): number | undefined;
}

/**
 * Watches the indexed block. Only a block that appears while the node runs tells the chain's time:
 * the head found at start may be days old, and so does the first one after the chain was away.
 */
export function createChainTime(clock: Clock, registry: Registry): ChainTime {
  let last = registry.recordedAt()?.number;
  let seen: { readonly blockMs: number; readonly monotonicMs: number } | undefined;
  registry.onChange(({ block, rolledBack }) => {
    const next = last !== undefined && block.number === last + 1 && !rolledBack;
    if (next) seen = { blockMs: block.timestamp * 1000, monotonicMs: clock.monotonicMs() };
    last = block.number;
  });
  return {
    skewMs: () =>
      seen === undefined
        ? undefined
        : clock.nowMs() - (seen.blockMs + clock.monotonicMs() - seen.monotonicMs),
  };
}
