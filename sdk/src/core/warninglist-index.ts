/** Many warninglists, prepared once for many questions: which entry holds this value? */
import { canonicalAddress, type Span, spanOf } from "./address.ts";
import { hostOfUrl, plainHost } from "./plain-host.ts";
import { compileSafeRegex, LONGEST_MATCHED } from "./safe-regex.ts";
import type { Observable } from "./types.ts";
import { scopeOf } from "./warninglist.ts";
import type { Warninglist, WarninglistScope } from "./warninglist-types.ts";

/** An entry of a list, by its place. */
export interface WarninglistHit {
  readonly list: Warninglist;
  /** Counted from 1. */
  readonly entry: number;
  readonly value: string;
}

/** Answers with the first entry that holds the value or that the value holds. */
export type WarninglistIndex = (observable: Observable) => WarninglistHit | undefined;

const indices = new WeakMap<readonly Warninglist[], WarninglistIndex>();

/** Prepares lists; the same array is prepared once. */
export function indexWarninglists(lists: readonly Warninglist[]): WarninglistIndex {
  let index = indices.get(lists);
  if (index === undefined) {
    index = build(lists);
    indices.set(lists, index);
  }
  return index;
}

/** A hit in words: `warninglist NAME (FILE, entry N): VALUE`. */
export function describeHit({ list, entry, value }: WarninglistHit): string {
  return `warninglist ${list.name} (${list.file}, entry ${entry}): ${value}`;
}

interface Interval extends Span {
  readonly hit: WarninglistHit;
  /** Of this one and all before it, the one that reaches furthest. */
  furthest?: Interval;
}

type Table = Map<string, WarninglistHit>;

/** Everything of one scope. */
interface Shelf {
  readonly exact: Table;
  /** Names that stand for everything below them. */
  readonly suffixes: Table;
  /** Names above an entry: to block one of them blocks the entry. */
  readonly parents: Table;
  readonly slow: { readonly matches: (value: string) => boolean; readonly hit: WarninglistHit }[];
}

function build(lists: readonly Warninglist[]): WarninglistIndex {
  const intervals: Record<4 | 6, Interval[]> = { 4: [], 6: [] };
  const shelves = new Map<WarninglistScope, Shelf>();
  const shelf = (scope: WarninglistScope): Shelf => {
    const held = shelves.get(scope) ?? {
      exact: new Map(),
      suffixes: new Map(),
      parents: new Map(),
      slow: [],
    };
    shelves.set(scope, held);
    return held;
  };
  for (const list of lists) {
    list.entries.forEach((value, i) => {
      const hit = { list, entry: i + 1, value };
      if (list.type === "cidr") place(intervals, spanOf(value), hit);
      else for (const scope of list.scopes) put(shelf(scope), scope, hit, intervals);
    });
  }
  for (const family of [4, 6] as const) order(intervals[family]);

  const ofSpan = (span: Span): WarninglistHit | undefined => overlapping(intervals[span.family], span);
  const ofText = (scope: WarninglistScope, value: string): WarninglistHit | undefined => {
    const held = shelves.get(scope);
    return held?.exact.get(value) ?? held?.slow.find(({ matches }) => matches(value))?.hit;
  };
  const ofName = (name: string, isWide: boolean): WarninglistHit | undefined => {
    const held = shelves.get("name");
    return (
      ofText("name", name) ??
      (held && climb(held.suffixes, name)) ??
      (isWide ? held?.parents.get(name) : undefined)
    );
  };
  const ofAddress = (value: string): WarninglistHit | undefined => {
    const span = readSpan(value);
    return (span && ofSpan(span)) ?? ofText("address", value.toLowerCase());
  };
  const ofUrl = (value: string): WarninglistHit | undefined => {
    const listed = ofText("url", plainUrl(value));
    const host = hostOfUrl(value)?.replace(/^\[|\]$/g, "");
    if (listed !== undefined || host === undefined) return listed;
    const name = plainHost(host);
    const address = canonicalAddress(host) ?? canonicalAddress(name);
    if (address !== undefined) return ofAddress(address);
    const held = shelves.get("url");
    return ofName(name, false) ?? held?.exact.get(name) ?? (held && climb(held.suffixes, name));
  };
  return ({ kind, value }) => {
    if (kind === "url") return ofUrl(value);
    if (kind === "domain-name") return ofName(plainHost(value), true);
    return scopeOf(kind) === "address" ? ofAddress(value) : ofText(scopeOf(kind), value.toLowerCase());
  };
}

