/**
 * The meaning of basis *validated*: a record was run against this plant's own benign traffic and
 * hit nothing (DESIGN §4). The index is built once, a run takes microseconds.
 */
import { formatAddress, parseRange } from "./address-set.ts";
import { toHex, utf8 } from "./bytes.ts";
import { compileBehaviour, matchesBehaviour, selfHit } from "./compile.ts";
import { sha256 } from "./hash.ts";
import { hostOfUrl } from "./plain-host.ts";
import type { Bytes32, IndicatorForm, Observable, Self, ValidationResult } from "./types.ts";

/** One benign event, as loaders give it. Addresses are canonical text, names and hashes lower case. */
export interface BenignRecord {
  /** ms since the epoch, the sensor's time. */
  readonly atMs: number;
  readonly source: string;
  readonly destination: string;
  /** Destination port, 0 when there is none. */
  readonly port: number;
  /** Application protocol in lower case, or `flow`. */
  readonly protocol: string;
  /** Modbus function code. */
  readonly function?: number;
  /** A name asked for or spoken to: DNS query, HTTP host, TLS server name. */
  readonly name?: string;
  /** An absolute URL. */
  readonly url?: string;
  /** SHA-256 of a file, 64 digits. */
  readonly hash?: string;
  readonly ja3?: string;
  readonly ja4?: string;
}

/** Requests that look alike, counted. */
interface RequestCount {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly function: number;
  readonly count: number;
}

/** Benign traffic, aggregated: what was seen and how often. */
export interface BenignIndex {
  /** SHA-256 of the canonical listing of everything below. */
  readonly dataset: Bytes32;
  readonly hours: number;
  /** Records by what they can be compared with. */
  readonly events: Readonly<Record<"address" | "name" | "url" | "hash" | "ja3" | "ja4" | "modbus", number>>;
  readonly addresses: ReadonlyMap<string, number>;
  /** Ascending numbers with the sum of counts up to and including each, for ranges; by family. */
  readonly sorted: Readonly<
    Record<4 | 6, { readonly values: readonly bigint[]; readonly sums: readonly number[] }>
  >;
  /** Every name and every parent of it. */
  readonly names: ReadonlyMap<string, number>;
  readonly urls: ReadonlyMap<string, number>;
  readonly hashes: ReadonlyMap<string, number>;
  readonly ja3: ReadonlyMap<string, number>;
  readonly ja4: ReadonlyMap<string, number>;
  readonly requests: readonly RequestCount[];
}

/** How much benign traffic a run needs: at least `minimumEvents`, or any within `minimumHours`. */
export interface ValidationLimits {
  readonly minimumEvents: number;
  readonly minimumHours: number;
}

/** Used unless configured. */
export const DEFAULT_LIMITS: ValidationLimits = { minimumEvents: 1000, minimumHours: 24 };

/** A run's outcome; figures are given in every case that could be run. */
export type ValidationOutcome =
  | { readonly ok: true; readonly result: ValidationResult }
  | {
      readonly ok: false;
      readonly code: "validation.insufficient" | "validation.hit" | "self.incomplete" | "plan.unsupported";
      readonly reason: string;
      readonly result?: ValidationResult;
    };

const MINUTE_MS = 60_000;

/**
 * Builds the index; records may come in any order, the same records give the same `dataset`.
 *
 * @param options.realTime false for traffic made faster than real: it counts events and no hours
 */
export function buildBenignIndex(
  records: Iterable<BenignRecord>,
  options: { readonly realTime?: boolean } = {},
): BenignIndex {
  const builder = createIndexBuilder(options);
  for (const record of records) builder.add(record);
  return builder.build();
}

/** The index, a record at a time: for loaders that read files as streams. */
export function createIndexBuilder(options: { readonly realTime?: boolean } = {}): {
  add(record: BenignRecord): void;
  build(): BenignIndex;
} {
  const events = { address: 0, name: 0, url: 0, hash: 0, ja3: 0, ja4: 0, modbus: 0 };
  const addresses = new Map<string, number>();
  const names = new Map<string, number>();
  const urls = new Map<string, number>();
  const hashes = new Map<string, number>();
  const ja3 = new Map<string, number>();
  const ja4 = new Map<string, number>();
  const requests = new Map<string, RequestCount>();
  // Hours are the minutes in which the sensor saw anything, so that a gap is never claimed.
  const minutes = new Set<number>();

  function add(record: BenignRecord): void {
    minutes.add(Math.floor(record.atMs / MINUTE_MS));
    events.address++;
    increment(addresses, record.source);
    if (record.destination !== record.source) increment(addresses, record.destination);
    if (record.name !== undefined) {
      events.name++;
      for (const suffix of suffixes(record.name)) increment(names, suffix);
    }
    for (const [kind, map, value] of [
      ["url", urls, record.url],
      ["hash", hashes, record.hash],
      ["ja3", ja3, record.ja3],
      ["ja4", ja4, record.ja4],
    ] as const) {
      if (value === undefined) continue;
      events[kind]++;
      increment(map, value);
    }
    if (record.protocol !== "modbus" || record.function === undefined) return;
    events.modbus++;
    const { source, destination, port } = record;
    const key = `${source}\n${destination}\n${port}\n${record.function}`;
    const count = (requests.get(key)?.count ?? 0) + 1;
    requests.set(key, { source, destination, port, function: record.function, count });
  }

  function build(): BenignIndex {
    const hours = options.realTime === false ? 0 : Math.round((minutes.size / 60) * 100) / 100;
    const content = { hours, events, addresses, names, urls, hashes, ja3, ja4 };
    const listing = JSON.stringify([
      hours,
      Object.entries(events),
      ...[addresses, names, urls, hashes, ja3, ja4].map((map) => [...map].sort(byText)),
      [...requests].map(([key, request]) => [key, request.count] as const).sort(byText),
    ]);
    const dataset = toHex(sha256(utf8(listing))) as Bytes32;
    const sorted = { 4: sortAddresses(addresses, 4), 6: sortAddresses(addresses, 6) };
    return { ...content, dataset, sorted, requests: [...requests.values()] };
  }

  return { add, build };
}

