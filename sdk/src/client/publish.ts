import { AnamnesisError } from "../core/errors.ts";
import { type Connection, tryRequest } from "./request.ts";
import { isTransient, pauseMs, type RetryPolicy, randomKey, type wait } from "./retry.ts";

/** A detector's raw line, or its object (an EVE record), which becomes one. */
export type Publishable = string | Readonly<Record<string, unknown>>;

/** How to publish. */
export interface PublishOptions {
  readonly signal?: AbortSignal;
  /**
   * Names this publication: batch n is sent under `KEY-n`, so that a program that starts over with
   * the same input and batch size repeats nothing. Random when absent. At most 100 characters.
   */
  readonly idempotencyKey?: string;
  /** The most lines of one request, at most 10,000. */
  readonly batchLines?: number;
}

/** What became of a publication. */
export interface PublishResult {
  /** Lines the node has made durable. */
  readonly accepted: number;
  readonly batches: number;
  /** Batches the node had already. */
  readonly duplicates: number;
}

/** What publishing needs beside the connection. */
export interface PublishTools {
  readonly retry: RetryPolicy;
  readonly random: () => number;
  readonly wait: typeof wait;
}

// The node takes 1 MiB; JSON's escapes and the envelope need room.
export const BATCH_BYTES = 786_432;
const LINE_BYTES = 1_000_000;

/**
 * Publishes lines in order, one batch after the other: a batch is durable at the node before the
 * next is read from the source, so a slow node slows its source down and nothing piles up here.
 * A failed batch is sent again under the same key, so that it cannot count twice.
 * @throws AnamnesisError `input.invalid` | `input.tooLarge`, the node's code, or `api.unavailable` after the last attempt
 */
export async function publishLines(
  connection: Connection,
  lines: Iterable<Publishable> | AsyncIterable<Publishable>,
  options: PublishOptions,
  tools: PublishTools,
): Promise<PublishResult> {
  const { signal, idempotencyKey = randomKey(), batchLines = 500 } = options;
  if (!/^[\x21-\x7e]{1,100}$/.test(idempotencyKey))
    throw new AnamnesisError("input.invalid", "idempotencyKey has to be 1 to 100 visible ASCII characters");
  if (!Number.isInteger(batchLines) || batchLines < 1 || batchLines > 10_000)
    throw new AnamnesisError(
      "input.invalid",
      `batchLines is ${batchLines}; give a whole number from 1 to 10000`,
    );
  const sum = { accepted: 0, batches: 0, duplicates: 0 };
  let batch: { line: string }[] = [];
  let bytes = 0;

  async function flush(): Promise<void> {
    if (batch.length === 0) return;
    const key = `${idempotencyKey}-${sum.batches}`;
    const answer = await sendBatch(connection, batch, key, signal, tools);
    sum.accepted += answer.accepted;
    sum.batches += 1;
    if (answer.duplicate) sum.duplicates += 1;
    batch = [];
    bytes = 0;
  }

  for await (const item of lines) {
    signal?.throwIfAborted();
    const line = typeof item === "string" ? item : JSON.stringify(item);
    if (line.includes("\n"))
      throw new AnamnesisError("input.invalid", "a line holds a line break; publish its parts");
    const size = sizeOfLine(line);
    if (batch.length >= batchLines || bytes + size > BATCH_BYTES) await flush();
    batch.push({ line });
    bytes += size;
  }
  await flush();
  return sum;
}

/**
 * What a line takes in a request, bytes.
 * @throws AnamnesisError `input.tooLarge`
 */
export function sizeOfLine(line: string): number {
  const size = new TextEncoder().encode(JSON.stringify(line)).length + 12;
  if (size <= LINE_BYTES) return size;
  throw new AnamnesisError(
    "input.tooLarge",
    `a line of ${size} bytes is more than a node takes (${LINE_BYTES})`,
  );
}

/** Sends one batch under its key, again and again while that can help; a key that was taken changes nothing. */
export async function sendBatch(
  connection: Connection,
  lines: readonly { line: string }[],
  key: string,
  signal: AbortSignal | undefined,
  { retry, random, wait: pause }: PublishTools,
): Promise<{ readonly accepted: number; readonly duplicate: boolean }> {
  for (let attempt = 1; ; attempt++) {
    const result = await tryRequest<{ accepted: number; duplicate: boolean }>(connection, "/detections", {
      method: "POST",
      body: { lines },
      headers: { "idempotency-key": key },
      signal,
    });
    if ("answer" in result) return result.answer;
    if (attempt >= retry.attempts || !isTransient(result)) throw result.error;
    await pause(pauseMs(retry, attempt, random, result.retryAfterSeconds), signal);
  }
}
