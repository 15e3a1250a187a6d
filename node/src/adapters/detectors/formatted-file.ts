/** The detector for a log file of any format: lines of a file to outcomes. */
import type { Clock, Detector, LineBatch, Log } from "../../ports.ts";
import { readPosition } from "./identity.ts";
import { createOutcomes, type OutcomeOptions } from "./outcomes.ts";
import { pause } from "./pause.ts";
import { followFile, type Tail, type TailBatch } from "./tail.ts";

/** What a detector of a file needs. */
export interface FormattedFileOptions extends OutcomeOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Safety net beside change notices, in ms. Default 500. */
  readonly pollMs?: number;
}

/**
 * A detector that follows one file (see `followFile` for what it survives).
 *
 * When the sink fails the same batch is handed over again until it is taken: the position moves
 * with the store, and nothing is read ahead of it. Beside the tailer's own position it keeps what
 * the format must know in the middle of a stream (Zeek's header, a record that is not complete).
 */
export function createFormattedFile(options: FormattedFileOptions): Detector {
  const { name, path, clock, log } = options;
  const pollMs = options.pollMs ?? 500;
  const stopped = new AbortController();
  let tail: Tail | undefined;

  return {
    name,
    async start(position, sink) {
      const outcomes = createOutcomes(options, position);
      const consume = async (batch: TailBatch): Promise<void> => {
        const lines = outcomes.of({ ...batch, mtimeMs: batch.position.mtimeMs });
        const lineBatch: LineBatch = {
          detector: name,
          position: { ...batch.position, ...outcomes.kept() },
          lines,
        };
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
