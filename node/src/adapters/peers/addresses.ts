/** Addresses of configurations: host:port or multiaddr. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import { peerIdFromString } from "@libp2p/peer-id";
import { CODE_P2P, CODE_TCP, multiaddr } from "@multiformats/multiaddr";
import type { DialTarget } from "./dialer.ts";
import { addressOfPeerId } from "./identity.ts";

/** The multiaddr of a listen setting. Throws `config.invalid`. */
export function parseListen(text: string): string {
  return parseTcp(text, "peers.listen").toString();
}

/**
 * The target of a dial setting, its key known when /p2p/ is given. Throws `config.invalid`.
 *
 * A plant may well list itself, in a list that all plants share. That address is dialled without the key,
 * which libp2p would refuse: it ends here, or at another process that holds our key and must be found.
 */
export function parseDial(text: string, self: Address): DialTarget {
  const parsed = parseTcp(text, "peers.dial");
  const id = parsed.getComponents().find((component) => component.code === CODE_P2P)?.value;
  const target: DialTarget = { multiaddr: parsed.toString() };
  if (id === undefined) return target;
  const address = addressOfPeerId(peerIdFromString(id));
  if (address === undefined) throw invalid(text, "peers.dial", "its key is not a secp256k1 node key");
  return address === self
    ? { multiaddr: parsed.decapsulateCode(CODE_P2P).toString() }
    : { ...target, address };
}

function parseTcp(text: string, setting: string): ReturnType<typeof multiaddr> {
  try {
    const parsed = multiaddr(text.startsWith("/") ? text : toMultiaddr(text));
    if (parsed.getComponents().some((component) => component.code === CODE_TCP)) return parsed;
  } catch (cause) {
    throw invalid(text, setting, String(cause), cause);
  }
  throw invalid(text, setting, "it has no TCP port");
}

function toMultiaddr(text: string): string {
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? [];
  const kind = host.includes(":") ? "ip6" : /^[\d.]+$/.test(host) ? "ip4" : "dns";
  return `/${kind}/${host}/tcp/${port}`;
}

function invalid(text: string, setting: string, reason: string, cause?: unknown): AnamnesisError {
  return new AnamnesisError(
    "config.invalid",
    `${setting} has ${text}: ${reason}; write host:port or /ip4/192.0.2.1/tcp/7001/p2p/KEY`,
    { cause },
  );
}
