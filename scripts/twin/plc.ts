/* A controller: the tank in real time behind a Modbus TCP server. */
import type { Server } from "node:net";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import modbus from "modbus-serial";
import { AT_REST, BAND, STEP_S, step, type Tank } from "./tank.ts";

/** Addresses of the PDU. */
export const HOLDING = { setPointMm: 0, mode: 1, manualValvePermille: 2 } as const;
export const COIL_OUTLET = 0;
export const INPUT = { levelMm: 0, valvePermille: 1 } as const;

/** What was seen at the controller since the last `mark`. */
export interface PlcRecord {
  /** Share of the time that the level was in the band, 0 to 1. */
  readonly timeInBand: number;
  readonly minM: number;
  readonly maxM: number;
  /** Writes to mode, manual valve and outlet, which the plant's own machines never make. */
  readonly attackWrites: number;
}

/** A running controller. */
export interface Plc {
  tank(): Tank;
  record(): PlcRecord;
  /** Begins a new record. */
  mark(): void;
  /** Puts the process back to rest, as an operator on site would. */
  reset(): void;
  stop(): Promise<void>;
}

/** Starts a controller at host and port. Throws `port.taken`. */
export async function startPlc(host: string, port: number): Promise<Plc> {
  let tank: Tank = AT_REST;
  let steps = 0;
  let inBand = 0;
  let [minM, maxM] = [tank.levelM, tank.levelM];
  let attackWrites = 0;
  let doneMs = performance.now();

  const mark = (): void => {
    [steps, inBand, attackWrites] = [0, 0, 0];
    [minM, maxM] = [tank.levelM, tank.levelM];
  };
  /** As many steps as real time has passed: a machine that is late makes them up. */
  const run = (): void => {
    for (const now = performance.now(); doneMs + STEP_S * 1000 <= now; doneMs += STEP_S * 1000) {
      tank = step(tank);
      steps += 1;
      if (tank.levelM >= BAND.low && tank.levelM <= BAND.high) inBand += 1;
      minM = Math.min(minM, tank.levelM);
      maxM = Math.max(maxM, tank.levelM);
    }
  };
  const change = (next: Partial<Tank>): void => {
    run(); // what was written holds from now on, not from the last step on
    tank = { ...tank, ...next };
  };

  const vector = {
    getInputRegister(address: number): number {
      if (address === INPUT.levelMm) return Math.round(tank.levelM * 1000);
      if (address === INPUT.valvePermille) return Math.round(tank.valve * 1000);
      throw new Error("no such register");
    },
    getHoldingRegister(address: number): number {
      if (address === HOLDING.setPointMm) return Math.round(tank.setPointM * 1000);
      if (address === HOLDING.mode) return tank.isManual ? 1 : 0;
      if (address === HOLDING.manualValvePermille) return Math.round(tank.manualValve * 1000);
      throw new Error("no such register");
    },
    getCoil: (): boolean => tank.isOutletOpen,
    setRegister(address: number, value: number): void {
      if (address !== HOLDING.setPointMm) attackWrites += 1;
      if (address === HOLDING.setPointMm) change({ setPointM: value / 1000 });
      else if (address === HOLDING.mode) change({ isManual: value === 1 });
      else if (address === HOLDING.manualValvePermille) change({ manualValve: Math.min(value, 1000) / 1000 });
    },
    setCoil(address: number, isOn: boolean): void {
      attackWrites += 1;
      if (address === COIL_OUTLET) change({ isOutletOpen: isOn });
    },
  };
  const server = new modbus.ServerTCP(vector as never, { host, port, unitID: 1 });
  await new Promise<void>((resolve, reject) => {
    server.once("initialized" as never, () => resolve());
    (server as unknown as { _server: Server })._server.once("error", (cause) =>
      reject(new AnamnesisError("port.taken", `the controller cannot listen on ${host}:${port}`, { cause })),
    );
  });
  server.on("socketError", () => undefined); // who hangs up in mid-question
  const timer = setInterval(run, STEP_S * 1000);
  return {
    tank: () => tank,
    record: () => ({ timeInBand: steps === 0 ? 1 : inBand / steps, minM, maxM, attackWrites }),
    mark,
    reset() {
      tank = AT_REST;
    },
    async stop() {
      clearInterval(timer);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
