/** One peer by its key: its queues, which outlive connections, and the choice among its connections. */

import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import type { Connection, Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import type { Log, PeerHandlers } from "../../ports.ts";
import { createBucket } from "./bucket.ts";
import {
  encodeRefusal,
  encodeRequest,
  MAX_REQUEST_BYTES,
  parseAnswer,
  type SyncAnswers,
  type SyncRequest,
} from "./codec.ts";
import { createInbox } from "./inbox.ts";
import type { PeerLimits } from "./limits.ts";
import { createLink, type Link } from "./link.ts";
import { createOutbox } from "./outbox.ts";
import { answerRequest } from "./serve.ts";
import type { Counters } from "./stats.ts";

/** A peer that is, was or is about to be connected. */
export interface Peer {
  readonly address: Address;
  /** Whether a link is up. */
  connected(): boolean;
  /** Whether any connection exists, up or not. */
  attached(): boolean;
  attach(connection: Connection): void;
  push(framed: Uint8Array): void;
  receive(stream: Stream, connection: Connection): void;
  serve(stream: Stream): Promise<void>;
  request<K extends SyncRequest["kind"]>(
    request: SyncRequest & { readonly kind: K },
  ): Promise<SyncAnswers[K]>;
  /** Cuts every connection at once. */
  cut(reason: string): void;
  check(): void;
  /** Resolves when no handler runs any more. */
  close(): Promise<void>;
}

/** Room for a page of one message beyond its bound and the frame around it. */
const ANSWER_OVERHEAD_BYTES = 262_144;

/** Creates the record of one peer. */
export function createPeer(ports: {
  readonly address: Address;
  readonly self: Address;
  readonly limits: PeerLimits;
  readonly counters: Counters;
  readonly log: Log;
  readonly monotonicMs: () => number;
  readonly handlers: PeerHandlers;
  readonly onUp: (again: boolean) => void;
  /** The last link that was up is gone. */
  readonly onDown: () => void;
  /** A connection is gone, whether it was ever up or not. */
  readonly onLost: () => void;
  readonly onOffender: () => void;
}): Peer {
  const { address, self, limits, counters, log, monotonicMs, handlers } = ports;
  /** Links in the order in which they came up, before them those that are not up yet. */
  let links: Link[] = [];
  let ups = 0;
  let wasUp = false;
  let serving = 0;
  let asking = 0;
  const requests = createBucket(limits.requestsPerSecond, limits.requestBurst, monotonicMs);
  const graces = new Set<NodeJS.Timeout>();

  const current = (): Link | undefined => links.findLast((link) => link.up());
  const outbox = createOutbox({ limits, counters, sink: current });
  const inbox = createInbox({
    from: address,
    limits,
    counters,
    log,
    monotonicMs,
    onMessage: (from, message) => handlers.onMessage(from, message),
    onSpace: () => {
      for (const link of links) link.resume();
    },
    onOffender: ports.onOffender,
  });

  /**
   * One connection per key, the newest wins: a peer that restarts must not lose against its own dead
   * connection. When both sides dial at the same moment they may see the two in different order, so one
   * side alone chooses, the lower address; the other follows, and helps itself only after a grace.
   */
  const onUp = (link: Link): void => {
    links = [...links.filter((other) => other !== link), link];
    const rivals = links.filter((other) => other !== link && other.up());
    if (self < address) for (const rival of rivals) void rival.close();
    else if (rivals.length > 0) closeAfterGrace();
    if (!wasUp) {
      wasUp = true;
      ports.onUp(ups > 0);
    }
    ups++;
  };

  const closeAfterGrace = (): void => {
    const timer = setTimeout(() => {
      graces.delete(timer);
      const chosen = current();
      for (const link of links) if (link !== chosen && link.up()) void link.close();
    }, limits.doubledGraceMs);
    graces.add(timer);
  };

  const onDown = (link: Link): void => {
    links = links.filter((other) => other !== link);
    if (wasUp && current() === undefined) {
      wasUp = false;
      outbox.clear();
      ports.onDown();
    }
    ports.onLost();
  };

  return {
    address,
    connected: () => wasUp,
    attached: () => links.length > 0,
    attach(connection) {
      if (links.length >= limits.connectionsPerKey) {
        (links.find((link) => !link.up()) ?? links[0]!).abort("too many connections of one key");
      }
      const link: Link = createLink({
        connection,
        inbox,
        limits,
        monotonicMs,
        onUp: () => onUp(link),
        onWritable: () => {
          if (link === current()) outbox.flush();
        },
        onDown: () => onDown(link),
      });
      links = [link, ...links];
    },
    push(framed) {
      if (wasUp) outbox.push(framed);
    },
    receive(stream, connection) {
      const link = links.find((one) => one.connection === connection);
      if (link === undefined) stream.abort(new Error("the connection is gone"));
      else link.receive(stream);
    },
    async serve(stream) {
      const signal = AbortSignal.timeout(limits.requestTimeoutMs);
      const lp = lpStream(stream, { maxDataLength: MAX_REQUEST_BYTES });
      const flooded = serving >= limits.requestsInFlight || !requests.take(1);
      serving++;
      try {
        const bytes = (await lp.read({ signal })).subarray();
        if (flooded) counters.ignored("peer.flood");
        const answer = flooded
          ? encodeRefusal("peer.flood")
          : await answerRequest(handlers, address, bytes, { counters, log });
        await lp.write(answer, { signal });
        await stream.close({ signal });
        // A peer that never closes its side would keep the stream.
        signal.addEventListener("abort", () => stream.abort(new Error("the request is over")), {
          once: true,
        });
      } catch (error) {
        // Half a request, a request beyond its bound, or a peer that left: nothing to answer.
        stream.abort(new Error(String(error)));
      } finally {
        serving--;
      }
    },
    async request(request) {
      counters.add("requestsOut");
      try {
        const link = current();
        if (link === undefined) {
          throw new AnamnesisError("peer.timeout", `${address} is not connected; it is dialled again`);
        }
        if (asking >= limits.requestsInFlight) {
          throw new AnamnesisError("peer.timeout", `${asking} requests to ${address} wait already`);
        }
        asking++;
        try {
          const bytes = await link.request(
            encodeRequest(request),
            limits.messageBytes + ANSWER_OVERHEAD_BYTES,
          );
          return parseAnswer(request.kind, bytes);
        } finally {
          asking--;
        }
      } catch (error) {
        counters.add("requestsFailed");
        throw error;
      }
    },
    cut(reason) {
      for (const link of links) link.abort(reason);
    },
    check() {
      for (const link of links) link.check();
    },
    close() {
      for (const timer of graces) clearTimeout(timer);
      return inbox.close();
    },
  };
}
