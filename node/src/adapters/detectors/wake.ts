/** When to look at a file again: at once when its directory reports a change, and now and then anyway. */
import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { inodeOf, isCompanion } from "./identity.ts";

/** Resolves `next` on every change since the last call. */
export interface Wake {
  next(): Promise<void>;
  close(): void;
}

/**
 * Watches the directory of a file (inotify on Linux) and polls as a safety net: for file systems
 * that report nothing, and for directories that are not there yet or were made again.
 */
export function watchFile(path: string, pollMs: number): Wake {
  const directory = dirname(path);
  const base = basename(path);
  let watcher: FSWatcher | undefined;
  let watched = "";
  let pending = true;
  let resolve: (() => void) | undefined;

  const wake = (): void => {
    pending = true;
    resolve?.();
    resolve = undefined;
  };
  const unwatch = (): void => {
    watcher?.close();
    watcher = undefined;
    watched = "";
  };
  const rewatch = (): void => {
    const stats = statSync(directory, { throwIfNoEntry: false });
    const inode = stats === undefined ? "" : inodeOf(stats);
    if (inode === watched) return;
    unwatch();
    if (inode === "") return;
    try {
      watcher = watch(directory, (_event, name) => {
        if (name === null || name === base || isCompanion(base, name)) wake();
      });
      watcher.on("error", unwatch);
      watched = inode;
    } catch {
      // Out of watches, or gone again: the poll goes on.
    }
  };
  rewatch();
  const timer = setInterval(() => {
    rewatch();
    wake();
  }, pollMs);
  timer.unref();

  return {
    async next() {
      if (!pending) await new Promise<void>((done) => (resolve = done));
      pending = false;
    },
    close() {
      clearInterval(timer);
      unwatch();
      wake();
    },
  };
}
