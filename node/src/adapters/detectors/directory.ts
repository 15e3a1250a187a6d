/** The detector for a directory: every file of a name, whatever they are called when, packed or not. */
import { existsSync, globSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Clock, Detector, LineBatch, Log } from "../../ports.ts";
import { type FileMark, type FolderPosition, markFile, readFolder, settleFolder } from "./folder-position.ts";
import { lookAt } from "./identity.ts";
import type { Line } from "./lines.ts";
import { createOutcomes, type KeptReader, type OutcomeOptions, type Outcomes } from "./outcomes.ts";
import { MOST_LINES, openSource, type Source, takeLines } from "./sources.ts";

/** What a detector of a directory needs. */
export interface DirectoryOptions extends Omit<OutcomeOptions, "path"> {
  readonly directory: string;
  /** Names below it: `*` within a name, `**` over folders. */
  readonly files: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Pause between two looks, ms. Default 1000. */
  readonly pollMs?: number;
}

/** A last line without its end is one when nothing was added for so long. */
const QUIET_MS = 30_000;
/** Formats' state of so many files is kept over a restart, those written last. */
const READERS_KEPT = 32;
/** Lines of one file are seldom repeated in another: a small window serves each. */
const WINDOW = 4096;

/**
 * A detector that reads every file of a directory once, oldest first, and goes on with those that grow.
 *
 * A file is known by its first lines, not by its name: renamed, moved within the directory or packed,
 * it is the same and goes on where it was. How far each was read is committed with what was read.
 */
