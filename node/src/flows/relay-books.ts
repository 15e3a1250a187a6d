import type { Clock, Log } from "../ports.ts";
import type { Registry } from "../state/registry.ts";

/** Why an item is not sent now: until a monotonic time (infinite: never), or until a block is indexed. */
interface Pause {
  readonly untilMs: number;
  readonly block: number;
}

/** What the relay remembers of items, by their ids; everything else it computes at each look. */
export interface RelayBooks {
  /** Not again for so long, or until `block` is indexed, whichever comes first. */
  rest(id: string, ms: number, block?: number): void;
  isResting(id: string): boolean;
  /** A chain node says that a block took it. */
  called(id: string, block: number): void;
  /** It was passed over, so that the index need not show it. */
  passedOver(id: string): void;
  /** Before each look: forgets pauses that are over. */
  wake(): void;
  /** At each look: what was called mined in a block that is indexed, and is still lacking, is told once. */
  compare(lacking: ReadonlySet<string>): void;
  /** A rollback: what was mined may be gone. */
  clear(): void;
  /** Items that a chain node called mined and the index of that block does not show. */
  unseen(): readonly { readonly item: string; readonly block: number }[];
}

export function createRelayBooks(ports: {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
  readonly registry: Pick<Registry, "recordedAt">;
}): RelayBooks {
  const { clock, registry, log } = ports;
  const pauses = new Map<string, Pause>();
  /** By the block they were called to be in, until the index has come so far. */
  const mined = new Map<string, number>();
  const unseen = new Map<string, number>();
  const indexed = () => registry.recordedAt()?.number ?? -1;

  return {
    rest: (id, ms, block = Number.POSITIVE_INFINITY) =>
      void pauses.set(id, { untilMs: clock.monotonicMs() + ms, block }),
    isResting: (id) => pauses.has(id),
    called: (id, block) => void mined.set(id, block),
    passedOver: (id) => void mined.delete(id),
    wake() {
      const now = clock.monotonicMs();
      const block = indexed();
      for (const [id, pause] of pauses) if (now >= pause.untilMs || block >= pause.block) pauses.delete(id);
    },
    compare(lacking) {
      for (const [id, block] of mined) {
        if (block > indexed()) continue;
        mined.delete(id);
        if (!lacking.has(id) || unseen.has(id)) continue;
        unseen.set(id, block);
        log.error("relay.unseen", { item: id, block });
      }
      for (const id of unseen.keys()) if (!lacking.has(id)) unseen.delete(id);
    },
    clear() {
      pauses.clear();
      mined.clear();
    },
    unseen: () => [...unseen].map(([item, block]) => ({ item, block })),
  };
}
