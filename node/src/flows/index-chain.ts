/** Follows the chain: pages of blocks go into the registry, with a cursor of block hashes that notices rollbacks. */
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { BlockRef, Chain, ChainEvent, Clock, Log } from "../ports.ts";
import type { Registry } from "../state/registry.ts";

export interface IndexPorts {
  readonly chain: Pick<Chain, "head" | "block" | "events">;
  readonly registry: Pick<Registry, "pages" | "commit">;
}

/** Where the index stands. */
export interface IndexState {
  /** Blocks between the head seen and the indexed block. */
  readonly lag: number;
  readonly head: BlockRef;
}

/** Follows the chain by itself. */
export interface Indexer {
  start(): void;
  stop(): Promise<void>;
  /** Looks at the chain now. Never rejects for a chain that is out of reach. */
  kick(): Promise<void>;
  /** Blocks behind the head last seen; 0 before any was seen. */
  lag(): number;
  /** Whether the chain answered last time. */
  reachable(): boolean;
  /** The head last seen. */
  head(): BlockRef | undefined;
  /** Blocks that were seen and went away again: how often, and the last time. On QBFT that never happens. */
  rollbacks(): { readonly count: number; readonly lastAtMs?: number };
  /** Runs `work` while the index stands still. */
  hold<T>(work: () => Promise<T>): Promise<T>;
}

/** Blocks per page; public nodes refuse wider ones. */
const PAGE = 2_000;
/** A chain that changes under a page is read again, this often before the next head is waited for. */
const TRIES = 5;
/** Looks even without a hint, since hints may be lost. */
const LOOK_MS = 5_000;

/**
 * Brings the registry up to the chain's head.
 *
 * A block hash that differs from the cursor's walks back to the last page end both share; the page
 * from there to the head is then committed whole, so that readers never see the registry half empty.
 * @throws AnamnesisError `chain.unreachable` | `chain.mismatch` | those of the store
 */
export async function indexOnce(ports: IndexPorts, pageBlocks = PAGE): Promise<IndexState> {
  const { chain, registry } = ports;
  let head = await chain.head();
  for (let tries = 0; tries < TRIES; ) {
    const cursor = registry.pages().at(-1);
    if (cursor?.hash === head.hash) return { lag: 0, head };
    const base = await findBase(ports, head);
    const rollback = base?.hash !== cursor?.hash;
    const page = await readPage(
      ports,
      base,
      head,
      rollback ? Number.POSITIVE_INFINITY : pageBlocks,
      pageBlocks,
    );
    if (page === undefined) tries++;
    else await registry.commit({ base, ...page });
    head = await chain.head();
  }
  return { lag: Math.max(0, head.number - (registry.pages().at(-1)?.number ?? -1)), head };
}

/** Drives `indexOnce` by new heads. */
export function createIndexer(
  ports: IndexPorts & {
    readonly chain: Chain;
    readonly registry: Pick<Registry, "onChange">;
    readonly log: Log;
    readonly clock?: Clock;
  },
): Indexer {
  const { chain, registry, log } = ports;
  let head: BlockRef | undefined;
  let reachable = false;
  let failure = "";
  let running: Promise<void> | undefined;
  let again = false;
  let unsubscribe = () => {};
  let timer: NodeJS.Timeout | undefined;
  let isHeld = false;
  let rollbacks = 0;
  let rolledBackAtMs: number | undefined;
  const forget = registry.onChange(({ block, rolledBack }) => {
    if (!rolledBack || isHeld) return; // what a rebuild puts in its place is no rollback
    rollbacks++;
    rolledBackAtMs = ports.clock?.monotonicMs();
    log.error("index.rolledBack", { block: block.number });
  });

  const run = async () => {
    do {
      again = false;
      try {
        ({ head } = await indexOnce(ports));
        if (!reachable) log.info("index.following", { block: head.number });
        reachable = true;
        failure = "";
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        // Without the chain everything goes on; said once, then at every change of reason.
        if (failure !== error.code) log.warn("index.paused", { code: error.code, error: error.message });
        failure = error.code;
        reachable = false;
        return;
      }
    } while (again);
  };

  const kick = (): Promise<void> => {
    again = true;
    if (running !== undefined) return running;
    const mine = run().finally(() => {
      if (running === mine) running = undefined;
    });
    running = mine;
    return mine;
  };

  return {
    start() {
      unsubscribe = chain.onHead(() => void kick());
      timer = setInterval(() => void kick(), LOOK_MS);
      timer.unref();
      void kick();
    },
    async stop() {
      unsubscribe();
      forget();
      clearInterval(timer);
      await running;
    },
    kick,
    lag: () => (head === undefined ? 0 : Math.max(0, head.number - (registry.pages().at(-1)?.number ?? -1))),
    reachable: () => reachable,
    head: () => head,
    rollbacks: () => ({
      count: rollbacks,
      ...(rolledBackAtMs !== undefined && { lastAtMs: rolledBackAtMs }),
    }),
    async hold(work) {
      const turn = (running ?? Promise.resolve()).then(() => {
        isHeld = true;
        return work();
      });
      running = turn.then(
        () => {},
        () => {},
      );
      const mine = running;
      try {
        return await turn;
      } finally {
        isHeld = false;
        if (running === mine) running = undefined;
        void kick();
      }
    },
  };
}

/** The last page end that the chain still has; undefined when none is left. */
async function findBase({ chain, registry }: IndexPorts, head: BlockRef): Promise<BlockRef | undefined> {
  for (const page of registry.pages().toReversed()) {
    if (page.number > head.number) continue;
    if ((await chain.block(page.number))?.hash === page.hash) return page;
  }
  return undefined;
}

/** Events after `base`, or undefined when the chain changed meanwhile. */
async function readPage(
  { chain }: IndexPorts,
  base: BlockRef | undefined,
  head: BlockRef,
  mostBlocks: number,
  pageBlocks: number,
): Promise<{ events: ChainEvent[]; to: BlockRef } | undefined> {
  const first = base === undefined ? 0 : base.number + 1;
  const last = Math.min(head.number, first + mostBlocks - 1);
  const to = last === head.number ? head : await chain.block(last);
  if (to === undefined) return undefined;
  const events: ChainEvent[] = [];
  for (let from = first; from <= last; from += pageBlocks) {
    events.push(...(await chain.events(from, Math.min(last, from + pageBlocks - 1))));
  }
  const stands = async (ref: BlockRef | undefined) =>
    ref === undefined || (await chain.block(ref.number))?.hash === ref.hash;
  const [isTo, isBase] = await Promise.all([stands(to), stands(base)]);
  return isTo && isBase ? { events, to } : undefined;
}