export function createDirectory(options: DirectoryOptions): Detector {
  const { name, directory, files, log, clock } = options;
  const pollMs = options.pollMs ?? 1000;
  const stopped = new AbortController();
  let running: Promise<void> | undefined;
  let wake: () => void = () => undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (stopped.signal.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async (stored: unknown, sink: (batch: LineBatch) => Promise<void>): Promise<void> => {
    let position: FolderPosition = readFolder(stored);
    const readers = new Map<string, Outcomes>();
    /** When a file was last seen to have grown, on the monotonic clock. */
    const grown = new Map<string, { offset: number; atMs: number }>();
    /** Files that were read to their end, by path, and what they looked like then. */
    const done = new Map<string, { readonly look: string; readonly id: string }>();

    const deliver = async (
      source: Source,
      id: string,
      lines: readonly Line[],
      offset: number,
    ): Promise<void> => {
      const outcomes = readerOf(source, id);
      const stream = `${position.marks[id]?.generation ?? 0}:${id}`;
      const given = outcomes.of({ stream, lines, mtimeMs: source.mtimeMs() });
      const kept = outcomes.kept();
      const mark: FileMark = {
        offset,
        mtimeMs: Math.floor(source.mtimeMs()),
        generation: position.marks[id]?.generation ?? 0,
        ...(kept.reader !== undefined && { reader: kept.reader }),
      };
      const next = markFile(position, id, mark, READERS_KEPT);
      for (;;) {
        try {
          await sink({ detector: name, position: next, lines: given });
          position = next;
          return;
        } catch (error) {
          if (stopped.signal.aborted) throw error;
          log.error("detector.sink", { detector: name, lines: lines.length, reason: String(error) });
          await pause(500);
        }
      }
    };

    const readerOf = (source: Source, id: string): Outcomes => {
      let outcomes = readers.get(id);
      if (outcomes === undefined) {
        const kept: KeptReader = { ...(position.marks[id]?.reader && { reader: position.marks[id].reader }) };
        outcomes = createOutcomes({ ...options, path: source.path, window: WINDOW }, kept);
        if (readers.size >= READERS_KEPT) readers.delete(readers.keys().next().value as string);
        readers.set(id, outcomes);
      }
      return outcomes;
    };

    const readOn = async (path: string, id: string, from: number): Promise<void> => {
      const source = openSource(path, {
        offset: from,
        generation: 0,
        onDamage: (error) => log.warn("detector.io", { path, reason: `damaged archive: ${error}` }),
      });
      if (source === undefined) return;
      const { splitter } = source;
      try {
        for (let result: string = "data"; result === "data" && !stopped.signal.aborted; ) {
          result = await source.read();
          for (let lines = takeLines(source); lines.length > 0; lines = takeLines(source)) {
            await deliver(source, id, lines, splitter.offset());
            if (lines.length === MOST_LINES) await setImmediate();
            if (stopped.signal.aborted) return;
          }
        }
        if (stopped.signal.aborted) return;
        const over = source.packed ? !source.isCut() : isQuiet(id, splitter.end());
        const rest = over ? splitter.rest() : undefined;
        if (rest !== undefined) await deliver(source, id, [rest], splitter.offset());
      } finally {
        source.close();
      }
    };

    const isQuiet = (id: string, offset: number): boolean => {
      const nowMs = clock.monotonicMs();
      const before = grown.get(id);
      if (before?.offset === offset) return nowMs - before.atMs >= QUIET_MS;
      grown.set(id, { offset, atMs: nowMs });
      return false;
    };

    const look = async (): Promise<void> => {
      const found = globSync(files, { cwd: directory })
        .flatMap((file) => {
          const path = join(directory, file);
          const stats = statSync(path, { throwIfNoEntry: false });
          if (stats?.isFile() !== true) return [];
          const { mtimeMs, size, ino } = stats;
          return [{ path, mtimeMs, size, look: `${ino}:${size}:${mtimeMs}` }];
        })
        .sort((a, b) => a.mtimeMs - b.mtimeMs);
      const present = new Set<string>();
      for (const { path, size, look } of found) {
        if (stopped.signal.aborted) return;
        const before = done.get(path);
        if (before?.look === look) {
          present.add(before.id);
          continue;
        }
        const file = lookAt(path);
        // Of a file that is there twice, packed and not, one is read.
        if (file === undefined || present.has(file.fingerprint)) continue;
        const id = file.fingerprint;
        present.add(id);
        const mark = position.marks[id];
        if (mark === undefined && file.mtimeMs < position.forgottenMs) continue;
        const isDone = (): boolean => {
          const now = position.marks[id];
          return now !== undefined && (file.packed ? now.packedSize === size : now.offset === size);
        };
        if (mark !== undefined && !file.packed && size < mark.offset) {
          log.warn("detector.truncated", { path, was: mark.offset, is: size });
          readers.delete(id);
          const again = { offset: 0, mtimeMs: file.mtimeMs, generation: mark.generation + 1 };
          position = markFile(position, id, again, READERS_KEPT);
        }
        if (!isDone()) await readOn(path, id, position.marks[id]?.offset ?? 0);
        const now = position.marks[id];
        if (file.packed && now !== undefined && !stopped.signal.aborted) {
          const { reader: _over, ...rest } = now;
          position = markFile(position, id, { ...rest, packedSize: size }, READERS_KEPT);
        }
        if (isDone()) done.set(path, { look, id });
      }
      for (const path of done.keys()) if (!found.some((each) => each.path === path)) done.delete(path);
      position = settleFolder(position, present);
      for (const id of grown.keys()) if (!present.has(id)) grown.delete(id);
    };

    let said = false;
    while (!stopped.signal.aborted) {
      try {
        if (existsSync(directory)) await look();
        else if (!said)
          log.warn("detector.io", { detector: name, directory, reason: "the directory is not there" });
        said = !existsSync(directory);
      } catch (error) {
        if (stopped.signal.aborted) break;
        log.warn("detector.io", { detector: name, directory, reason: String(error) });
      }
      await pause(pollMs);
    }
  };

  return {
    name,
    async start(position, sink) {
      running = run(position, sink);
      const watcher = watchDirectory(directory, () => wake());
      stopped.signal.addEventListener("abort", () => watcher?.close());
      log.info("detector.started", { detector: name, directory, files });
    },
    async stop() {
      stopped.abort();
      wake();
      await running;
    },
  };
}

function watchDirectory(directory: string, changed: () => void): { close(): void } | undefined {
  try {
    const watcher = watch(directory, changed);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined; // not there yet: the poll finds it
  }
}
