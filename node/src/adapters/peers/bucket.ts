/** A token bucket over a monotonic clock. */
export interface Bucket {
  /** Takes `amount` tokens when they are there; false leaves the bucket as it is. */
  take(amount: number): boolean;
}

/** A bucket that holds `burst` tokens and gains `perSecond`; `monotonicMs` is read at each take. */
export function createBucket(perSecond: number, burst: number, monotonicMs: () => number): Bucket {
  let tokens = burst;
  let at = monotonicMs();
  return {
    take(amount) {
      const now = monotonicMs();
      tokens = Math.min(burst, tokens + (Math.max(0, now - at) / 1000) * perSecond);
      at = now;
      if (tokens < amount) return false;
      tokens -= amount;
      return true;
    },
  };
}