function byText(a: readonly [string, number], b: readonly [string, number]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

function increment(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function suffixes(name: string): readonly string[] {
  const labels = name.toLowerCase().replace(/\.$/, "").split(".");
  return labels.map((_, i) => labels.slice(i).join("."));
}

function sortAddresses(addresses: ReadonlyMap<string, number>, family: 4 | 6) {
  const pairs: (readonly [bigint, number])[] = [];
  for (const [text, count] of addresses) {
    const range = parseRange(text);
    if (range?.family === family) pairs.push([range.first, count]);
  }
  pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  let sum = 0;
  const sums = pairs.map(([, count]) => {
    sum += count;
    return sum;
  });
  return { values: pairs.map(([value]) => value), sums };
}

/** Sum of the counts of all values < limit. O(log n). */
function countBelow(side: BenignIndex["sorted"][4], limit: bigint): number {
  let low = 0;
  let high = side.values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((side.values[middle] as bigint) < limit) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : (side.sums[low - 1] as number);
}

/**
 * Runs a record against benign traffic and Self.
 *
 * Observables match exactly, by range or by suffix; a behaviour is compiled against this plant's
 * Self and its predicate counted over the benign requests, just as the control will apply it.
 * Codes: `validation.insufficient` (too few events or none of that protocol; never "0 hits"),
 * `validation.hit`, `self.incomplete`, `plan.unsupported`.
 */
export function validate(
  form: IndicatorForm,
  self: Self,
  index: BenignIndex,
  limits: ValidationLimits = DEFAULT_LIMITS,
): ValidationOutcome {
  const run = form.form === "behaviour" ? undefined : countObservable(form.observable, index);
  let events = run?.events ?? 0;
  let hits = run?.hits ?? 0;
  let own: string | undefined;
  if (form.form === "behaviour") {
    const predicate = compileBehaviour(form.behaviour, self);
    if ("refused" in predicate) return { ok: false, code: predicate.refused, reason: predicate.reason };
    events = index.events.modbus;
    for (const request of index.requests) if (matchesBehaviour(predicate, request)) hits += request.count;
  } else {
    own = selfHit(form.observable, self);
    if (own !== undefined) hits++;
  }
  const result: ValidationResult = { events, hours: index.hours, hits, dataset: index.dataset };
  if (hits > 0) {
    const what = own === undefined ? `${hits} benign events` : `Self: ${own}`;
    return { ok: false, code: "validation.hit", reason: `it would have hit ${what}`, result };
  }
  const enough = events > 0 && (events >= limits.minimumEvents || index.hours >= limits.minimumHours);
  if (!enough) {
    const reason = `${events} fitting benign events in ${index.hours} h; ${limits.minimumEvents} events or ${limits.minimumHours} h are needed`;
    return { ok: false, code: "validation.insufficient", reason, result };
  }
  return { ok: true, result };
}

function countObservable(observable: Observable, index: BenignIndex): { events: number; hits: number } {
  const { kind, value } = observable;
  switch (kind) {
    case "ipv4-addr":
    case "ipv6-addr":
      return { events: index.events.address, hits: countAddress(value, index) };
    case "domain-name":
      return { events: index.events.name, hits: index.names.get(value) ?? 0 };
    case "url":
      return {
        events: index.events.url,
        hits: index.urls.get(value) ?? (hostOfUrl(value) === undefined ? 1 : 0),
      };
    case "file":
      return { events: index.events.hash, hits: index.hashes.get(value) ?? 0 };
    case "ja3":
      return { events: index.events.ja3, hits: index.ja3.get(value) ?? 0 };
    case "ja4":
      return { events: index.events.ja4, hits: index.ja4.get(value) ?? 0 };
  }
}

function countAddress(value: string, index: BenignIndex): number {
  const range = parseRange(value);
  if (range === undefined) return 1; // unreadable is never harmless
  if (range.first === range.last) return index.addresses.get(formatAddress(range.family, range.first)) ?? 0;
  const side = index.sorted[range.family];
  return countBelow(side, range.last + 1n) - countBelow(side, range.first);
}
