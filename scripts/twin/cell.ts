/* One plant's cell: a controller with its tank, the conduit gateway before it, the station, and room for an attacker. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { CellSettings } from "../consortium/plants.ts";
import { freePort, isOwnAddress } from "../consortium/ports.ts";
import { attack } from "./attacker.ts";
import { type Hmi, startHmi } from "./hmi.ts";
import { type Plc, startPlc } from "./plc.ts";
import type { Tank } from "./tank.ts";

/** What happened at a cell: an entry of `twin` in the figures. */
export interface CellRecord {
  /** The plant's letter. */
  readonly plant: string;
  /** Share of the time that the level was in the band, 0 to 1. */
  readonly timeInBand: number;
  readonly minM: number;
  readonly maxM: number;
  /** Attack writes that reached the controller. */
  readonly attackWritesReceived: number;
  /** Attack writes that were answered with an exception. */
  readonly attackWritesRefused: number;
  /** Share of the station's polls that were answered, 0 to 1. */
  readonly pollsAnswered: number;
  /** Share of the station's writes that were applied, 0 to 1. */
  readonly legitimateWritesApplied: number;
}

/** A cell that runs. */
export interface Cell {
  readonly letter: string;
  tank(): Tank;
  /** Attacks it with one round of commands a second; `onSent` is called right before each. Never rejects. */
  attack(rounds: number, signal: AbortSignal, onSent: (command: number) => void): Promise<void>;
  record(): CellRecord;
  /** Puts the process to rest and begins a new record. */
  reset(): void;
  stop(): Promise<void>;
}

/**
 * Addresses of the cell of a plant, 0 for A: machines are loopback addresses of a network of their own, so
 * that source addresses are real and nothing leaves this computer. Ports are free now. Throws `config.invalid`.
 */
export async function placeCell(index: number, isEnforcing: boolean): Promise<CellSettings> {
  const net = `127.${index + 1}.2`;
  const machines = [1, 10, 20, 66].map((host) => `${net}.${host}`);
  const areOwn = await Promise.all(machines.map(isOwnAddress));
  if (areOwn.includes(false))
    throw new AnamnesisError(
      "config.invalid",
      `the twin's machines need ${machines.join(", ")} on the loopback interface; add them (macOS: sudo ifconfig lo0 alias ADDRESS), or leave the twin out with --input fixtures/attacks/all.eve.json`,
    );
  return {
    network: `${net}.0/24`,
    controller: `${net}.10`,
    hmi: `${net}.20`,
    attacker: `${net}.66`,
    listen: { host: `${net}.1`, port: await freePort() },
    upstream: { host: `${net}.10`, port: await freePort() },
    isEnforcing,
  };
}

/** Starts controller and station. The gateway between them is a process of the consortium. */
export async function startCell(letter: string, settings: CellSettings): Promise<Cell> {
  const { upstream, listen, hmi: station, attacker } = settings;
  const plc: Plc = await startPlc(upstream.host, upstream.port);
  const hmi: Hmi = startHmi({ from: station, to: listen });
  let refused = 0;
  return {
    letter,
    tank: plc.tank,
    attack: (rounds, signal, onSent) =>
      attack({ from: attacker, to: listen }, rounds, signal, {
        onSent,
        onRefused() {
          refused += 1;
        },
      }),
    record() {
      const { timeInBand, minM, maxM, attackWrites } = plc.record();
      const { pollsAnswered, writesApplied } = hmi.record();
      return {
        plant: letter,
        timeInBand: rounded(timeInBand),
        minM: rounded(minM),
        maxM: rounded(maxM),
        attackWritesReceived: attackWrites,
        attackWritesRefused: refused,
        pollsAnswered: rounded(pollsAnswered),
        legitimateWritesApplied: rounded(writesApplied),
      };
    },
    reset() {
      refused = 0;
      plc.reset();
      plc.mark();
      hmi.mark();
    },
    async stop() {
      await hmi.stop();
      await plc.stop();
    },
  };
}

/** Thousandths: millimetres for a level. Only what is whole becomes 1. */
function rounded(value: number): number {
  return Math.floor(value * 1000 + 1e-6) / 1000;
}