function put(
  { exact, suffixes, parents, slow }: Shelf,
  scope: WarninglistScope,
  hit: WarninglistHit,
  intervals: Record<4 | 6, Interval[]>,
): void {
  const { value, list } = hit;
  if (list.type === "regex") {
    const pattern = compileSafeRegex(value);
    slow.push({ matches: (text) => pattern.test(text.slice(0, LONGEST_MATCHED)), hit });
    return;
  }
  const plain = value.toLowerCase();
  if (list.type === "substring") slow.push({ matches: (text) => text.includes(plain), hit });
  if (scope === "address") {
    const span = readSpan(value);
    if (span !== undefined) place(intervals, span, hit);
    return;
  }
  if (scope !== "name" && scope !== "url") {
    // A list about everything has names that no fingerprint equals.
    if (list.type !== "substring" && /^[0-9a-z_]{32,64}$/.test(plain)) keep(exact, plain, hit);
    return;
  }
  const isUrl = value.includes("://");
  if (scope === "url" && list.type !== "substring" && value.includes("/")) keep(exact, plainUrl(value), hit);
  if (scope === "url" && !isUrl && list.scopes.has("name")) return; // a URL's host is looked up among the names
  const host = (isUrl ? hostOfUrl(value) : undefined) ?? value;
  const name = plainHost(host);
  if (list.type !== "substring") {
    // `.google.com` in a list of texts says what a list of host names says.
    if (list.type === "hostname" || value.startsWith(".")) keep(suffixes, name, hit);
    else if (!value.includes("/")) keep(exact, name, hit);
  }
  if (scope === "name" && /^[^/\s]+\.[^/\s]+$/.test(host)) {
    for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) {
      const above = name.slice(at + 1);
      if (above.includes(".")) keep(parents, above, hit);
    }
    if (!suffixes.has(name)) keep(parents, name, hit);
  }
}

/** The first list that has a value answers for it. */
function keep(table: Table, key: string, hit: WarninglistHit): void {
  if (!table.has(key)) table.set(key, hit);
}

function climb(table: Table, name: string): WarninglistHit | undefined {
  for (let at = 0; at >= 0; at = name.indexOf(".", at) + 1 || -1) {
    const hit = table.get(at === 0 ? name : name.slice(at));
    if (hit !== undefined) return hit;
  }
  return undefined;
}

function place(intervals: Record<4 | 6, Interval[]>, span: Span, hit: WarninglistHit): void {
  intervals[span.family].push({ ...span, hit });
}

function order(intervals: Interval[]): void {
  intervals.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  let furthest: Interval | undefined;
  for (const each of intervals) {
    if (furthest === undefined || each.last > furthest.last) furthest = each;
    each.furthest = furthest;
  }
}

/** Of all that begin before the span ends, the one that reaches furthest overlaps it, or none does. */
function overlapping(intervals: readonly Interval[], { first, last }: Span): WarninglistHit | undefined {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((intervals[middle]?.first ?? last) <= last) low = middle + 1;
    else high = middle;
  }
  const furthest = intervals[low - 1]?.furthest;
  return furthest !== undefined && furthest.last >= first ? furthest.hit : undefined;
}

function plainUrl(url: string): string {
  return url.toLowerCase().replace(/\/+$/, "");
}

function readSpan(value: string): Span | undefined {
  if (!value.includes(":") && !/^[\d./]+$/.test(value)) return undefined; // a name: not worth a throw
  try {
    return spanOf(value);
  } catch {
    return undefined;
  }
}
