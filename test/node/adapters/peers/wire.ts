/** Wires and strangers for the tests of the libp2p adapter: a path that freezes, a node that misbehaves. */
import { connect, createServer, type Socket } from "node:net";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { privateKeyFromRaw } from "@libp2p/crypto/keys";
import type { Connection, PrivateKey } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { createPeers, type PeersOptions } from "../../../../node/src/adapters/peers/libp2p-peers.ts";
import { type CountedPeers, clock, keyOf, randomness, silent } from "./harness.ts";

/** A node of key n with the given addresses to dial. */
export function peersOf(number: number, options: Partial<PeersOptions> = {}): CountedPeers {
  return createPeers({
    privateKey: keyOf(number),
    listen: "127.0.0.1:0",
    dial: [],
    clock,
    randomness,
    log: silent,
    ...options,
  });
}

/** The TCP port of the first address. */
export function portOf(peers: CountedPeers): number {
  return Number(/\/tcp\/(\d+)/.exec(peers.addresses()[0]!)![1]);
}

/** A TCP path to a port that can be frozen: both ends stay open and nothing passes any more. */
export async function freezablePath(
  port: number,
): Promise<{ port: number; freeze(): void; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on("data", (data) => frozen || other.write(data));
      one.on("error", () => frozen || other.destroy());
      one.on("close", () => frozen || other.destroy());
    }
  });
  let frozen = false;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    freeze() {
      frozen = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A stock libp2p node, connected to `target`, that speaks whatever the test wants. */
export async function strangerTo(
  target: CountedPeers,
  privateKey: PrivateKey | Uint8Array,
): Promise<[Connection, Libp2p]> {
  const node = await createLibp2p({
    privateKey: privateKey instanceof Uint8Array ? privateKeyFromRaw(privateKey) : privateKey,
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  // A plain node must take our push stream, or it never counts as a peer.
  await node.handle("/anamnesis/push/1", () => {});
  return [await node.dial(multiaddr(target.addresses()[0]!)), node];
}
