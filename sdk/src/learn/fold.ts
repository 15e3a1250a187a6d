/** A plant's traffic folded into who spoke to whom, how often and when: what Self is learnt from and held against. */
import { canonicalAddress, classifyAddress } from "../core/address.ts";
import { ICS_PORTS } from "../core/ics.ts";
import type { Traffic } from "../core/traffic.ts";
import type { Detection, IcsRequest } from "../core/types.ts";

/** Where something was read: a file's name and a line of it, from 1. */
export interface Evidence {
  readonly file: string;
  readonly line: number;
}

/** How often and when something was seen. */
export interface Seen {
  readonly count: number;
  /** ms since the epoch, the sensor's time. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Five-minute slots it was seen in. */
  readonly slots: number;
  /** The first line of it and up to two more. */
  readonly evidence: readonly Evidence[];
}

/** Everything alike between two machines, counted. */
export interface Conversation extends Seen {
  readonly client: string;
  readonly server: string;
  readonly port: number | undefined;
  readonly protocol: string;
  readonly request: IcsRequest | undefined;
  /** How many of the records say that the server answered; undefined: none says. */
  readonly answered: number | undefined;
}

/** Why a machine is not to be trusted with what it did here. */
export interface Suspicion extends Seen {
  readonly address: string;
  readonly reason: "alert" | "scan";
  readonly text: string;
}

/** What was folded. */
export interface TrafficFold {
  readonly conversations: readonly Conversation[];
  readonly suspicions: readonly Suspicion[];
  /** Names by the server that was spoken to under them, or that was asked for them. */
  readonly names: ReadonlyMap<string, ReadonlySet<string>>;
  /** MAC address by client address; an address with several has none. */
  readonly macs: ReadonlyMap<string, string>;
  /** Records; those that would have been more than can be kept; those dated later than now. */
  readonly records: number;
  readonly overflow: number;
  readonly future: number;
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
  /** Five-minute slots with any traffic. */
  readonly slots: number;
}

/** Folds records one by one; memory is bounded whatever comes. */
export interface Folder {
  add(traffic: Traffic, evidence: Evidence): void;
  /** An alert that stands in the same logs: who attacks teaches nothing. */
  alert(detection: Detection, evidence: Evidence): void;
  fold(): TrafficFold;
}

const SLOT_MS = 300_000;
const MOST = 100_000;
const MOST_NAMES = 16;
const MOST_SLOTS = 10_000;
const DAY_MS = 86_400_000;
/** So many places where nobody answers make a scan. */
const CLOSED_DOORS = 5;
/** Who speaks to more machines than this, hardly a word each, looks around. */
const MANY = 20;

interface Count {
  count: number;
  firstMs: number;
  lastMs: number;
  readonly slots: Set<number>;
  readonly evidence: Evidence[];
}

interface Talk extends Count {
  readonly traffic: Traffic;
  answered: number | undefined;
}

/**
 * Makes a folder. Group and unspecified addresses are nobody and are left out.
 *
 * @param nowMs ms since the epoch: records dated more than a day later are counted and left out
 */
export function createFolder(nowMs: number): Folder {
  const talks = new Map<string, Talk>();
  const alerts = new Map<string, Count & { readonly text: string }>();
  const names = new Map<string, Set<string>>();
  const macs = new Map<string, string | null>();
  const slots = new Set<number>();
  let [records, overflow, future] = [0, 0, 0];
  let firstMs: number | undefined;
  let lastMs: number | undefined;

  function add(traffic: Traffic, evidence: Evidence): void {
    records++;
    const { atMs, client, server, port, protocol, request, name, answered, mac } = traffic;
    if (atMs > nowMs + DAY_MS) {
      future++;
      return;
    }
    if (isNobody(client) || isNobody(server) || client === server) return;
    const slot = Math.floor(atMs / SLOT_MS);
    if (slots.size < MOST_SLOTS) slots.add(slot);
    firstMs = Math.min(firstMs ?? atMs, atMs);
    lastMs = Math.max(lastMs ?? atMs, atMs);
    if (mac !== undefined && macs.size < MOST)
      macs.set(client, macs.has(client) && macs.get(client) !== mac ? null : mac);
    if (name !== undefined) addName(server, name);
    const key = [client, server, port, protocol, request?.protocol, request?.function].join("\n");
    let talk = talks.get(key);
    if (talk === undefined) {
      if (talks.size >= MOST) {
        overflow++;
        return;
      }
      talk = { traffic, answered: undefined, ...newCount(atMs) };
      talks.set(key, talk);
    }
    count(talk, atMs, slot, evidence);
    if (answered !== undefined) talk.answered = (talk.answered ?? 0) + (answered ? 1 : 0);
  }

  function addName(server: string, name: string): void {
    const known = names.get(server);
    if (known === undefined) {
      if (names.size < MOST) names.set(server, new Set([name]));
    } else if (known.size < MOST_NAMES) known.add(name);
  }

  return {
    add,
    alert({ attacker, atMs, rule }, evidence) {
      if (attacker === undefined) return;
      const text = `attacks in an alert: ${rule.engine} ${rule.id}: ${rule.name}`.slice(0, 200);
      const known = alerts.get(attacker.address) ?? { text, ...newCount(atMs) };
      if (alerts.size >= MOST && !alerts.has(attacker.address)) return;
      alerts.set(attacker.address, known);
      count(known, atMs, Math.floor(atMs / SLOT_MS), evidence);
    },
    fold() {
      const conversations = [...talks.values()].map(toConversation);
      return {
        conversations,
        suspicions: [
          ...[...alerts].map(([address, known]) => ({
            address,
            reason: "alert" as const,
            text: known.text,
            ...toSeen(known),
          })),
          ...scansOf(conversations),
        ],
        names,
        macs: new Map([...macs].flatMap(([address, mac]) => (mac === null ? [] : [[address, mac] as const]))),
        records,
        overflow,
        future,
        firstMs,
        lastMs,
        slots: slots.size,
      };
    },
  };
}

