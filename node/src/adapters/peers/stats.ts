/** What the peers adapter counted since its start; the keys of `ignored` and `rejected` are error codes. */
import type { ErrorCode } from "@anamnesis/sdk/core/errors";

/** Counters since start. All whole numbers that only grow, but `connected`. */
export interface PeerStats {
  readonly connected: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly accepted: number;
  readonly ignored: Readonly<Partial<Record<ErrorCode, number>>>;
  readonly rejected: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Messages not sent because a peer's queue was full; the peer fetches them after its next `have`. */
  readonly dropped: number;
  /** Times a peer came back after it had been connected before. */
  readonly reconnects: number;
  /** Handshakes of keys the gater refused, and connections cut because a key lost its right. */
  readonly refused: number;
  readonly cut: number;
  readonly requestsIn: number;
  readonly requestsOut: number;
  readonly requestsFailed: number;
  /** Our own faults while handling what a peer sent; never held against the peer. */
  readonly faults: number;
}

type Plain = Exclude<keyof PeerStats, "ignored" | "rejected" | "connected">;

/** Mutable side of `PeerStats`. */
export interface Counters {
  add(name: Plain, amount?: number): void;
  ignored(code: ErrorCode): void;
  rejected(code: ErrorCode): void;
  read(connected: number): PeerStats;
}

/** Counters at zero. */
export function createCounters(): Counters {
  const plain: Record<Plain, number> = {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    accepted: 0,
    dropped: 0,
    reconnects: 0,
    refused: 0,
    cut: 0,
    requestsIn: 0,
    requestsOut: 0,
    requestsFailed: 0,
    faults: 0,
  };
  const ignored: Partial<Record<ErrorCode, number>> = {};
  const rejected: Partial<Record<ErrorCode, number>> = {};
  return {
    add(name, amount = 1) {
      plain[name] += amount;
    },
    ignored(code) {
      ignored[code] = (ignored[code] ?? 0) + 1;
    },
    rejected(code) {
      rejected[code] = (rejected[code] ?? 0) + 1;
    },
    read: (connected) => ({ ...plain, connected, ignored: { ...ignored }, rejected: { ...rejected } }),
  };
}
