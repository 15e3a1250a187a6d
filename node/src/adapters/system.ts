import { randomBytes } from "node:crypto";
import pino from "pino";
import type { Clock, Log, Randomness } from "../ports.ts";

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now() + drift(),
  monotonicMs: () => performance.now(),
};

/** `performance` never steps; wall time may. The difference keeps fractions and follows steps of 5 ms and more. */
let correction = 0;
function drift(): number {
  const difference = Date.now() - (performance.timeOrigin + performance.now());
  if (Math.abs(difference - correction) > 5) correction = difference;
  return correction;
}

/** The operating system's random bytes. */
export const systemRandomness: Randomness = { bytes: (length) => new Uint8Array(randomBytes(length)) };

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
