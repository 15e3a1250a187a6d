/** One key, two spellings: the PeerId that noise proves and the EVM address that the registry knows. */

import { addressOfPublicKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import { noise } from "@chainsafe/libp2p-noise";
import type {
  ConnectionEncrypter,
  MessageStream,
  MultiaddrConnection,
  PeerId,
  SecureConnectionOptions,
} from "@libp2p/interface";

import { noiseCrypto } from "./noise-crypto.ts";

/** The EVM address of a secp256k1 PeerId; undefined for a key of any other kind. */
export function addressOfPeerId(peerId: PeerId): Address | undefined {
  return peerId.type === "secp256k1" ? addressOfPublicKey(peerId.publicKey.raw) : undefined;
}

/** What became of a handshake in which the other end proved our own key. */
export interface SelfWatch {
  /** A dial met our own key, whoever holds it: dialling that again has no use. */
  onOwnKey(target: string): void;
  /** Another process holds our key; `remote` is its multiaddr. */
  onClone(remote: string): void;
  /** The dialled multiaddr is this very process. */
  onLoop(target: string): void;
}

/** ms in which the accepting end of a connection to oneself must show up. */
const LOOP_MS = 1_000;

/**
 * Noise that watches for our own key. libp2p drops such a connection by itself, silently and before its
 * gater is asked, so this is the one place to see it. A dial that ends at this very process is told from
 * a clone by its local port, which is the remote port of the accepting end.
 */
export function noiseWatchingSelf(
  self: PeerId,
  watch: SelfWatch,
): [
  encrypter: (components: Parameters<ReturnType<typeof noise>>[0]) => ConnectionEncrypter,
  stop: () => void,
] {
  const loops = new Map<number, { timer: NodeJS.Timeout; target: string }>();

  const outbound = (connection: MessageStream): void => {
    const target = remoteOf(connection);
    watch.onOwnKey(target);
    const port = localPortOf(connection);
    if (port === undefined) {
      watch.onClone(target);
      return;
    }
    const timer = setTimeout(() => {
      loops.delete(port);
      watch.onClone(target);
    }, LOOP_MS);
    loops.set(port, { timer, target });
  };

  const inbound = (connection: MessageStream): void => {
    const remote = remoteOf(connection);
    const port = Number(/\/tcp\/(\d+)/.exec(remote)?.[1]);
    const loop = loops.get(port);
    if (loop === undefined) {
      watch.onClone(remote);
      return;
    }
    clearTimeout(loop.timer);
    loops.delete(port);
    watch.onLoop(loop.target);
  };

  const encrypter = (components: Parameters<ReturnType<typeof noise>>[0]): ConnectionEncrypter => {
    const inner = noise({ crypto: noiseCrypto })(components);
    const secure = async (
      how: "secureInbound" | "secureOutbound",
      seen: (connection: MessageStream) => void,
      connection: MessageStream,
      options?: SecureConnectionOptions,
    ) => {
      const secured = await inner[how](connection, options);
      if (secured.remotePeer.equals(self)) seen(connection);
      return secured;
    };
    return {
      protocol: inner.protocol,
      secureInbound: (connection, options) => secure("secureInbound", inbound, connection, options),
      secureOutbound: (connection, options) => secure("secureOutbound", outbound, connection, options),
    };
  };

  const stop = (): void => {
    for (const { timer } of loops.values()) clearTimeout(timer);
    loops.clear();
  };
  return [encrypter, stop];
}

function remoteOf(connection: MessageStream): string {
  return (connection as Partial<MultiaddrConnection>).remoteAddr?.toString() ?? "an unknown address";
}

/** The port of our end, which the TCP transport keeps to itself. */
function localPortOf(connection: MessageStream): number | undefined {
  const socket: unknown = Reflect.get(connection, "socket");
  const port: unknown = typeof socket === "object" && socket !== null && Reflect.get(socket, "localPort");
  return typeof port === "number" ? port : undefined;
}
