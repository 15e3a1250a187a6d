/**
 * A draft of Self from a plant's own benign traffic, and what was kept out of it. Traffic shows what
 * happens, not what may happen: a person confirms every line before anything rests on it.
 */
import { formatAddress, parseRange } from "../core/address-set.ts";
import type { Self } from "../core/types.ts";
import { isWrite, type Seen, type Talk, type Traffic } from "./traffic.ts";

/** Something proposed, with what it rests on. */
export interface Proposed extends Readonly<Seen> {
  readonly what: "asset" | "controller" | "writer" | "conduit" | "service" | "domain";
  readonly value: string;
}

/** Something that traffic shows and that is not proposed. */
export interface Withheld {
  readonly value: string;
  readonly reason: string;
  readonly place: string;
}

/** What was learnt. */
export interface Learned {
  readonly draft: Self;
  readonly proposed: readonly Proposed[];
  readonly withheld: readonly Withheld[];
}

/** Writes of one pair below this are no habit yet. */
const FEWEST_WRITES = 5;
/** A habit that lasts for less of the whole than this was an occasion. */
const SHORTEST_SHARE = 0.05;
/** Machines that speak to more others than this, hardly a word each, look around. */
const SCANNED = 20;

/**
 * Learns from traffic. What takes part in an alert, writes once, writes from outside or looks around is
 * withheld with its reason; a draft is never confirmed (`confirmedAtMs` 0), so nothing blocks on it.
 */
export function learnSelf(traffic: Traffic): Learned {
  const withheld: Withheld[] = [];
  const suspects = suspectsOf(traffic, withheld);
  const proposed: Proposed[] = [];
  const propose = (what: Proposed["what"], value: string, seen: Seen) =>
    void proposed.push({
      what,
      value,
      count: seen.count,
      firstMs: seen.firstMs,
      lastMs: seen.lastMs,
      place: seen.place,
    });

  const hosts = [...traffic.hosts].filter(([address]) => !suspects.has(address)).sort(byAddress);
  for (const [address, seen] of hosts) propose("asset", address, seen);

  const modbus = traffic.talks.filter(({ protocol }) => protocol === "modbus");
  const controllers = new Map<string, Seen>();
  for (const talk of modbus)
    if (!suspects.has(talk.to) && traffic.hosts.has(talk.to)) merge(controllers, talk.to, talk);
  for (const [address, seen] of controllers) propose("controller", address, seen);

  const conduits: { readonly talk: Talk; readonly functions: readonly number[] }[] = [];
  for (const talk of modbus.filter(({ functions }) => [...functions.keys()].some(isWrite))) {
    const flaw = suspects.get(talk.from) ?? suspects.get(talk.to) ?? occasion(talk, traffic);
    if (flaw !== undefined) {
      withheld.push({ value: `${talk.from} writes ${talk.to}`, reason: flaw, place: talk.place });
      continue;
    }
    const functions = [...talk.functions.keys()].filter(isWrite).sort((a, b) => a - b);
    conduits.push({ talk, functions });
    const seen = { ...talk, count: writesOf(talk) };
    propose("conduit", `${talk.from} → ${talk.to}: modbus ${functions.join(", ")}`, seen);
  }
  const writers = new Map<string, Seen>();
  for (const { talk } of conduits) merge(writers, talk.from, { ...talk, count: writesOf(talk) });
  for (const [address, seen] of writers) propose("writer", address, seen);

  const services = [...traffic.strangers].filter(([address]) => !suspects.has(address)).sort(byAddress);
  for (const [address, seen] of services) propose("service", address, seen);
  const names = [...traffic.names].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, seen] of names) propose("domain", name, seen);

  const name = (address: string) => `host ${address}`;
  return {
    proposed,
    withheld,
    draft: {
      assets: hosts.map(([address]) => ({ name: name(address), addresses: [address] })),
      domains: [],
      roles: {
        otNetwork: [...new Set([...controllers.keys()].map(networkOf))].sort(),
        writers: [],
        controllers: [...controllers.keys()].sort(),
      },
      conduits: conduits.map(({ talk, functions }) => ({
        name: `${talk.from} writes ${talk.to}`,
        from: [talk.from],
        to: [talk.to],
        protocol: "modbus",
        functions,
      })),
      services: [
        ...services.map(([address]) => ({ name: `seen ${address}`, addresses: [address], domains: [] })),
        ...names.map(([domain]) => ({ name: `asked for ${domain}`, addresses: [], domains: [domain] })),
      ],
      files: [],
      confirmedAtMs: 0,
    },
  };
}

