import type { Store, StoreOp } from "../../ports.ts";

/** A store in memory that behaves like a disk, for tests: what was not synced is gone after `crash`. */
export interface MemoryStore extends Store {
  /** Power cut: pending commits fail, unsynced writes vanish. The returned store is what the next start finds. */
  crash(): MemoryStore;
  /** Lets pending commits reach the disk. Only needed with `manual`. */
  sync(): void;
  /** From now on commits fail with this error, until undefined is given. */
  failWith(error: Error | undefined): void;
  /** Number of commits that reached the disk. */
  readonly commits: number;
}

/** Creates a memory store. With `manual`, nothing is durable before `sync()`. */
export function createMemoryStore(
  options: { manual?: boolean; from?: ReadonlyMap<string, Uint8Array> } = {},
): MemoryStore {
  /** As readers see it, and as a power cut would leave it. */
  const disk = new Map(options.from ?? []);
  const durable = new Map(disk);
  let unsynced: StoreOp[] = [];
  let sorted: string[] | undefined;
  let pending: { ops: readonly StoreOp[]; sync: boolean; resolve(): void; reject(error: Error): void }[] = [];
  let failure: Error | undefined;
  let dead = false;
  let commits = 0;

  function flush(): void {
    const batch = pending;
    pending = [];
    for (const { ops, sync, resolve, reject } of batch) {
      if (failure !== undefined) {
        reject(failure);
        continue;
      }
      write(disk, ops);
      unsynced.push(...ops);
      if (sync) {
        write(durable, unsynced);
        unsynced = [];
      }
      sorted = undefined;
      commits++;
      resolve();
    }
  }

  return {
    get commits() {
      return commits;
    },
    get: (key) => disk.get(key),
    async *entries({ gte, lt, reverse = false, limit = -1 }) {
      sorted ??= [...disk.keys()].sort();
      let keys = sorted.filter((key) => key >= gte && key < lt);
      if (reverse) keys = keys.reverse();
      for (const key of limit >= 0 ? keys.slice(0, limit) : keys) {
        const value = disk.get(key);
        if (value !== undefined) yield [key, value];
      }
    },
    commit(ops, { sync = true } = {}) {
      if (dead) return new Promise(() => {}); // the process is gone: nobody is told anything
      return new Promise((resolve, reject) => {
        pending.push({ ops, sync, resolve, reject });
        if (options.manual !== true) queueMicrotask(flush);
      });
    },
    sync: flush,
    failWith(error) {
      failure = error;
    },
    crash() {
      dead = true;
      pending = [];
      return createMemoryStore({ ...options, from: durable });
    },
  };
}

function write(to: Map<string, Uint8Array>, ops: readonly StoreOp[]): void {
  for (const op of ops) {
    if (op.type === "put") to.set(op.key, op.value.slice());
    else to.delete(op.key);
  }
}
