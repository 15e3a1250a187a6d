/*
 * The projection made anew beside the one in use: the chain read again from block 0, the feeds from their
 * items. Equal memory hashes say that nothing was lost, withheld or torn on the way; anything else is
 * named. The one in use is replaced only when that was asked for, and only where they differ.
 */
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Difference, RebuildView } from "../api.ts";
import type { BlockRef, Chain, ChainEvent, Clock, Log } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import { createRegistry, type Registry } from "../state/registry.ts";
import { createScratchStore } from "../state/scratch-store.ts";
import { createDifferenceList } from "./difference-list.ts";
import { indexOnce } from "./index-chain.ts";
import { compareRegistries } from "./rebuild-compare.ts";
import { projectAgain } from "./rebuild-feeds.ts";

/** Ports of the rebuild. */
export interface RebuildPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly chain: Pick<Chain, "head" | "block" | "events">;
  readonly hasher: TypedDataHasher;
  readonly rooms: Rooms;
  /** Runs work while the index in use stands still. */
  hold<T>(work: () => Promise<T>): Promise<T>;
  /** Projects the feeds in use again. */
  project(): void;
  onProgress?(block: number, head: number): void;
}

type Done = RebuildView & { readonly state: "done" };

/**
 * Rebuilds and compares; `replace` puts the rebuilt one in the place of the other where they differ.
 *
 * @throws AnamnesisError `chain.unreachable` | `chain.mismatch` | `chain.contradiction` | those of the store
 */
export async function rebuild(ports: RebuildPorts, replace: boolean): Promise<Done> {
  const { rooms, log } = ports;
  const inUse = rooms.registry;
  const fresh = await createRegistry(createScratchStore());
  // The long way without holding anybody up, then the last blocks while the index stands still.
  await indexOnce({ chain: pinned(ports, inUse.recordedAt()), registry: fresh });
  return ports.hold(async () => {
    const list = createDifferenceList();
    const at = await standingOf(ports, inUse.recordedAt());
    await indexOnce({ chain: pinned(ports, at), registry: fresh });
    const block = fresh.recordedAt() ?? at;
    if (inUse.recordedAt()?.hash !== block.hash) list.add(otherBranch(inUse.recordedAt(), block));
    const stored = await inUse.recordedHashAt(inUse.recordedAt()?.number ?? -1);
    if (stored !== inUse.recordedHash()) list.add(torn(inUse.recordedHash(), stored));
    compareRegistries(inUse, fresh, (difference) => list.add(difference));
    const isSameChain = list.result().total === 0;
    const held = await projectAgain({ ...ports, registry: fresh }, (difference) => list.add(difference));
    const recorded = { inUse: inUse.recordedHash(), stored, rebuilt: fresh.recordedHash() };
    const found = list.result();
    const equal = found.total === 0;
    if (replace && !equal) {
      if (!isSameChain) await adopt(inUse, fresh, block);
      ports.project();
    }
    log.info("doctor.rebuilt", { block: block.number, equal, replaced: replace && !equal });
    return {
      state: "done",
      block: block.number,
      recorded,
      held,
      equal,
      replaced: replace && !equal,
      differences: found,
    };
  });
}

/** The chain as it stands at one block, so that both are compared there. */
function pinned(
  { chain, onProgress }: RebuildPorts,
  at: BlockRef | undefined,
): Pick<Chain, "head" | "block" | "events"> {
  return {
    head: async () => at ?? (await chain.head()),
    block: chain.block,
    async events(from, to) {
      onProgress?.(from, at?.number ?? to);
      return chain.events(from, to);
    },
  };
}

/** The block in use when the chain still has it, else the chain's own head. */
async function standingOf({ chain }: RebuildPorts, at: BlockRef | undefined): Promise<BlockRef> {
  const same = at !== undefined && (await chain.block(at.number))?.hash === at.hash;
  return same ? at : chain.head();
}

async function adopt(inUse: Registry, fresh: Registry, to: BlockRef): Promise<void> {
  const events: ChainEvent[] = [];
  for await (const event of fresh.events()) events.push(event);
  await inUse.commit({ base: undefined, events, to });
}

function otherBranch(here: BlockRef | undefined, there: BlockRef): Difference {
  const name = (ref: BlockRef | undefined) => (ref === undefined ? "none" : `${ref.number} ${ref.hash}`);
  return {
    kind: "registry.block",
    field: "block",
    here: name(here),
    there: name(there),
    mends: "sync",
    message: `chain: the index stands at block ${name(here)}, which the chain does not have; it stands at ${name(there)}`,
  };
}

function torn(here: string, there: string): Difference {
  return {
    kind: "registry.store",
    field: "recordedHash",
    here,
    there,
    mends: "nobody",
    message: `store: the registers in use hash to ${here}, those folded from the store to ${there}`,
  };
}
