import { randomBytes } from "node:crypto";
import pino from "pino";
import type { Clock, Log, Randomness } from "../ports.ts";

/** Wall time at monotonic zero, ms, found at a tick of the wall clock: processes of one machine agree to a fraction of a ms. */
function calibrate(): number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return now - performance.now();
}

let origin = calibrate();

/** The machine's clock. `nowMs` has fractions and follows the wall clock when that is stepped. */
export const systemClock: Clock = {
  nowMs() {
    if (Math.abs(Date.now() - (origin + performance.now())) > 2) origin = calibrate();
    return origin + performance.now();
  },
  monotonicMs: () => performance.now(),
};

/** Random bytes drawn from the system at once: a draw costs as much as hashing an entry. */
const POOL_BYTES = 8192;

let pool = new Uint8Array(randomBytes(POOL_BYTES));
let taken = 0;

/** The operating system's random bytes, none given twice. */
export const systemRandomness: Randomness = {
  bytes(length) {
    if (length > POOL_BYTES) return randomBytes(length);
    if (taken + length > POOL_BYTES) {
      pool = new Uint8Array(randomBytes(POOL_BYTES));
      taken = 0;
    }
    const bytes = pool.slice(taken, taken + length);
    pool.fill(0, taken, taken + length); // what was given away is not kept here
    taken += length;
    return bytes;
  },
};

/** Structured lines on standard error; level from ANAMNESIS_LOG, `info` by default. */
export function createLog(plant: string, destination: number | string = 2): Log {
  const logger = pino(
    { level: process.env.ANAMNESIS_LOG ?? "info", base: { plant }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: destination, sync: true }),
  );
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}) =>
      logger[level]({ event, ...fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
