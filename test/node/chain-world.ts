/** A fake ledger with four members, and what a node needs to follow it. */
import { createFakeLedger, type FakeLedger } from "../../node/src/adapters/chain/fake-chain.ts";
import { createMemoryStore, type MemoryStore } from "../../node/src/adapters/store/memory.ts";
import { indexOnce } from "../../node/src/flows/index-chain.ts";
import type { Clock, Log } from "../../node/src/ports.ts";
import { createRegistry, type Registry } from "../../node/src/state/registry.ts";
import { addressOf, BLINDING_KEY_HASH, FOUNDERS, node, PARAMETERS } from "./adapters/chain/fixtures.ts";

/** A clock that moves when told to. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

export function createTestClock(): TestClock {
  let elapsed = 0;
  return {
    nowMs: () => 1_764_000_000_000 + elapsed,
    monotonicMs: () => elapsed,
    advance(ms) {
      elapsed += ms;
    },
  };
}

/** A log that keeps what was said. */
export function createTestLog(): Log & {
  readonly lines: { event: string; fields: Record<string, unknown> }[];
} {
  const lines: { event: string; fields: Record<string, unknown> }[] = [];
  const write = (event: string, fields = {}) => void lines.push({ event, fields });
  return { lines, debug() {}, info: write, warn: write, error: write };
}

/** A ledger with node keys `node 1` to `node 4`. */
export function makeLedger(clock: Clock): FakeLedger {
  const ledger = createFakeLedger({
    founders: FOUNDERS,
    parameters: PARAMETERS,
    blindingKeyHash: BLINDING_KEY_HASH,
    clock,
  });
  for (const n of [1, 2, 3, 4]) ledger.addNodeKey(n, addressOf(node(n)));
  return ledger;
}

/** A registry on a store of its own, brought up to the ledger's head. */
export async function followLedger(
  ledger: FakeLedger,
): Promise<{ store: MemoryStore; registry: Registry; index(): Promise<void> }> {
  const store = createMemoryStore();
  const registry = await createRegistry(store);
  const chain = ledger.connect();
  const index = async () => void (await indexOnce({ chain, registry }));
  await index();
  return { store, registry, index };
}
