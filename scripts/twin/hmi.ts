/* The plant's own station: it polls the level and moves the set point, as it may. */
import { createMachine, type Way } from "./machine.ts";
import { HOLDING, INPUT } from "./plc.ts";

/** What came of its questions since the last `mark`. */
export interface HmiRecord {
  /** Share of its polls that were answered, 0 to 1. */
  readonly pollsAnswered: number;
  /** Share of its writes that were taken and read back as written, 0 to 1. */
  readonly writesApplied: number;
}

/** A running station. */
export interface Hmi {
  record(): HmiRecord;
  mark(): void;
  stop(): Promise<void>;
}

const POLL_MS = 500;
/** A new set point every so many polls: 15 s. */
const POLLS_A_WRITE = 30;
const SET_POINTS_MM = [1050, 1000] as const;

/** Starts polling. */
export function startHmi(way: Way): Hmi {
  const machine = createMachine(way);
  let [polls, answered, writes, applied] = [0, 0, 0, 0];
  let rounds = 0;
  let isStopped = false;

  async function poll(): Promise<void> {
    polls += 1;
    const { data } = await machine.ask((client) => client.readInputRegisters(INPUT.levelMm, 2));
    if (data.length === 2) answered += 1;
  }

  async function write(): Promise<void> {
    const wanted = SET_POINTS_MM[(rounds / POLLS_A_WRITE) % 2 === 1 ? 0 : 1];
    writes += 1;
    await machine.ask((client) => client.writeRegister(HOLDING.setPointMm, wanted));
    const { data } = await machine.ask((client) => client.readHoldingRegisters(HOLDING.setPointMm, 1));
    if (data[0] === wanted) applied += 1;
  }

  let busy: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    rounds += 1;
    const isWrite = rounds % POLLS_A_WRITE === 0;
    busy = busy.then(async () => {
      if (isStopped) return;
      await poll().catch(() => undefined);
      if (isWrite) await write().catch(() => undefined);
    });
  }, POLL_MS);
  return {
    record: () => ({
      pollsAnswered: polls === 0 ? 1 : answered / polls,
      writesApplied: writes === 0 ? 1 : applied / writes,
    }),
    mark() {
      [polls, answered, writes, applied] = [0, 0, 0, 0];
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      await busy;
      machine.stop();
    },
  };
}
