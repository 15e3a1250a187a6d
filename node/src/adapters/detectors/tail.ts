/** Follows a log file through everything that happens to log files, and gives its lines once each. */
import { statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { Log } from "../../ports.ts";
import { inodeOf, lookAt, type PlannedRead, planRotated, type TailPosition, tailOf } from "./identity.ts";
import type { Line } from "./lines.ts";
import { MOST_LINES, openSource, positionOf, type Source, takeLines } from "./sources.ts";
import { watchFile } from "./wake.ts";

/** Lines that were there together. Their bytes are valid until the consumer's promise settles. */
export interface TailBatch {
  /** What tells this stream from every other at this path: generation and fingerprint. */
  readonly stream: string;
  readonly lines: readonly Line[];
  /** Covers all of them. */
  readonly position: TailPosition;
}

/** A running tailer. */
export interface Tail {
  /** Resolves when the consumer has settled and every file is closed. */
  stop(): Promise<void>;
}

const FINISHED_KEPT = 64;
const NO_TAIL = { tail: "", tailBytes: 0 };

/**
 * Follows `path` from a position on; the next batch waits for the consumer.
 *
 * Survives: rotation by rename (the old file is read to its end first, also lines written after the
 * rename), copytruncate (the copy is searched for what was not read), reuse of an inode, several
 * rotations while nobody looked, compressed rotations, a file or directory that is not there yet or
 * is made again, half lines (given once their newline is there, or the stream is over).
 * A compressed file given as `path` is read once. I/O errors are logged as `detector.io` and tried again.
 */
export function followFile(options: {
  readonly path: string;
  readonly position: TailPosition;
  readonly pollMs: number;
  readonly log: Log;
  readonly consume: (batch: TailBatch) => Promise<void>;
}): Tail {
  const { path, log, consume } = options;
  const wake = watchFile(path, options.pollMs);
  let stopping = false;
  let position = options.position;
  let finished = position.finished;
  let generation = position.generation;
  let queue: PlannedRead[] | undefined;
  let source: Source | undefined;
  let rotated = false; // whether `source` is one that will not grow

  const open = (planned: PlannedRead | undefined): Source | undefined => {
    const file = planned?.path ?? path;
    const resume = planned?.resume ?? false;
    const opened = openSource(file, {
      offset: resume ? position.offset : 0,
      generation: resume ? position.generation : generation + 1,
      onDamage: (error) => log.warn("detector.io", { path: file, reason: `damaged archive: ${error}` }),
    });
    if (opened !== undefined) generation = Math.max(generation, opened.generation);
    return opened;
  };

  /** Where to begin, or to go on after a stream is over. */
  const openNext = (): Source | undefined => {
    if (queue === undefined) {
      if (position.fingerprint !== "" && lookAt(path)?.continues(position)) {
        queue = [];
        rotated = false;
        return open({ path, packed: false, resume: true });
      }
      queue = [...planRotated(path, position)];
    }
    for (let planned = queue.shift(); planned !== undefined; planned = queue.shift()) {
      const opened = open(planned);
      if (opened === undefined) continue; // renamed again or removed since
      rotated = true;
      return opened;
    }
    rotated = false;
    const opened = open(undefined);
    // What appears later may be the stream we know: ask again then.
    if (opened === undefined) queue = undefined;
    return opened;
  };

  const deliver = async (from: Source, lines: readonly Line[]): Promise<void> => {
    position = positionOf(from, finished, tailOf(from.splitter.tail()));
    const stream = `${from.generation}:${position.fingerprint}`;
    await consume({ stream, lines, position });
  };

  const closeSource = (): void => {
    source?.close();
    source = undefined;
  };

  /** The stream is over: an unfinished line is one now, and what came after is planned. */
  const finish = async (from: Source): Promise<void> => {
    const fingerprint = from.identity()?.fingerprint;
    if (fingerprint !== undefined) finished = [...finished, fingerprint].slice(-FINISHED_KEPT);
    for (let lines = takeLines(from); lines.length > 0; lines = takeLines(from)) await deliver(from, lines);
    const rest = from.splitter.rest();
    if (rest !== undefined) await deliver(from, [rest]);
    else if (fingerprint !== undefined) position = positionOf(from, finished, NO_TAIL);
    closeSource();
    if (!rotated) queue = [...planRotated(path, position)];
  };

  /** The log was truncated or rewritten under its name. */
  const restart = async (from: Source): Promise<void> => {
    if (from.identity() !== undefined) position = positionOf(from, finished, tailOf(from.splitter.tail()));
    const plan = planRotated(path, position);
    if (!plan.some((read) => read.resume)) return finish(from);
    queue = [...plan];
    closeSource();
  };

  /** Whether another file has taken the name, with something in it: until then the writer may still write here. */
  const isReplaced = (from: Source): boolean => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.size === 0) return false;
    return inodeOf(stats) !== from.inode || (from.packed && stats.size !== from.size);
  };

  /** One piece of work; false when there is nothing to do until something changes. */
  const step = async (): Promise<boolean> => {
    source ??= openNext();
    if (source === undefined) return false;
    // A stream is not begun before it is known which one it is: its lines would change their stream.
    const lines = source.identity() === undefined ? [] : takeLines(source);
    if (lines.length > 0) {
      await deliver(source, lines);
      // Behind a long backlog everything else in this process must have its turn too.
      if (lines.length === MOST_LINES) await setImmediate();
      return true;
    }
    const result = await source.read();
    if (result === "data") return true;
    if (result === "changed" && !rotated) await restart(source);
    else if (rotated || result === "changed") await finish(source);
    else if (source.packed) return endOfArchive(source);
    else if (isReplaced(source)) {
      // The last lines may have come between the read and the look at the name.
      if ((await source.read()) !== "data") await finish(source);
    } else return false;
    return true;
  };

  /** An archive that was given by name: its last line needs no newline, unless it is still being written. */
  const endOfArchive = async (from: Source): Promise<boolean> => {
    const short = from.isCut() ? [] : takeLines(from);
    if (short.length > 0) await deliver(from, short);
    const rest = from.isCut() ? undefined : from.splitter.rest();
    if (rest !== undefined) await deliver(from, [rest]);
    if (!isReplaced(from)) return short.length > 0 || rest !== undefined;
    if (from.identity() !== undefined) position = positionOf(from, finished, NO_TAIL);
    closeSource();
    queue = undefined;
    return true;
  };

  const run = async (): Promise<void> => {
    while (!stopping) {
      let busy = false;
      try {
        busy = await step();
      } catch (error) {
        if (stopping) break;
        log.warn("detector.io", { path, reason: String(error) });
        closeSource();
        queue = undefined;
      }
      if (!busy) await wake.next();
    }
    closeSource();
  };
  const running = run();

  return {
    async stop() {
      stopping = true;
      wake.close();
      await running;
    },
  };
}
