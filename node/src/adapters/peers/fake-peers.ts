/**
 * The port `Peers` in memory, for the tests of flows: same queues, bounds, codec and verdicts as over
 * libp2p, but no sockets; delivery is asynchronous and in order.
 */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import type { Clock, Log, PeerHandlers, Peers } from "../../ports.ts";
import { encodeRequest, parseAnswer, type SyncAnswers, type SyncRequest } from "./codec.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import { DEFAULT_LIMITS, type PeerLimits } from "./limits.ts";
import { answerRequest } from "./serve.ts";
import { type Counters, createCounters, type PeerStats } from "./stats.ts";

/** A network of fakes. */
export interface FakePeers {
  /** A node of this key. It connects, once started, to every started node whose gater lets it in. */
  join(address: Address, options?: { readonly limits?: Partial<PeerLimits> }): Peers & { stats(): PeerStats };
  /** Cuts the path between two keys until `mend`. */
  cut(a: Address, b: Address): void;
  mend(a: Address, b: Address): void;
  /** Messages for which `lose` is true vanish on the way; undefined loses none. */
  lossy(lose: ((from: Address, to: Address, message: Uint8Array) => boolean) | undefined): void;
}

interface Node {
  readonly address: Address;
  readonly limits: PeerLimits;
  readonly counters: Counters;
  readonly inboxes: Map<Address, Inbox>;
  readonly coolUntilMs: Map<Address, number>;
  readonly seen: Set<Address>;
  handlers: PeerHandlers | undefined;
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Creates an empty network. */
export function createFakePeers(
  ports: { readonly clock?: Pick<Clock, "monotonicMs">; readonly log?: Log } = {},
): FakePeers {
  const monotonicMs = (): number => ports.clock?.monotonicMs() ?? performance.now();
  const log = ports.log ?? SILENT;
  const nodes = new Set<Node>();
  const cuts = new Set<string>();
  let lose: ((from: Address, to: Address, message: Uint8Array) => boolean) | undefined;

  const pathOf = (a: Address, b: Address): string => [a, b].sort().join();
  const lets = (node: Node, other: Address): boolean =>
    node.handlers?.isMember(other) === true && (node.coolUntilMs.get(other) ?? -Infinity) <= monotonicMs();
  const find = (from: Node, address: Address): Node | undefined =>
    [...nodes].find((node) => node.address === address && from.inboxes.has(address));

  const connect = (node: Node, other: Node): void => {
    if (node.inboxes.has(other.address)) return;
    const inbox = createInbox({
      from: other.address,
      limits: node.limits,
      counters: node.counters,
      log,
      monotonicMs,
      onMessage: (from, message) => node.handlers!.onMessage(from, message),
      onSpace() {},
      onOffender() {
        node.coolUntilMs.set(other.address, monotonicMs() + node.limits.coolDownMs);
        node.counters.add("cut");
        settle();
      },
    });
    node.inboxes.set(other.address, inbox);
    if (node.seen.has(other.address)) node.counters.add("reconnects");
    node.seen.add(other.address);
    node.handlers?.onConnect(other.address);
  };

  const disconnect = (node: Node, other: Address): void => {
    const inbox = node.inboxes.get(other);
    if (inbox === undefined) return;
    node.inboxes.delete(other);
    void inbox.close();
    node.handlers?.onDisconnect(other);
  };

  /** Makes connections what gaters, cuts and starts say they should be. */
  const settle = (): void => {
    const running = [...nodes].filter((node) => node.handlers !== undefined);
    for (const node of running) {
      for (const other of node.inboxes.keys()) {
        if (!running.some((one) => one.address === other)) disconnect(node, other);
      }
      for (const other of running) {
        if (other === node || other.address === node.address) continue;
        const open =
          lets(node, other.address) &&
          lets(other, node.address) &&
          !cuts.has(pathOf(node.address, other.address));
        if (open) connect(node, other);
        else {
          if (!lets(node, other.address)) node.counters.add("refused");
          disconnect(node, other.address);
        }
      }
    }
  };

  const join = (address: Address, limits: Partial<PeerLimits> = {}): Peers & { stats(): PeerStats } => {
    const node: Node = {
      address,
      limits: { ...DEFAULT_LIMITS, ...limits },
      counters: createCounters(),
      inboxes: new Map(),
      coolUntilMs: new Map(),
      seen: new Set(),
      handlers: undefined,
    };

    const request = async <K extends SyncRequest["kind"]>(
      to: Address,
      asked: SyncRequest & { readonly kind: K },
    ): Promise<SyncAnswers[K]> => {
      node.counters.add("requestsOut");
      try {
        if (node.handlers?.isMember(to) !== true) {
          throw new AnamnesisError("peer.stranger", `${to} is not an open node key of an active member`);
        }
        await turn();
        const other = find(node, to);
        if (other?.handlers === undefined) {
          throw new AnamnesisError("peer.timeout", `${to} is not connected; it is dialled again`);
        }
        const answer = await answerRequest(other.handlers, address, encodeRequest(asked), {
          counters: other.counters,
          log,
        });
        await turn();
        if (find(node, to) !== other) {
          throw new AnamnesisError("peer.timeout", "the peer gave no answer; it is asked again later");
        }
        return parseAnswer(asked.kind, answer);
      } catch (error) {
        node.counters.add("requestsFailed");
        throw error;
      }
    };

    return {
      async start(handlers) {
        for (const twin of nodes) {
          if (twin.address !== address) continue;
          twin.handlers?.onSelf("fake");
          handlers.onSelf("fake");
        }
        node.handlers = handlers;
        nodes.add(node);
        queueMicrotask(settle);
      },
      async stop() {
        const handling = [...node.inboxes.values()].map((inbox) => inbox.close());
        for (const other of node.inboxes.keys()) disconnect(node, other);
        node.handlers = undefined;
        nodes.delete(node);
        settle();
        await Promise.all(handling);
      },
      addresses: () => (node.handlers === undefined ? [] : [`/memory/${address}`]),
      connected: () => [...node.inboxes.keys()],
      broadcast(message) {
        if (message.length === 0 || message.length > node.limits.messageBytes)
          return node.counters.add("dropped");
        for (const to of node.inboxes.keys()) {
          node.counters.add("messagesOut");
          node.counters.add("bytesOut", message.length);
          const copy = new Uint8Array(message);
          void turn().then(() => {
            if (lose?.(address, to, copy) !== true) find(node, to)?.inboxes.get(address)?.push(copy);
          });
        }
      },
      have: (peer, have) => request(peer, { kind: "have", have }),
      get: (peer, feed, start, maxBytes) => request(peer, { kind: "get", feed, start, maxBytes }),
      prove: (peer, feed, m, n) => request(peer, { kind: "prove", feed, m, n }),
      blindingKey: (peer) => request(peer, { kind: "blindingKey" }),
      recheck: settle,
      stats: () => node.counters.read(node.inboxes.size),
    };
  };

  return {
    join: (address, options) => join(address, options?.limits),
    cut(a, b) {
      cuts.add(pathOf(a, b));
      settle();
    },
    mend(a, b) {
      cuts.delete(pathOf(a, b));
      settle();
    },
    lossy(predicate) {
      lose = predicate;
    },
  };
}

/** The next turn of the event loop: what comes over a wire never arrives inside the call that sent it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