/** Addresses not to be believed, each with why. */
function suspectsOf(traffic: Traffic, withheld: Withheld[]): ReadonlyMap<string, string> {
  const suspects = new Map<string, string>();
  const victims = new Set(
    traffic.talks.filter(({ protocol, port }) => protocol === "modbus" && port > 0).map(({ to }) => to),
  );
  for (const [address, { name, place }] of traffic.alerts) {
    // Who is written to is named by every alert about a write, and is the plant's own all the more.
    if (victims.has(address) && !traffic.talks.some(({ from }) => from === address)) continue;
    suspects.set(address, `named by an alert (${name})`);
    withheld.push({ value: address, reason: `named by an alert (${name})`, place });
  }
  const partners = new Map<string, { readonly others: Set<string>; records: number; place: string }>();
  for (const { from, to, count, place } of traffic.talks) {
    const one = partners.get(from) ?? { others: new Set<string>(), records: 0, place };
    one.others.add(to);
    one.records += count;
    partners.set(from, one);
  }
  for (const [address, { others, records, place }] of partners) {
    if (suspects.has(address) || others.size <= SCANNED || records > 2 * others.size) continue;
    const reason = `speaks to ${others.size} machines, hardly a word each`;
    suspects.set(address, reason);
    withheld.push({ value: address, reason, place });
  }
  return suspects;
}

/** Why writes between two machines are no habit, or undefined. */
function occasion(talk: Talk, { strangers, firstMs, lastMs }: Traffic): string | undefined {
  if (strangers.has(talk.from)) return "writes from a public address";
  const writes = writesOf(talk);
  if (writes < FEWEST_WRITES)
    return `${writes === 1 ? "one write" : `${writes} writes`} only; confirm it by hand if it belongs here`;
  const share = (talk.lastMs - talk.firstMs) / Math.max(1, lastMs - firstMs);
  if (lastMs - firstMs > 600_000 && share < SHORTEST_SHARE)
    return `only within ${Math.round(share * 100)} % of the time; confirm it by hand if it belongs here`;
  return undefined;
}

function writesOf({ functions }: Talk): number {
  let writes = 0;
  for (const [code, count] of functions) if (isWrite(code)) writes += count;
  return writes;
}

function merge(into: Map<string, Seen>, key: string, seen: Seen): void {
  const one = into.get(key);
  if (one === undefined) {
    into.set(key, { count: seen.count, firstMs: seen.firstMs, lastMs: seen.lastMs, place: seen.place });
    return;
  }
  one.count += seen.count;
  one.firstMs = Math.min(one.firstMs, seen.firstMs);
  one.lastMs = Math.max(one.lastMs, seen.lastMs);
}

/** The /24 or /64 an address lives in: what a person narrows or widens. */
function networkOf(address: string): string {
  const range = parseRange(address);
  if (range === undefined) return address;
  const hostBits = range.family === 4 ? 8n : 64n;
  const first = (range.first >> hostBits) << hostBits;
  return `${formatAddress(range.family, first)}/${range.family === 4 ? 24 : 64}`;
}

/** As numbers: 10.2.2.9 before 10.2.2.10. */
function byAddress([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  const [one, two] = [parseRange(a), parseRange(b)];
  if (one === undefined || two === undefined || one.family !== two.family) return a < b ? -1 : 1;
  return one.first < two.first ? -1 : 1;
}
