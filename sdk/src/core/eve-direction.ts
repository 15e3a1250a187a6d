/** Who attacks whom in an EVE alert: `src` and `dest` are the ends of a packet, not of an attack. */
import {
  clientByPorts,
  type Ends,
  endpointOf as endpoint,
  guessAttacker,
  sameEnd as same,
} from "./direction.ts";
import { isRecord, type JsonRecord } from "./eve-fields.ts";
import type { SelfIndex } from "./self-index.ts";
import type { Endpoint } from "./types.ts";

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

/**
 * Suricata's own decoder, stream and protocol events (sid 2200000–2299999) report an oddity. In a flow
 * that the plant opened they accuse nobody: a lost packet must not cut it off from a web service.
 */
function isEngineEvent(alert: JsonRecord): boolean {
  const id = alert.signature_id;
  return typeof id === "number" && id >= 2_200_000 && id <= 2_299_999;
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
  return clientByPorts(source, destination);
}
