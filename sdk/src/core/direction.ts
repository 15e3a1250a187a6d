/** Who attacks whom, from the two ends of what a detector saw: `src` and `dst` are ends of a packet, not of an attack. */
import { canonicalAddress, classifyAddress } from "./address.ts";
import type { SelfIndex } from "./self-index.ts";
import type { Endpoint } from "./types.ts";

/** The two ends by what they do; each is absent when the alert does not tell. */
export interface Ends {
  readonly attacker?: Endpoint;
  readonly victim?: Endpoint;
  /** Whether the attacker opened the flow; undefined when nobody knows. */
  readonly attackerIsClient?: boolean;
  /** Whether the packet or transaction that matched came from the attacker. */
  readonly attackerSent?: boolean;
}

/** Ports of servers above 1023: IEC 104, OPC UA, MQTT, DNP3, EtherNet/IP, BACnet, proxies, SIP. */
const SERVER_PORTS = new Set([1502, 1883, 2404, 3389, 4840, 5060, 8080, 8443, 8883, 20_000, 44_818, 47_808]);

const NOBODY: ReadonlySet<string> = new Set(["multicast", "broadcast", "unspecified"]);
const INSIDE: ReadonlySet<string> = new Set(["private", "shared", "linkLocal", "loopback"]);

/**
 * Attacker and victim of two ends that no rule told apart.
 *
 * In this order: exactly one end is the plant's own; exactly one end is in a private network; the
 * client. Otherwise nobody is named. `fromClient` says whether the source opened the flow.
 */
export function nameEnds(
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
  fromClient: boolean | undefined,
  self: SelfIndex,
): Ends {
  const attacker = guessAttacker(source, destination, fromClient, self);
  if (attacker === undefined) return {};
  return accuse(attacker, attacker === source ? destination : source, attacker === source, fromClient);
}

/** The ends when the detector itself says who attacks. `sent`: the attacker is the source. */
export function accuse(
  attacker: Endpoint,
  victim: Endpoint | undefined,
  sent?: boolean,
  fromClient?: boolean,
): Ends {
  const ends: { -readonly [Key in keyof Ends]: Ends[Key] } = { attacker };
  if (victim !== undefined && !sameEnd(victim, attacker)) ends.victim = victim;
  if (sent !== undefined) ends.attackerSent = sent;
  if (sent !== undefined && fromClient !== undefined) ends.attackerIsClient = fromClient === sent;
  return ends;
}

/** The attacking end, or undefined when nothing tells. */
export function guessAttacker(
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
  fromClient: boolean | undefined,
  self: SelfIndex,
): Endpoint | undefined {
  if (source === undefined || destination === undefined) return undefined;
  const ownSource = self.isOwn(source.address);
  const ownDestination = self.isOwn(destination.address);
  if (ownSource !== ownDestination) return person(ownSource ? destination : source);

  const a = classifyAddress(source.address);
  const b = classifyAddress(destination.address);
  // A group address is nobody: whoever spoke to it is the other end.
  if (NOBODY.has(a) || NOBODY.has(b)) return NOBODY.has(a) ? person(destination) : source;
  if (INSIDE.has(a) !== INSIDE.has(b)) return INSIDE.has(a) ? destination : source;
  if (fromClient === undefined) return undefined;
  return fromClient ? source : destination;
}

function person(end: Endpoint): Endpoint | undefined {
  return NOBODY.has(classifyAddress(end.address)) ? undefined : end;
}

/** Whether the source is the client by the ports alone: exactly one of the two is a server's. */
export function clientByPorts(source?: Endpoint, destination?: Endpoint): boolean | undefined {
  const from = isServerPort(source?.port);
  const to = isServerPort(destination?.port);
  return from === to ? undefined : to;
}

function isServerPort(port: number | undefined): boolean {
  return port !== undefined && port > 0 && (port < 1024 || SERVER_PORTS.has(port));
}

/** Whether two ends are the same. */
export function sameEnd(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  return a !== undefined && b !== undefined && a.address === b.address && a.port === b.port;
}

/** An end from its parts as numbers; undefined when the address is none. A port that is none is left out. */
export function endpointOf(ip: unknown, port?: unknown): Endpoint | undefined {
  const address = typeof ip === "string" ? canonicalAddress(ip) : undefined;
  if (address === undefined) return undefined;
  return isPort(port) ? { address, port } : { address };
}

function isPort(port: unknown): port is number {
  return typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535;
}
