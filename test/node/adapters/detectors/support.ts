import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { readPosition, type TailPosition } from "../../../../node/src/adapters/detectors/identity.ts";
import { followFile, type TailBatch } from "../../../../node/src/adapters/detectors/tail.ts";
import type { Log } from "../../../../node/src/ports.ts";

/** A log that keeps what it is told. */
export function makeLog(): { log: Log; events: string[] } {
  const events: string[] = [];
  const note = (event: string) => void events.push(event);
  return { log: { debug: note, info: note, warn: note, error: note }, events };
}

/** A folder of its own and its removal. */
export async function makeFolder(): Promise<[folder: string, close: () => Promise<void>]> {
  const folder = await mkdtemp(join(tmpdir(), "anamnesis-tail-"));
  return [folder, () => rm(folder, { recursive: true, force: true })];
}

/** Waits for a condition; the limit only bounds a failure. */
export async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error("the condition was not met");
    },
    { timeout: 20_000, interval: 2 },
  );
}

/** What a tailer has given so far. */
export interface Followed {
  readonly texts: string[];
  readonly streams: string[];
  readonly offsets: number[];
  position(): TailPosition;
  readonly events: string[];
  stop(): Promise<void>;
}

/** Follows a file and keeps its lines as text. */
export function follow(
  path: string,
  options: { position?: unknown; pollMs?: number; before?: (batch: TailBatch) => Promise<void> } = {},
): Followed {
  const { log, events } = makeLog();
  const texts: string[] = [];
  const streams: string[] = [];
  const offsets: number[] = [];
  // As a store gives it back.
  let position = readPosition(JSON.parse(JSON.stringify(options.position ?? null)));
  const tail = followFile({
    path,
    position,
    pollMs: options.pollMs ?? 20,
    log,
    async consume(batch) {
      await options.before?.(batch);
      for (const line of batch.lines) {
        texts.push(line.tooLong ? `tooLong ${line.bytes.length}` : line.bytes.toString());
        streams.push(batch.stream);
        offsets.push(line.offset);
      }
      position = batch.position;
    },
  });
  return { texts, streams, offsets, events, position: () => position, stop: () => tail.stop() };
}

/** `line 1` … as a log holds them. */
export function numbered(from: number, to: number): string {
  return expected(from, to)
    .map((line) => `${line}\n`)
    .join("");
}

/** The same as a list. */
export function expected(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `{"line":${from + i},"filler":"${"x".repeat(40)}"}`);
}
