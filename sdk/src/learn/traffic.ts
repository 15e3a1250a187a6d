/** Traffic added up: who spoke to whom, how, and where in the logs it was first seen. */
import { canonicalAddress, classifyAddress } from "../core/address.ts";
import { MODBUS_WRITES } from "../core/compile.ts";
import type { BenignRecord } from "../core/validation.ts";

/** One observation of a log. */
export interface Observation {
  /** What was seen, or the ends of an alert. */
  readonly record?: BenignRecord;
  /** An alert: its ends are under suspicion, whoever attacks. */
  readonly alert?: { readonly name: string; readonly ends: readonly string[] };
  /** `FILE:LINE`. */
  readonly place: string;
}

/** How often, and from when to when, ms since the epoch. */
export interface Seen {
  count: number;
  firstMs: number;
  lastMs: number;
  /** Where it was seen first. */
  readonly place: string;
}

/** Requests from one machine to another in one protocol. */
export interface Talk extends Seen {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly port: number;
  /** Modbus function codes by count. */
  readonly functions: Map<number, number>;
}

/** What a body of logs holds. */
export interface Traffic {
  readonly talks: readonly Talk[];
  /** Machines of special-purpose networks: the plant's own, as far as an address tells. */
  readonly hosts: ReadonlyMap<string, Seen>;
  /** Public addresses. */
  readonly strangers: ReadonlyMap<string, Seen>;
  /** Names asked for or spoken to. */
  readonly names: ReadonlyMap<string, Seen>;
  /** Alerts by the addresses they name. */
  readonly alerts: ReadonlyMap<string, { readonly name: string; readonly place: string }>;
  readonly records: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Different pairs kept; beyond it a log is a scan, and is said to be one. */
const MOST_TALKS = 200_000;

const WRITES: ReadonlySet<number> = new Set([...MODBUS_WRITES.coil, ...MODBUS_WRITES.holding]);

/** Whether a Modbus function writes. */
export const isWrite = (code: number): boolean => WRITES.has(code);

/** Adds up. Memory grows with pairs of machines, not with records. */
export function createTraffic(): { add(observation: Observation): void; result(): Traffic } {
  const talks = new Map<string, Talk>();
  const hosts = new Map<string, Seen>();
  const strangers = new Map<string, Seen>();
  const names = new Map<string, Seen>();
  const alerts = new Map<string, { name: string; place: string }>();
  let records = 0;
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;

  function addRecord(record: BenignRecord, place: string): void {
    const { atMs, source, destination, protocol, port, name } = record;
    records++;
    firstMs = Math.min(firstMs, atMs);
    lastMs = Math.max(lastMs, atMs);
    for (const end of [source, destination]) {
      const kind = kindOf(end);
      if (kind !== undefined) see(kind === "own" ? hosts : strangers, end, atMs, place);
    }
    if (name !== undefined) see(names, name, atMs, place);
    const key = `${source} ${destination} ${protocol} ${port}`;
    const talk = talks.get(key);
    if (talk === undefined) {
      if (talks.size >= MOST_TALKS) return;
      const fresh = { from: source, to: destination, protocol, port, functions: new Map<number, number>() };
      talks.set(key, { ...fresh, count: 0, firstMs: atMs, lastMs: atMs, place });
    }
    const one = talks.get(key) as Talk;
    count(one, atMs);
    if (record.function !== undefined)
      one.functions.set(record.function, (one.functions.get(record.function) ?? 0) + 1);
  }

  return {
    add({ record, alert, place }) {
      if (record !== undefined) addRecord(record, place);
      if (alert === undefined) return;
      for (const end of alert.ends) {
        const address = canonicalAddress(end);
        if (address !== undefined && !alerts.has(address)) alerts.set(address, { name: alert.name, place });
      }
    },
    result: () => ({
      talks: [...talks.values()],
      hosts,
      strangers,
      names,
      alerts,
      records,
      firstMs: records === 0 ? 0 : firstMs,
      lastMs: records === 0 ? 0 : lastMs,
    }),
  };
}

/** An address of one machine, by what its network is for; undefined for groups, hosts themselves and nonsense. */
function kindOf(text: string): "own" | "public" | undefined {
  const address = canonicalAddress(text);
  if (address === undefined) return undefined;
  switch (classifyAddress(address)) {
    case "private":
    case "shared":
    case "linkLocal":
      return "own";
    case "public":
    case "documentation": // plants in books and laboratories
      return "public";
    default:
      return undefined;
  }
}

function see(seen: Map<string, Seen>, key: string, atMs: number, place: string): void {
  const one = seen.get(key) ?? { count: 0, firstMs: atMs, lastMs: atMs, place };
  seen.set(key, one);
  count(one, atMs);
}

function count(one: Seen, atMs: number): void {
  one.count++;
  one.firstMs = Math.min(one.firstMs, atMs);
  one.lastMs = Math.max(one.lastMs, atMs);
}
