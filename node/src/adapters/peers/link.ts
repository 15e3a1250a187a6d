/** One libp2p connection to one peer: the outgoing push stream, the incoming ones, and requests. */
import { setTimeout as wait } from "node:timers/promises";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { StreamState } from "@chainsafe/libp2p-yamux/stream";
import type { Connection, Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { createFrameReader } from "./framing.ts";
import type { Inbox } from "./inbox.ts";
import type { PeerLimits } from "./limits.ts";
import type { PushSink } from "./outbox.ts";

/** Feed messages, one long-lived stream per direction, frames of `framing.ts`. */
export const PUSH_PROTOCOL = "/anamnesis/push/1";
/** Requests and answers of `codec.ts`, length as varint in front, one of each per stream. */
export const SYNC_PROTOCOL = "/anamnesis/sync/1";

/** A connection and what runs over it. */
export interface Link extends PushSink {
  readonly connection: Connection;
  /** The peer accepted our push stream: it is a node of this protocol and its gater let us in. */
  up(): boolean;
  /** Reads an incoming push stream into the inbox. */
  receive(stream: Stream): void;
  /** Sends a request and resolves with the raw answer. Rejects with `peer.timeout` | `peer.protocol`. */
  request(bytes: Uint8Array, maxAnswerBytes: number): Promise<Uint8Array>;
  /** The inbox has space again. */
  resume(): void;
  /** Cuts a connection that went silent or a frame that never ends; called once a second or so. */
  check(): void;
  /** Closes with a short grace, then aborts. */
  close(): Promise<void>;
  abort(reason: string): void;
}

const CLOSE_GRACE_MS = 500;
const REOPEN_MS = 20;
const REOPEN_ATTEMPTS = 8;
const STEADY_MS = 10_000;

/** Starts using a connection. `onUp` fires once, `onWritable` whenever the push stream takes more. */
export function createLink(ports: {
  readonly connection: Connection;
  readonly inbox: Inbox;
  readonly limits: PeerLimits;
  readonly monotonicMs: () => number;
  readonly onUp: () => void;
  readonly onWritable: () => void;
  readonly onDown: () => void;
}): Link {
  const { connection, inbox, limits, monotonicMs } = ports;
  const ended = new AbortController();
  const incoming = new Set<Incoming>();
  const waitingSince = new Set<{ readonly atMs: number }>();
  let push: Stream | undefined;
  let isUp = false;
  let heardMs = monotonicMs();

  const abort = (reason: string): void => connection.abort(new Error(reason));

  connection.addEventListener("close", () => {
    push = undefined;
    ended.abort();
    ports.onDown();
  });

  /** The trap of long-lived streams: a connection that lives on while its push stream is dead. */
  const keepPushOpen = async (): Promise<void> => {
    for (let failures = 0; connection.status === "open"; failures++) {
      if (failures === REOPEN_ATTEMPTS) return abort("the peer does not keep a push stream open");
      const openedMs = monotonicMs();
      try {
        const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(limits.handshakeMs)]);
        const stream = await connection.newStream(PUSH_PROTOCOL, { signal });
        const closed = closeOf(stream);
        stream.addEventListener("drain", ports.onWritable);
        push = stream;
        if (!isUp && connection.status === "open") {
          isUp = true;
          ports.onUp();
        }
        ports.onWritable();
        await closed;
        push = undefined;
        if (monotonicMs() - openedMs > STEADY_MS) failures = 0;
      } catch {
        // Not negotiated: the pause below, then again.
      }
      await wait(REOPEN_MS * 2 ** failures, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  };
  void keepPushOpen();

  return {
    connection,
    up: () => isUp && connection.status === "open",
    writable: () => push !== undefined && push.writeStatus === "writable" && !push.writableNeedsDrain,
    write(frames) {
      try {
        push?.send(frames);
      } catch (error) {
        abort(`the push stream failed: ${String(error)}`);
      }
    },
    receive(stream) {
      tellWindowSeldom(stream);
      const one: Incoming = {
        stream,
        reader: createFrameReader(limits.messageBytes, (message) => {
          one.progressMs = heardMs;
          inbox.push(message);
        }),
        progressMs: heardMs,
      };
      incoming.add(one);
      stream.addEventListener("close", () => incoming.delete(one));
      stream.addEventListener("remoteCloseWrite", () => void stream.close().catch(() => undefined));
      stream.addEventListener("message", ({ data }) => {
        heardMs = monotonicMs();
        if (!one.reader.partial()) one.progressMs = heardMs;
        try {
          for (const chunk of data instanceof Uint8Array ? [data] : data) one.reader.append(chunk);
        } catch (error) {
          stream.abort(new Error(String(error)));
          inbox.strike(isAnamnesisError(error) ? error.code : "peer.protocol");
          return;
        }
        if (inbox.full() && stream.readStatus === "readable") stream.pause();
      });
    },
    async request(bytes, maxAnswerBytes) {
      const waiting = { atMs: monotonicMs() };
      waitingSince.add(waiting);
      const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(limits.requestTimeoutMs)]);
      let stream: Stream | undefined;
      try {
        stream = await connection.newStream(SYNC_PROTOCOL, { signal });
        const lp = lpStream(stream, { maxDataLength: maxAnswerBytes });
        await lp.write(bytes, { signal });
        const answer = (await lp.read({ signal })).subarray();
        heardMs = monotonicMs();
        stream.close({ signal }).catch(() => undefined);
        return answer;
      } catch (cause) {
        stream?.abort(new Error("the request failed"));
        const gone = ended.signal.aborted || signal.aborted || connection.status !== "open";
        throw gone
          ? new AnamnesisError("peer.timeout", "the peer gave no answer; it is asked again later", { cause })
          : new AnamnesisError("peer.protocol", "the peer broke the request off", { cause });
      } finally {
        waitingSince.delete(waiting);
      }
    },
    resume() {
      for (const { stream } of incoming) if (stream.readStatus === "paused") stream.resume();
    },
    check() {
      const now = monotonicMs();
      const [oldest] = waitingSince;
      if (oldest !== undefined && now - Math.max(oldest.atMs, heardMs) > limits.silenceMs) {
        return abort("a request waits and nothing was heard");
      }
      for (const { stream, reader, progressMs } of incoming) {
        if (stream.readStatus === "paused" || !reader.partial()) continue;
        if (now - progressMs > limits.frameTimeoutMs) {
          stream.abort(new Error("a message was begun and never completed"));
          inbox.strike("peer.protocol");
        }
      }
    },
    async close() {
      try {
        await connection.close({ signal: AbortSignal.timeout(CLOSE_GRACE_MS) });
      } catch {
        abort("the peer did not close in time");
      }
    },
    abort,
  };
}

