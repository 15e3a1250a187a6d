/** Between what sends to this plant and the store: a bounded queue, one batch at a time, losses counted. */
import { lineExample } from "@anamnesis/sdk/core/eve";
import type { LineOutcome, LineReason } from "@anamnesis/sdk/core/types";
import type { LineBatch, Log } from "../../ports.ts";
import type { Line } from "./lines.ts";
import type { Outcomes } from "./outcomes.ts";
import { pause } from "./pause.ts";

/** Messages of one sender that came together. */
export interface Parcel {
  readonly outcomes: Outcomes;
  /** What tells this sender's run of messages from every other of the detector. */
  readonly stream: string;
  readonly lines: readonly Line[];
}

/** What a detector that is sent to stands on. */
export interface IntakeOptions {
  readonly detector: string;
  /** As it was stored; see `startsOf`. */
  readonly position: unknown;
  readonly sink: (batch: LineBatch) => Promise<void>;
  readonly log: Log;
  /** Bytes that may wait. Default 8 MiB. */
  readonly mostBytes?: number;
  /** Pause before a batch that the sink failed is handed over again, ms. Default 500. */
  readonly retryMs?: number;
}

/** The queue. */
export interface Intake {
  /** How many times this detector was started, this time included: offsets begin anew each time. */
  readonly starts: number;
  /** Takes a parcel, or says that there is no room. */
  offer(parcel: Parcel, onDurable?: () => void): boolean;
  /** Takes a parcel as soon as there is room: who sends is made to wait. Rejects once it is stopped. */
  put(parcel: Parcel): Promise<void>;
  /** Calls once, when there may be room again or all is over. */
  whenRoom(then: () => void): void;
  /** Counts what was not taken: a single number whatever arrives. */
  lose(reason: LineReason, example: string, count?: number): void;
  /** Hands over what waits, then ends. What cannot be kept even now was never acknowledged. */
  stop(): Promise<void>;
}

const MOST_BYTES = 8 * 1024 * 1024;
const MOST_LINES = 1000;

interface Waiting extends Parcel {
  readonly bytes: number;
  readonly onDurable?: (() => void) | undefined;
}

/** The number of starts in a stored position. */
export function startsOf(position: unknown): number {
  const starts = (position as { readonly starts?: unknown } | null | undefined)?.starts;
  return Number.isSafeInteger(starts) ? (starts as number) : 0;
}

/** Creates the queue and its one pump. */
export function createIntake(options: IntakeOptions): Intake {
  const { detector, sink, log, mostBytes = MOST_BYTES, retryMs = 500 } = options;
  const starts = startsOf(options.position) + 1;
  const queue: Waiting[] = [];
  const lost = new Map<LineReason, { count: number; example: string }>();
  const stopping = new AbortController();
  let waitingBytes = 0;
  let full = false;
  let roomWanted: (() => void)[] = [];
  let pumping: Promise<void> | undefined;

  const takeBatch = (): readonly Waiting[] => {
    const taken: Waiting[] = [];
    for (let lines = 0; lines < MOST_LINES; ) {
      const next = queue.shift();
      if (next === undefined) break;
      taken.push(next);
      lines += next.lines.length;
    }
    return taken;
  };

  const takeLost = (): LineOutcome[] => {
    const outcomes = [...lost].map(
      ([reason, { count, example }]): LineOutcome => ({ kind: "rejected", reason, example, count }),
    );
    lost.clear();
    return outcomes;
  };

  const handOver = async (lines: readonly LineOutcome[]): Promise<void> => {
    for (;;) {
      try {
        return await sink({ detector, position: { version: 1, starts }, lines });
      } catch (error) {
        if (stopping.signal.aborted) throw error;
        log.error("detector.sink", { detector, lines: lines.length, reason: String(error) });
        await pause(retryMs, stopping.signal);
      }
    }
  };

  const pump = async (): Promise<void> => {
    while (queue.length > 0 || lost.size > 0) {
      const taken = takeBatch();
      const lines = [...taken.flatMap(({ outcomes, ...batch }) => outcomes.of(batch)), ...takeLost()];
      if (lines.length > 0) await handOver(lines);
      for (const { bytes, onDurable } of taken) {
        waitingBytes -= bytes;
        onDurable?.();
      }
      full = false;
      for (const go of roomWanted.splice(0)) go();
    }
  };

  const wake = (): void => {
    pumping ??= pump()
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error;
        log.warn("detector.unkept", { detector, parcels: queue.length, reason: String(error) });
        queue.length = 0;
      })
      .finally(() => {
        pumping = undefined;
        if (queue.length > 0 || lost.size > 0) wake();
      });
  };

  const offer: Intake["offer"] = (parcel, onDurable) => {
    if (stopping.signal.aborted) return false;
    const bytes = sizeOf(parcel);
    // One parcel always fits: else a message near the bound would never be taken.
    if (waitingBytes > 0 && waitingBytes + bytes > mostBytes) {
      if (!full) log.warn("detector.full", { detector, waitingBytes });
      full = true;
      return false;
    }
    waitingBytes += bytes;
    queue.push({ ...parcel, bytes, onDurable });
    wake();
    return true;
  };

  return {
    starts,
    offer,
    async put(parcel) {
      while (!offer(parcel)) {
        if (stopping.signal.aborted) throw new Error("stopped");
        await new Promise<void>((resolve) => roomWanted.push(resolve));
      }
    },
    whenRoom: (then) => {
      if (!stopping.signal.aborted) roomWanted.push(then);
    },
    lose(reason, example, count = 1) {
      const before = lost.get(reason)?.count ?? 0;
      lost.set(reason, { count: before + count, example: lineExample(example) });
      wake();
    },
    async stop() {
      stopping.abort();
      for (const go of roomWanted.splice(0)) go();
      roomWanted = [];
      await pumping;
    },
  };
}

/** What a parcel costs while it waits; a line costs more than its bytes. */
function sizeOf({ lines }: Parcel): number {
  return lines.reduce((sum, { bytes }) => sum + bytes.length + 64, 0);
}