function newCount(atMs: number): Count {
  return { count: 0, firstMs: atMs, lastMs: atMs, slots: new Set(), evidence: [] };
}

function count(into: Count, atMs: number, slot: number, evidence: Evidence): void {
  into.count++;
  into.firstMs = Math.min(into.firstMs, atMs);
  into.lastMs = Math.max(into.lastMs, atMs);
  if (into.slots.size < MOST_SLOTS) into.slots.add(slot);
  if (into.evidence.length < 3) into.evidence.push(evidence);
}

function toSeen({ count: times, firstMs, lastMs, slots, evidence }: Count): Seen {
  return { count: times, firstMs, lastMs, slots: slots.size, evidence };
}

function toConversation(talk: Talk): Conversation {
  const { client, server, port, protocol, request } = talk.traffic;
  return { client, server, port, protocol, request, answered: talk.answered, ...toSeen(talk) };
}

/** Who knocks where nobody answers at several doors, or speaks to many, hardly a word each. */
function scansOf(conversations: readonly Conversation[]): readonly Suspicion[] {
  const clients = new Map<string, Conversation[]>();
  for (const one of conversations) {
    const of = clients.get(one.client) ?? [];
    of.push(one);
    clients.set(one.client, of);
  }
  return [...clients].flatMap(([address, talks]): Suspicion[] => {
    const closed = talks.filter(({ answered }) => answered === 0);
    const doors = new Set(closed.map(({ server, port }) => `${server} ${port ?? ""}`)).size;
    if (doors >= CLOSED_DOORS) {
      const text = `knocks at ${doors} places where nobody answers`;
      return [{ address, reason: "scan", text, ...joinSeen(closed) }];
    }
    const others = new Set(talks.map(({ server }) => server)).size;
    const seen = joinSeen(talks);
    if (others <= MANY || seen.count > 2 * others) return [];
    return [{ address, reason: "scan", text: `speaks to ${others} machines, hardly a word each`, ...seen }];
  });
}

/** Several counts as one; slots are at most their sum, and at least the largest. */
export function joinSeen(parts: readonly Seen[]): Seen {
  return {
    count: parts.reduce((sum, one) => sum + one.count, 0),
    firstMs: Math.min(...parts.map((one) => one.firstMs)),
    lastMs: Math.max(...parts.map((one) => one.lastMs)),
    slots: Math.max(...parts.map((one) => one.slots)),
    evidence: parts.flatMap((one) => one.evidence).slice(0, 3),
  };
}

const NOBODY: ReadonlySet<string> = new Set(["multicast", "broadcast", "unspecified"]);

function isNobody(address: string): boolean {
  return canonicalAddress(address) === undefined || NOBODY.has(classifyAddress(address));
}

/** Protocols whose servers are controllers; a broker or a gateway is none. */
const CONTROLLED: ReadonlySet<string> = new Set([
  "modbus",
  "dnp3",
  "s7comm",
  "enip",
  "iec104",
  "bacnet",
  "tristation",
]);

/** Whether a conversation is one with a controller: requests, or a connection to the protocol's own port. */
export function isControl({ protocol, port, request }: Conversation): boolean {
  if (request !== undefined) return CONTROLLED.has(request.protocol);
  return CONTROLLED.has(protocol) && port !== undefined && ICS_PORTS.get(port) === protocol;
}
