/** What one peer pushed: bounded, rate-limited before any other work, handed over in order, judged. */
import type { ErrorCode } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import type { Log, Verdict } from "../../ports.ts";
import { createBucket } from "./bucket.ts";
import type { PeerLimits } from "./limits.ts";
import type { Counters } from "./stats.ts";

/** The receiving side of one peer; it outlives connections, so that a new one is no clean slate. */
export interface Inbox {
  /** Takes one message, or ignores it as `peer.flood`. */
  push(message: Uint8Array): void;
  /** Whether no more should be read; `onSpace` says when it should again. */
  full(): boolean;
  /** Counts a rejection; beyond the threshold the peer is an offender. */
  strike(code: ErrorCode): void;
  /** Forgets what waits and resolves when nothing is being handled any more. */
  close(): Promise<void>;
}

/** Creates the inbox of one peer. `onOffender` is called once the rejections in the window reach the limit. */
export function createInbox(ports: {
  readonly from: Address;
  readonly limits: PeerLimits;
  readonly counters: Counters;
  readonly log: Log;
  readonly monotonicMs: () => number;
  readonly onMessage: (from: Address, message: Uint8Array) => Promise<Verdict>;
  readonly onSpace: () => void;
  readonly onOffender: () => void;
}): Inbox {
  const { from, limits, counters, log, monotonicMs } = ports;
  const messages = createBucket(limits.messagesPerSecond, limits.messageBurst, monotonicMs);
  const traffic = createBucket(limits.bytesPerSecond, limits.byteBurst, monotonicMs);
  let queue: Uint8Array[] = [];
  let bytes = 0;
  let handling = 0;
  let strikes: number[] = [];
  let closed = false;
  let onIdle: (() => void) | undefined;

  const forget = (): void => {
    for (const message of queue) bytes -= message.length;
    queue = [];
  };

  const strike = (code: ErrorCode): void => {
    counters.rejected(code);
    const now = monotonicMs();
    strikes = strikes.filter((at) => now - at < limits.rejectWindowMs);
    strikes.push(now);
    if (strikes.length < limits.rejects) return;
    strikes = [];
    forget();
    log.warn("peers.offender", { peer: from, code, coolDownMs: limits.coolDownMs });
    ports.onOffender();
  };

  const handle = async (message: Uint8Array): Promise<void> => {
    try {
      const decided = await ports.onMessage(from, message);
      if (decided.verdict === "accept") counters.add("accepted");
      else if (decided.verdict === "ignore") counters.ignored(decided.code);
      else strike(decided.code);
    } catch (error) {
      counters.add("faults");
      log.error("peers.fault", { peer: from, error: String(error) });
    }
    handling--;
    const wasFull = bytes > limits.inboxBytes;
    bytes -= message.length;
    if (wasFull && bytes <= limits.inboxBytes) ports.onSpace();
    if (handling === 0) onIdle?.();
    pump();
  };

  const pump = (): void => {
    while (!closed && handling < limits.messagesInFlight && queue.length > 0) {
      handling++;
      void handle(queue.shift()!);
    }
  };

  return {
    push(message) {
      if (closed) return;
      counters.add("messagesIn");
      counters.add("bytesIn", message.length);
      if (!messages.take(1) || !traffic.take(message.length)) return counters.ignored("peer.flood");
      queue.push(message);
      bytes += message.length;
      pump();
    },
    full: () => bytes > limits.inboxBytes,
    strike,
    async close() {
      closed = true;
      forget();
      if (handling > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    },
  };
}
