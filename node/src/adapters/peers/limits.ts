/** Every bound of the peers adapter, in one place: nothing here grows with what a peer sends. */
import { MAX_MESSAGE_BYTES } from "@anamnesis/sdk/core/message";

/** Bounds of the adapter; each holds per peer (node key), not per connection, unless it says so. */
export interface PeerLimits {
  /** Bytes of one pushed or fetched message. */
  readonly messageBytes: number;
  /** Sustained messages per second, and how many may come at once. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Sustained bytes per second of pushed messages, and how many may come at once. */
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
  /** Sustained requests per second, and how many may come at once. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** Requests of one peer that are answered at the same time, and ours that may wait for one peer. */
  readonly requestsInFlight: number;
  /** ms until a request, or an answer being written, is given up. */
  readonly requestTimeoutMs: number;
  /** ms without a byte while a request waits, after which the connection counts as half-open and is cut. */
  readonly silenceMs: number;
  /** ms in which a started message must be complete. */
  readonly frameTimeoutMs: number;
  /** Bytes that wait to be sent to one peer; above it the oldest message is dropped. */
  readonly sendQueueBytes: number;
  /** Bytes received and not yet decided; above it the stream is not read. */
  readonly inboxBytes: number;
  /** Messages of one peer handed to `onMessage` at once, in order; 1 waits for each verdict. */
  readonly messagesInFlight: number;
  /** Rejections within `rejectWindowMs` that cut the peer, which then stays out for `coolDownMs`. */
  readonly rejects: number;
  readonly rejectWindowMs: number;
  readonly coolDownMs: number;
  /** First and longest pause between two dials of one peer, ms. */
  readonly dialBaseMs: number;
  readonly dialCapMs: number;
  /** ms for a dial or an inbound handshake, and for negotiating a stream. */
  readonly handshakeMs: number;
  /** Connections of one key that may exist while one of them is being chosen. */
  readonly connectionsPerKey: number;
  /** ms after which the side that does not choose closes a doubled connection by itself. */
  readonly doubledGraceMs: number;
  /** Connections of all peers, and handshakes under way, of the whole node. */
  readonly connections: number;
  readonly handshakes: number;
}

/** Defaults: generous for a consortium of a hundred plants, far below what would hurt a small machine. */
export const DEFAULT_LIMITS: PeerLimits = {
  messageBytes: MAX_MESSAGE_BYTES,
  messagesPerSecond: 5_000,
  messageBurst: 10_000,
  bytesPerSecond: 32 * 1_048_576,
  byteBurst: 64 * 1_048_576,
  requestsPerSecond: 200,
  requestBurst: 400,
  requestsInFlight: 32,
  requestTimeoutMs: 10_000,
  silenceMs: 5_000,
  frameTimeoutMs: 30_000,
  sendQueueBytes: 8 * 1_048_576,
  inboxBytes: 4 * 1_048_576,
  messagesInFlight: 1,
  rejects: 8,
  rejectWindowMs: 60_000,
  coolDownMs: 30_000,
  dialBaseMs: 50,
  dialCapMs: 1_000,
  handshakeMs: 5_000,
  connectionsPerKey: 4,
  doubledGraceMs: 3_000,
  connections: 512,
  handshakes: 64,
};
