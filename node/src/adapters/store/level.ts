import { mkdirSync } from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { ClassicLevel } from "classic-level";
import type { Log, Store, StoreOp } from "../../ports.ts";

/** A store on disk that can be closed. */
export interface ClosableStore extends Store {
  /** Waits for what was committed and gives up the lock. */
  close(): Promise<void>;
}

interface Waiting {
  readonly ops: readonly StoreOp[];
  readonly sync: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/** Without a later synced commit, what was not synced is so after this, ms. */
const SYNC_WITHIN_MS = 1000;
/** A key that stands for nothing: writing it syncs all that was written before. */
const SYNC_MARK: StoreOp = { type: "put", key: "sync", value: new Uint8Array() };

/**
 * Opens the LevelDB store of one node, created when absent, locked while open.
 *
 * Group commit: what arrives while one synced batch is being written is the next batch, so that the
 * cost of a sync is shared and no timer is involved. After a failed write LevelDB refuses everything;
 * the store reopens itself before the next commit, so that a full disk heals once there is room.
 *
 * Throws `store.locked` when another process holds it, `store.corrupt` | `store.io`.
 */
export async function openLevelStore(directory: string, log: Log): Promise<ClosableStore> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  let db = await open(directory);
  let queue: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let broken = false;
  let syncTimer: NodeJS.Timeout | undefined;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      try {
        if (broken) {
          await db.close();
          db = await open(directory);
          broken = false;
          log.info("store.reopened", { directory });
        }
        const sync = batch.some((waiting) => waiting.sync);
        await db.batch(
          batch.flatMap((waiting) => waiting.ops as StoreOp[]),
          { sync },
        );
        syncLater(sync);
        for (const waiting of batch) waiting.resolve();
      } catch (cause) {
        broken = true;
        const error = translate(cause, directory);
        log.error("store.failed", { code: error.code, message: error.message });
        for (const waiting of batch) waiting.reject(error);
      }
    }
    writing = undefined;
  }

  function syncLater(isSynced: boolean): void {
    if (isSynced) {
      clearTimeout(syncTimer);
      syncTimer = undefined;
      return;
    }
    // A failure was logged, and the next commit tells it to its caller.
    syncTimer ??= setTimeout(() => {
      syncTimer = undefined;
      write([SYNC_MARK], true).catch(() => undefined);
    }, SYNC_WITHIN_MS).unref();
  }

  function write(ops: readonly StoreOp[], sync: boolean): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      queue.push({ ops, sync, resolve, reject });
      writing ??= drain();
    });
  }

  return {
    // While it reopens itself on a full disk, reading fails, too: as the store's fault, not the reader's.
    get(key) {
      try {
        return db.getSync(key);
      } catch (cause) {
        throw translate(cause, directory);
      }
    },
    async *entries({ gte, lt, reverse = false, limit = -1 }) {
      try {
        const iterator = db.iterator({ gte, lt, reverse, limit });
        try {
          for (let page = await iterator.nextv(1000); page.length > 0; page = await iterator.nextv(1000))
            yield* page;
        } finally {
          await iterator.close();
        }
      } catch (cause) {
        // A reader that throws into the loop closes it by `return`: what arrives here is the store's.
        throw translate(cause, directory);
      }
    },
    commit(ops, { sync = true } = {}) {
      if (ops.length === 0) return Promise.resolve();
      return write(ops, sync);
    },
    async close() {
      clearTimeout(syncTimer);
      await writing;
      await db.close();
    },
  };
}

type Database = ClassicLevel<string, Uint8Array>;

async function open(directory: string): Promise<Database> {
  const db: Database = new ClassicLevel(directory, { keyEncoding: "utf8", valueEncoding: "view" });
  try {
    await db.open();
    return db;
  } catch (cause) {
    throw translate(cause, directory);
  }
}

function translate(cause: unknown, directory: string): AnamnesisError {
  const chain = [cause, (cause as { cause?: unknown })?.cause] as { code?: string; message?: string }[];
  const text = chain.map((error) => `${error?.code ?? ""} ${error?.message ?? ""}`).join(" ");
  const options = { cause, details: { directory } };
  if (/LEVEL_LOCKED|lock/i.test(text)) {
    return new AnamnesisError(
      "store.locked",
      `another process uses the data directory ${directory}; stop it first`,
      options,
    );
  }
  if (/No space left|ENOSPC/i.test(text)) {
    return new AnamnesisError(
      "store.full",
      `the disk under ${directory} is full; nothing was lost, free some space`,
      options,
    );
  }
  if (/Corruption|LEVEL_CORRUPTION/i.test(text)) {
    return new AnamnesisError(
      "store.corrupt",
      `the store in ${directory} is damaged; move it away and start again: peers hold the feeds`,
      options,
    );
  }
  return new AnamnesisError("store.io", `the store in ${directory} cannot be used: ${text.trim()}`, options);
}
