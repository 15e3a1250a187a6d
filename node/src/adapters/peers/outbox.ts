/** What waits to be pushed to one peer: bounded in bytes, in order, sent at once when the stream takes it. */
import type { PeerLimits } from "./limits.ts";
import type { Counters } from "./stats.ts";

/** Where framed messages go: a push stream, or a fake's wire. */
export interface PushSink {
  /** Whether `write` may be called now; when it may again, somebody calls `flush`. */
  writable(): boolean;
  /** Takes whole frames. */
  write(frames: Uint8Array): void;
}

/** The send queue of one peer. */
export interface Outbox {
  /** Queues one framed message; above the bound the oldest is dropped and counted. */
  push(framed: Uint8Array): void;
  /** Writes what the sink takes. */
  flush(): void;
  clear(): void;
}

/** Frames written in one go at most: one noise packet. */
const CHUNK_BYTES = 60_000;

/** A queue that writes to whatever `sink` returns at that moment. */
export function createOutbox(ports: {
  readonly limits: PeerLimits;
  readonly counters: Counters;
  readonly sink: () => PushSink | undefined;
}): Outbox {
  const { limits, counters } = ports;
  let queue: Uint8Array[] = [];
  let bytes = 0;
  let burst = false;

  const flush = (): void => {
    const sink = ports.sink();
    while (sink !== undefined && queue.length > 0 && sink.writable()) {
      const chunk = [queue.shift()!];
      let length = chunk[0]!.length;
      while (queue.length > 0 && length + queue[0]!.length <= CHUNK_BYTES) {
        length += queue[0]!.length;
        chunk.push(queue.shift()!);
      }
      bytes -= length;
      counters.add("messagesOut", chunk.length);
      counters.add("bytesOut", length);
      sink.write(chunk.length === 1 ? chunk[0]! : Buffer.concat(chunk, length));
    }
  };

  return {
    push(framed) {
      queue.push(framed);
      bytes += framed.length;
      // The first message of a turn leaves at once, the rest of the same turn leaves together.
      if (!burst) {
        burst = true;
        queueMicrotask(() => {
          burst = false;
          flush();
        });
        flush();
      } else if (bytes > limits.sendQueueBytes) flush();
      while (bytes > limits.sendQueueBytes && queue.length > 1) {
        bytes -= queue.shift()!.length;
        counters.add("dropped");
      }
    },
    flush,
    clear() {
      counters.add("dropped", queue.length);
      queue = [];
      bytes = 0;
    },
  };
}
