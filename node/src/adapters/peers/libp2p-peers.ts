/** The port `Peers` over libp2p: TCP, noise, yamux, and nobody but members. */

import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import { yamux } from "@chainsafe/libp2p-yamux";
import { privateKeyFromRaw } from "@libp2p/crypto/keys";
import type { Connection, PeerId } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import type { Clock, Log, PeerHandlers, Peers, Randomness } from "../../ports.ts";
import { parseDial, parseListen } from "./addresses.ts";
import { createDialer, type DialTarget } from "./dialer.ts";
import { frame } from "./framing.ts";
import { addressOfPeerId, noiseWatchingSelf } from "./identity.ts";
import { DEFAULT_LIMITS, type PeerLimits } from "./limits.ts";
import { PUSH_PROTOCOL, SYNC_PROTOCOL } from "./link.ts";
import { createPeer, type Peer } from "./peer.ts";
import { createCounters, type PeerStats } from "./stats.ts";

/** What the adapter is made of. */
export interface PeersOptions {
  /** The node key, 32 bytes secp256k1: PeerId and feed address come from it. */
  readonly privateKey: Uint8Array;
  /** host:port or a TCP multiaddr; port 0 takes a free one. */
  readonly listen: string;
  /** Multiaddrs (or host:port) of known peers; /p2p/ is optional and pins the key when given. */
  readonly dial: readonly string[];
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly limits?: Partial<PeerLimits>;
}

/** ms between two looks at silent connections and endless frames. */
const CHECK_MS = 500;
/** A stream buffers at most this much unread; the window must stay below it, or a paused stream breaks. */
const READ_BUFFER_BYTES = 4 * 1_048_576;
const WINDOW_BYTES = 2 * 1_048_576;

/**
 * Creates the adapter; nothing is opened before `start`.
 * @throws AnamnesisError `config.invalid` for an address that cannot be used; `start` throws `port.taken`
 */
