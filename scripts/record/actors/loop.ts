import { setTimeout as delay } from "node:timers/promises";

/** Runs `step` at a fixed rate from `offsetMs` on, for ever; a failing step is told and the next one still comes. */
export async function every(periodMs: number, offsetMs: number, step: () => Promise<void>): Promise<void> {
  let dueMs = performance.now() + offsetMs;
  for (;;) {
    await delay(Math.max(0, dueMs - performance.now()));
    try {
      await step();
    } catch (error) {
      // modbus-serial rejects with plain objects.
      const { name, message } = error as Error;
      console.error(`step failed: ${name}: ${message}`);
    }
    dueMs = Math.max(dueMs + periodMs, performance.now());
  }
}

/** Returns the address of the first argument and the plant number in its second octet, e.g. `["10.1.2.10", 1]`. */
export function addressArgument(): [address: string, plant: number] {
  const address = process.argv[2] ?? "";
  const plant = Number(/^10\.(\d+)\.\d+\.\d+$/.exec(address)?.[1]);
  if (!Number.isInteger(plant)) throw new Error(`expected an address such as 10.1.2.10, got "${address}"`);
  return [address, plant];
}