interface Incoming {
  readonly stream: Stream;
  readonly reader: ReturnType<typeof createFrameReader>;
  /** When the frame being read began. */
  progressMs: number;
}

/** What yamux keeps of a stream's window. */
interface Windowed {
  readonly state?: unknown;
  readonly recvWindow?: unknown;
  readonly recvWindowCapacity?: unknown;
  sendWindowUpdate?: () => void;
}

/**
 * Yamux tells the sender its window after every frame; half a window is soon enough. Each of these
 * frames is encrypted, sent and decrypted again, and doubled the packets of a message.
 */
function tellWindowSeldom(stream: Stream): void {
  const yamux = stream as unknown as Windowed;
  const tell = yamux.sendWindowUpdate?.bind(stream);
  if (tell === undefined) return;
  yamux.sendWindowUpdate = () => {
    const { recvWindow: whole, recvWindowCapacity: left } = yamux;
    const isWide = typeof whole === "number" && typeof left === "number" && left > whole / 2;
    if (!isWide || yamux.state !== StreamState.Established) tell();
  };
}

/** Resolves when the stream is closed in both directions, whoever did it. */
function closeOf(stream: Stream): Promise<void> {
  if (stream.status !== "open") return Promise.resolve();
  return new Promise((resolve) => stream.addEventListener("close", () => resolve(), { once: true }));
}
