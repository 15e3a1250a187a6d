import { AnamnesisError } from "../core/errors.ts";
import { ownLine, type PublishedDetection } from "../formats/own-line.ts";
import { type ClientOptions, connectionOf, toolsOf } from "./connect.ts";
import { BATCH_BYTES, sendBatch, sizeOfLine } from "./publish.ts";
import { randomKey } from "./retry.ts";

/** How a detector publishes. */
export interface PublisherOptions extends ClientOptions {
  /** Detections that may wait to be sent. Default 10,000. */
  readonly mostWaiting?: number;
  /** The most detections of one request, at most 10,000. Default 500. */
  readonly batchLines?: number;
}

/** Takes detections one by one. */
export interface Publisher {
  /**
   * Resolves when the node has the detection durable. While a request is under way the next ones wait
   * and become the next request: who awaits each is as fast as one at a time, who does not is batched.
   * @throws AnamnesisError `input.tooLarge`, `api.unavailable` when too many wait or the node does not
   * answer after the last attempt, or the node's own code
   */
  publish(detection: PublishedDetection): Promise<void>;
  /** Resolves when nothing waits any more, whatever became of it. */
  idle(): Promise<void>;
  /** Takes nothing more, and resolves when nothing waits. */
  close(): Promise<void>;
}

interface Waiting {
  readonly line: string;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes a publisher. A token of role detector is all it needs, and that token can do nothing else.
 *
 * Each request has a key of its own and is sent again under it, so that none counts twice; the node
 * keeps a publisher's last 256 keys.
 * @throws AnamnesisError `input.invalid` when an option is none
 * @example
 * const publisher = createPublisher({ url: "http://127.0.0.1:8801", token });
 * await publisher.publish({ rule: { id: "42" }, attacker: { address: "203.0.113.66" } });
 */
export function createPublisher(options: PublisherOptions): Publisher {
  const { mostWaiting = 10_000, batchLines = 500 } = options;
  if (!Number.isInteger(batchLines) || batchLines < 1 || batchLines > 10_000)
    throw new AnamnesisError(
      "input.invalid",
      `batchLines is ${batchLines}; give a whole number from 1 to 10000`,
    );
  const connection = connectionOf(options);
  const tools = toolsOf(options);
  const run = randomKey();
  const queue: Waiting[] = [];
  let batches = 0;
  let closed = false;
  let sending: Promise<void> | undefined;

  const takeBatch = (): readonly Waiting[] => {
    let bytes = 0;
    let count = 0;
    for (const one of queue) {
      if (count >= batchLines || (count > 0 && bytes + one.bytes > BATCH_BYTES)) break;
      bytes += one.bytes;
      count++;
    }
    return queue.splice(0, count);
  };

  const send = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = takeBatch();
      const lines = batch.map(({ line }) => ({ line }));
      try {
        await sendBatch(connection, lines, `${run}-${batches++}`, undefined, tools);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  };

  return {
    async publish(detection) {
      if (closed) throw new AnamnesisError("input.invalid", "the publisher is closed");
      const line = ownLine(detection);
      const bytes = sizeOfLine(line);
      if (queue.length >= mostWaiting)
        throw new AnamnesisError(
          "api.unavailable",
          `${mostWaiting} detections wait to be sent; await publish, or ask again later`,
        );
      const durable = new Promise<void>((resolve, reject) => queue.push({ line, bytes, resolve, reject }));
      // Begun after this turn: what is published in one go is one request.
      sending ??= Promise.resolve()
        .then(send)
        .finally(() => {
          sending = undefined;
        });
      return durable;
    },
    async idle() {
      while (sending !== undefined) await sending;
    },
    async close() {
      closed = true;
      while (sending !== undefined) await sending;
    },
  };
}