export function createPeers(options: PeersOptions): Peers & { stats(): PeerStats } {
  const { log, clock } = options;
  const limits: PeerLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const self = addressOfPrivateKey(options.privateKey);
  const privateKey = privateKeyFromRaw(options.privateKey);
  const selfId = peerIdFromPrivateKey(privateKey);
  const listen = parseListen(options.listen);
  const targets = options.dial.map((text) => parseDial(text, self));
  const monotonicMs = (): number => clock.monotonicMs();
  const counters = createCounters();
  const peers = new Map<Address, Peer>();
  const coolUntilMs = new Map<Address, number>();
  let handlers: PeerHandlers | undefined;
  let libp2p: Libp2p | undefined;
  let timer: NodeJS.Timeout | undefined;

  const member = (address: Address): boolean => {
    try {
      return handlers?.isMember(address) ?? false;
    } catch (error) {
      counters.add("faults");
      log.error("peers.fault", { peer: address, error: String(error) });
      return false;
    }
  };
  const cooling = (address: Address): boolean => (coolUntilMs.get(address) ?? -Infinity) > monotonicMs();
  const welcome = (address: Address): boolean => member(address) && !cooling(address);
  const refuses = (peerId: PeerId): boolean => {
    const address = addressOfPeerId(peerId);
    if (address !== undefined && welcome(address)) return false;
    counters.add("refused");
    log.debug("peers.refused", { peer: address ?? peerId.toString() });
    return true;
  };

  const dialer = createDialer({
    targets,
    limits,
    randomness: options.randomness,
    wanted: ({ address }) => address === undefined || (welcome(address) && !peers.get(address)?.attached()),
    async dial(target: DialTarget) {
      const signal = AbortSignal.timeout(limits.handshakeMs);
      const connection = await libp2p!.dial(multiaddr(target.multiaddr), { force: true, signal });
      return addressOfPeerId(connection.remotePeer);
    },
  });
  const [encrypter, stopWatching] = noiseWatchingSelf(selfId, {
    onOwnKey: (target) => dialer.forget(target),
    onClone(remote) {
      log.error("peers.cloned", { remote });
      handlers?.onSelf(remote);
    },
    onLoop(target) {
      log.info("peers.dialsItself", { target });
    },
  });

  const peerOf = (address: Address): Peer => {
    const known = peers.get(address);
    if (known !== undefined) return known;
    const peer = createPeer({
      address,
      self,
      limits,
      counters,
      log,
      monotonicMs,
      handlers: handlers!,
      onUp(again) {
        if (again) counters.add("reconnects");
        dialer.reached(address);
        log.info("peers.connected", { peer: address });
        handlers?.onConnect(address);
      },
      onDown() {
        log.info("peers.disconnected", { peer: address });
        handlers?.onDisconnect(address);
      },
      onLost: () => dialer.lost(address),
      onOffender() {
        coolUntilMs.set(address, monotonicMs() + limits.coolDownMs);
        counters.add("cut");
        peer.cut("too many rejected messages");
      },
    });
    peers.set(address, peer);
    return peer;
  };

  const onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const address = addressOfPeerId(connection.remotePeer);
    if (address !== undefined && welcome(address)) peerOf(address).attach(connection);
    else connection.abort(new Error("not a member"));
  };

  const onStream =
    (use: (peer: Peer, connection: Connection) => void) =>
    (connection: Connection): void => {
      const address = addressOfPeerId(connection.remotePeer);
      const peer = address === undefined ? undefined : peers.get(address);
      if (peer !== undefined && welcome(peer.address)) use(peer, connection);
      else connection.abort(new Error("not a member"));
    };

  const reachable = (address: Address): Peer => {
    const peer = peers.get(address);
    if (peer !== undefined && member(address)) return peer;
    throw member(address)
      ? new AnamnesisError("peer.timeout", `${address} is not connected; it is dialled again`)
      : new AnamnesisError("peer.stranger", `${address} is not an open node key of an active member`);
  };

  return {
    async start(given) {
      handlers = given;
      libp2p = await createLibp2p({
        start: false,
        privateKey,
        addresses: { listen: [listen] },
        transports: [tcp()],
        connectionEncrypters: [encrypter],
        streamMuxers: [
          yamux({
            maxInboundStreams: limits.requestsInFlight + 8,
            streamOptions: { maxStreamWindowSize: WINDOW_BYTES, maxReadBufferLength: READ_BUFFER_BYTES },
          }),
        ],
        connectionGater: {
          denyDialMultiaddr: () => false,
          denyInboundEncryptedConnection: refuses,
          denyOutboundEncryptedConnection: refuses,
        },
        connectionManager: {
          maxConnections: limits.connections,
          maxIncomingPendingConnections: limits.handshakes,
          inboundConnectionThreshold: limits.handshakes,
          inboundUpgradeTimeout: limits.handshakeMs,
          inboundStreamProtocolNegotiationTimeout: limits.handshakeMs,
          outboundStreamProtocolNegotiationTimeout: limits.handshakeMs,
        },
        // Requests tell whether a peer is alive; a second opinion would only cost traffic.
        connectionMonitor: { enabled: false },
      });
      libp2p.addEventListener("connection:open", onOpen);
      await libp2p.handle(
        PUSH_PROTOCOL,
        (stream, connection) => onStream((peer) => peer.receive(stream, connection))(connection),
        { maxInboundStreams: 2 },
      );
      await libp2p.handle(
        SYNC_PROTOCOL,
        (stream, connection) => onStream((peer) => void peer.serve(stream))(connection),
        { maxInboundStreams: limits.requestsInFlight, maxOutboundStreams: limits.requestsInFlight },
      );
      try {
        await libp2p.start();
      } catch (cause) {
        await libp2p.stop();
        throw startError(cause, options.listen);
      }
      timer = setInterval(() => {
        for (const peer of peers.values()) peer.check();
      }, CHECK_MS);
      dialer.start();
    },
    async stop() {
      clearInterval(timer);
      dialer.stop();
      stopWatching();
      await libp2p?.stop();
      for (const peer of peers.values()) peer.cut("the node stops");
      await Promise.all([...peers.values()].map((peer) => peer.close()));
      peers.clear();
    },
    addresses: () => (libp2p?.getMultiaddrs() ?? []).map(String),
    connected: () => connectedOf(peers),
    broadcast(message) {
      if (message.length === 0 || message.length > limits.messageBytes) {
        counters.add("dropped");
        return log.error("peers.oversized", { bytes: message.length, limit: limits.messageBytes });
      }
      const framed = frame(message);
      for (const peer of peers.values()) peer.push(framed);
    },
    have: async (peer, have) => reachable(peer).request({ kind: "have", have }),
    get: async (peer, feed, start, maxBytes) =>
      reachable(peer).request({ kind: "get", feed, start, maxBytes }),
    prove: async (peer, feed, m, n) => reachable(peer).request({ kind: "prove", feed, m, n }),
    blindingKey: async (peer) => reachable(peer).request({ kind: "blindingKey" }),
    recheck() {
      for (const peer of peers.values()) {
        if (member(peer.address)) continue;
        if (peer.attached()) counters.add("cut");
        peers.delete(peer.address);
        coolUntilMs.delete(peer.address);
        peer.cut("the key may no longer speak");
        void peer.close();
      }
      dialer.hurry();
    },
    stats: () => counters.read(connectedOf(peers).length),
  };
}

function connectedOf(peers: ReadonlyMap<Address, Peer>): Address[] {
  return [...peers.values()].filter((peer) => peer.connected()).map((peer) => peer.address);
}

function startError(cause: unknown, listen: string): AnamnesisError {
  if (String(cause).includes("EADDRINUSE")) {
    return new AnamnesisError(
      "port.taken",
      `peers.listen is ${listen} and that port is taken; stop what uses it or choose another`,
      { cause, details: { setting: "peers.listen", listen } },
    );
  }
  return new AnamnesisError("config.invalid", `peers.listen is ${listen}, which cannot be listened on`, {
    cause,
  });
}
