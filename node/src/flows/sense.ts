/*
 * alert ▶ Detection. A batch of lines becomes durable together with the position that covers it; only
 * then is it acknowledged to the detector and handed to publish.
 */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { LineOutcome, Self } from "@anamnesis/sdk/core/types";
import type { PlantApi } from "../api.ts";
import type { Clock, Detector, LineBatch, Log, Store } from "../ports.ts";
import type { Detections, StoredDetection } from "../state/detections.ts";

/** Detections that may wait for their outcome before detectors are made to wait. */
const MAX_PENDING = 20_000;

/** Idempotency keys remembered per publishing program. */
const KEYS_KEPT = 256;

/** Ports of the sense flow. */
export interface SensePorts {
  readonly store: Store;
  readonly log: Log;
  readonly detections: Detections;
  readonly detectors: readonly Detector[];
  readonly clock: Clock;
  readonly self: () => Self;
  /** Reads what a program published, in the format that is configured for it. */
  readPublished(
    program: string,
    publication: {
      readonly detector: string;
      readonly key: string;
      readonly lines: readonly string[];
      readonly readAtMs: number;
      readonly self: Self;
    },
  ): readonly LineOutcome[];
  /** Hands durable detections on. Not awaited: publish keeps its own order. */
  offer(detections: readonly StoredDetection[]): void;
}

/** The sense flow. */
export interface Sense {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Lines of a program (PlantApi.publish). A key that was used before changes nothing. */
  publish: PlantApi["publish"];
}

/** Creates the sense flow. */
export function createSense(ports: SensePorts): Sense {
  const { store, detections, log } = ports;

  async function take(batch: LineBatch, options: { readonly sync: boolean }): Promise<void> {
    if (detections.pendingCount() > MAX_PENDING) {
      throw new AnamnesisError(
        "api.unavailable",
        `${MAX_PENDING} detections wait for their outcome; see \`anamnesis status\` for what the node waits for`,
      );
    }
    const { ops, stored, done } = detections.stageBatch(batch);
    await store.commit(ops, options);
    done();
    if (stored.length > 0) ports.offer(stored);
  }

  /**
   * A detector's batch is never dropped: a full disk or a long queue makes it wait. While the node stops
   * it has one more chance, then it fails: what is not durable must not be acknowledged.
   */
  async function insist(batch: LineBatch, stopped: AbortSignal): Promise<void> {
    for (let wait = 50; ; wait = Math.min(wait * 2, 2000)) {
      try {
        // A file can be read again: a power cut takes the position together with what was read up to it,
        // and both are durable with the outcome, before anything leaves.
        return await take(batch, { sync: false });
      } catch (error) {
        if (!isAnamnesisError(error) || stopped.aborted) throw error;
        log.warn("sense.waits", { detector: batch.detector, code: error.code, message: error.message });
        await pause(wait, stopped);
      }
    }
  }

  const turns = new Map<string, Promise<unknown>>();

  async function publishOnce(
    name: string,
    lines: readonly { line: string }[],
    key: string,
  ): Promise<{ accepted: number; duplicate: boolean }> {
    const detector = `api-${name}`;
    const { keys = [] } = (detections.position(detector) ?? {}) as { keys?: readonly string[] };
    if (keys.includes(key)) return { accepted: 0, duplicate: true };
    const read = ports.readPublished(name, {
      detector,
      key,
      lines: lines.map(({ line }) => line),
      readAtMs: ports.clock.nowMs(),
      self: ports.self(),
    });
    const batch = { detector, position: { keys: [...keys, key].slice(-KEYS_KEPT) }, lines: read };
    await take(batch, { sync: true });
    return { accepted: lines.length, duplicate: false };
  }

  const stopping = new AbortController();
  return {
    publish(detector, lines, key) {
      const turn = (turns.get(detector) ?? Promise.resolve()).then(() => publishOnce(detector, lines, key));
      turns.set(
        detector,
        turn.catch(() => undefined),
      );
      return turn;
    },
    async start() {
      for (const detector of ports.detectors) {
        await detector.start(detections.position(detector.name), (batch) => insist(batch, stopping.signal));
        log.info("detector.started", { detector: detector.name });
      }
    },
    async stop() {
      stopping.abort();
      for (const detector of ports.detectors) await detector.stop();
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
  });
}
