/** The detector for a Suricata EVE log: lines of a file to outcomes. */
import { cleanBytes, lineExample, parseEveLine } from "@anamnesis/sdk/core/eve";
import { sha256Hex } from "@anamnesis/sdk/core/hash";
import type { LineOutcome, Self } from "@anamnesis/sdk/core/types";
import type { Clock, Detector, LineBatch, Log } from "../../ports.ts";
import { readPosition } from "./identity.ts";
import { createRecentLines } from "./recent.ts";
import { followFile, type Tail, type TailBatch } from "./tail.ts";

/** What an EVE detector needs. */
export interface EveFileOptions {
  /** The detector's name in the configuration. */
  readonly name: string;
  /** The log; a `.gz` is read once. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The plant's Self as it is now; asked once a batch. */
  readonly self: () => Self;
  /** Safety net beside change notices, in ms. Default 500. */
  readonly pollMs?: number;
  /** How many different lines are remembered against re-sent files. Default 65,536. */
  readonly window?: number;
}

const DUPLICATE: LineOutcome = { kind: "duplicate" };

/**
 * A detector that follows one EVE file (see `followFile` for what it survives).
 *
 * When the sink fails the same batch is handed over again until it is taken: the position moves
 * with the store, and nothing is read ahead of it.
 */
export function createEveFile(options: EveFileOptions): Detector {
  const { name, path, clock, log } = options;
  const pollMs = options.pollMs ?? 500;
  const toOutcomes = createOutcomes(options);
  const stopped = new AbortController();
  let tail: Tail | undefined;

  return {
    name,
    async start(position, sink) {
      const consume = async (batch: TailBatch): Promise<void> => {
        const lineBatch: LineBatch = { detector: name, position: batch.position, lines: toOutcomes(batch) };
        for (;;) {
          try {
            return await sink(lineBatch);
          } catch (error) {
            if (stopped.signal.aborted) throw error;
            log.error("detector.sink", { detector: name, lines: batch.lines.length, reason: String(error) });
            await pause(pollMs, stopped.signal);
            if (stopped.signal.aborted) throw error;
          }
        }
      };
      tail = followFile({ path, position: readPosition(position), pollMs, log, consume });
      log.info("detector.started", { detector: name, path, clockMs: clock.nowMs() });
    },
    async stop() {
      stopped.abort();
      await tail?.stop();
    },
  };
}

/** The pure part: a batch of lines to their outcomes, with a window of lines seen lately. */
export function createOutcomes(
  options: Pick<EveFileOptions, "name" | "clock" | "self" | "window">,
): (batch: Pick<TailBatch, "stream" | "lines">) => readonly LineOutcome[] {
  const recent = createRecentLines(options.window);
  return ({ stream, lines }) => {
    const self = options.self();
    const readAtMs = Math.floor(options.clock.nowMs());
    const outcomes = new Array<LineOutcome>(lines.length);
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as (typeof lines)[number];
      if (line.tooLong) {
        outcomes[i] = {
          kind: "rejected",
          reason: "line.tooLong",
          example: lineExample(line.bytes.toString()),
        };
        continue;
      }
      const bytes = cleanBytes(line.bytes);
      const digest = sha256Hex(bytes);
      outcomes[i] = recent.seen(digest)
        ? DUPLICATE
        : parseEveLine(bytes, {
            detector: options.name,
            readAtMs,
            stream,
            offset: line.offset,
            self,
            digest,
          });
    }
    return outcomes;
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
