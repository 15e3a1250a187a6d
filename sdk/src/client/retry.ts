import type { Failure } from "./request.ts";

/** How often and how patiently to try again. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** The first pause before jitter, ms; it doubles every time. */
  readonly baseMs: number;
  /** The longest pause, ms, also of one that the node asked for. */
  readonly maxMs: number;
}

/** Five attempts within about six seconds when the node says nothing else. */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, baseMs: 200, maxMs: 30_000 };

/** A number in [0, 1) from the platform's strong randomness. */
export function strongRandom(): number {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
  return word / 2 ** 32;
}

/** A key for one batch: 16 random bytes as 32 hexadecimal digits. */
export function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** Whether the same request can succeed later: the node was away, busy or full. */
export function isTransient({ error }: Failure): boolean {
  const { status } = error.details;
  return (
    error.code === "api.unavailable" ||
    (typeof status === "number" && (status === 429 || (status >= 502 && status <= 504) || status === 507))
  );
}

/** The pause before attempt `attempt` + 1 (counted from 1), ms: exponential, half of it jitter. */
export function pauseMs(
  policy: RetryPolicy,
  attempt: number,
  random: () => number,
  retryAfterSeconds?: number,
): number {
  const grown = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  const jittered = grown * (0.5 + random() / 2);
  return Math.min(policy.maxMs, Math.max(jittered, (retryAfterSeconds ?? 0) * 1000));
}

/** Waits, unless the signal aborts first; then throws its reason. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
