/** Who attacks whom in an EVE alert: `src` and `dest` are the ends of a packet, not of an attack. */
import { canonicalAddress, classifyAddress } from "./address.ts";
import { isRecord, type JsonRecord } from "./eve-fields.ts";
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

/** Ports of servers above 1023 that Suricata knows: IEC 104, OPC UA, MQTT, DNP3, EtherNet/IP, BACnet, proxies, SIP. */
const SERVER_PORTS = new Set([1502, 1883, 2404, 3389, 4840, 5060, 8080, 8443, 8883, 20_000, 44_818, 47_808]);

/**
 * Attacker and victim of an alert.
 *
 * In this order: `alert.source` and `alert.target` (the rule says it); exactly one end is the
 * plant's own; exactly one end is in a private network; the client. Otherwise nobody is named, and
 * nothing may be blocked from the alert. An event of Suricata's own accuses the client or nobody.
 */
export function eveEnds(event: JsonRecord, alert: JsonRecord, self: SelfIndex): Ends {
  const source = endpoint(event.src_ip, event.src_port);
  const destination = endpoint(event.dest_ip, event.dest_port);
  const fromClient = sentByClient(event, source, destination);
  let attacker = statedAttacker(alert, source, destination);
  if (attacker === undefined) {
    attacker = guessAttacker(source, destination, fromClient, self);
    const client = fromClient === undefined ? undefined : fromClient ? source : destination;
    if (isEngineEvent(alert) && client !== undefined && !same(attacker, client)) attacker = undefined;
  }
  if (attacker === undefined) return {};
  const attackerSent = same(attacker, source);
  const victim = statedEnd(alert.target, source, destination) ?? (attackerSent ? destination : source);
  const ends: { -readonly [Key in keyof Ends]: Ends[Key] } = { attacker };
  if (victim !== undefined && !same(victim, attacker)) ends.victim = victim;
  if (source !== undefined) ends.attackerSent = attackerSent;
  if (fromClient !== undefined) ends.attackerIsClient = fromClient === attackerSent;
  return ends;
}

function statedAttacker(alert: JsonRecord, source?: Endpoint, destination?: Endpoint): Endpoint | undefined {
  const attacker = statedEnd(alert.source, source, destination);
  if (attacker !== undefined) return attacker;
  const victim = statedEnd(alert.target, source, destination);
  if (victim === undefined) return undefined;
  if (victim.address === source?.address) return destination;
  return victim.address === destination?.address ? source : undefined;
}

/** An end that the rule states: mostly one of the packet's, which is then given itself. */
function statedEnd(value: unknown, source?: Endpoint, destination?: Endpoint): Endpoint | undefined {
  if (!isRecord(value)) return undefined;
  if (source !== undefined && source.address === value.ip && source.port === value.port) return source;
  if (destination !== undefined && destination.address === value.ip && destination.port === value.port) {
    return destination;
  }
  return endpoint(value.ip, value.port);
}

function guessAttacker(
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

/**
 * Suricata's own decoder, stream and protocol events (sid 2200000–2299999) report an oddity. In a flow
 * that the plant opened they accuse nobody: a lost packet must not cut it off from a web service.
 */
function isEngineEvent(alert: JsonRecord): boolean {
  const id = alert.signature_id;
  return typeof id === "number" && id >= 2_200_000 && id <= 2_299_999;
}

const NOBODY: ReadonlySet<string> = new Set(["multicast", "broadcast", "unspecified"]);
const INSIDE: ReadonlySet<string> = new Set(["private", "shared", "linkLocal", "loopback"]);

function person(end: Endpoint): Endpoint | undefined {
  return NOBODY.has(classifyAddress(end.address)) ? undefined : end;
}

/** Whether the packet's source opened the flow: `direction`, then the flow's own ends, then ports. */
function sentByClient(event: JsonRecord, source?: Endpoint, destination?: Endpoint): boolean | undefined {
  if (event.direction === "to_server") return true;
  if (event.direction === "to_client") return false;
  const flow = event.flow;
  if (isRecord(flow)) {
    const opener = endpoint(flow.src_ip, flow.src_port);
    if (opener !== undefined && !same(source, destination)) {
      if (same(opener, source)) return true;
      if (same(opener, destination)) return false;
    }
  }
  const from = isServerPort(source?.port);
  const to = isServerPort(destination?.port);
  return from === to ? undefined : to;
}

function isServerPort(port: number | undefined): boolean {
  return port !== undefined && port > 0 && (port < 1024 || SERVER_PORTS.has(port));
}

function same(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  return a !== undefined && b !== undefined && a.address === b.address && a.port === b.port;
}

function endpoint(ip: unknown, port: unknown): Endpoint | undefined {
  const address = typeof ip === "string" ? canonicalAddress(ip) : undefined;
  if (address === undefined) return undefined;
  return isPort(port) ? { address, port } : { address };
}

function isPort(port: unknown): port is number {
  return typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535;
}
