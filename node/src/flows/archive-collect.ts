/*
 * What the feeds held here say of some records: attestations, the content they stand on, sightings and
 * receipts. TLP at egress: a bundle leaves the plant with its auditor, so what may not leave is a commitment
 * with its reason.
 */
import { setImmediate } from "node:timers/promises";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentHex, decodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import type {
  Address,
  AttestationBody,
  Bytes32,
  ContentBody,
  Entry,
  IndicatorId,
  Subject,
} from "@anamnesis/sdk/core/types";
import type { EvidenceReport } from "../api.ts";
import type { Rooms } from "../rooms.ts";
import type { MemoryRecord } from "../state/memory.ts";
import { WITHHELD } from "./egress.ts";

/** What was found, by what it is about. */
export interface Collected {
  readonly attestations: ReadonlyMap<Subject, readonly AttestationBody[]>;
  /** By indicator: of it and of its responses. */
  readonly contents: ReadonlyMap<IndicatorId, readonly Item[]>;
  /** Sightings and receipts by feed and index, ascending. */
  readonly entries: ReadonlyMap<Address, ReadonlyMap<number, Found>>;
  readonly withheld: EvidenceReport["withheld"];
  /** Records whose pattern itself may not leave. */
  readonly hidden: ReadonlySet<IndicatorId>;
}

/** A sighting or receipt. */
export interface Found {
  readonly item: Item;
  readonly indicator: IndicatorId;
  readonly kind: "sighting" | "receipt";
}

/** Entries read before others get their turn. */
const AT_ONCE = 256;

/** Reads all feeds once. */
export async function collect(
  { feeds }: Pick<Rooms, "feeds">,
  self: Address,
  records: readonly MemoryRecord[],
  subjects: ReadonlySet<Subject>,
  onRead: (entries: number) => void,
): Promise<Collected> {
  const ids = new Set(records.map(({ id }) => id));
  const byPattern = new Map(records.map(({ id, key }) => [`${key.patternType} ${key.pattern}`, id]));
  const attestations = new Map<Subject, AttestationBody[]>();
  const contents = new Map<IndicatorId, Item[]>();
  const entries = new Map<Address, Map<number, Found>>();
  const withheld = new Map<Bytes32, string>();
  /** Items that came without what they commit to. */
  const bare = new Map<Bytes32, string>();
  const shut = new Set<IndicatorId>();
  const open = new Set<IndicatorId>();
  let read = 0;

  const aboutOf = (body: ContentBody): IndicatorId | undefined => {
    if (body.type !== "indicator") return body.indicator;
    return byPattern.get(`${body.object.pattern_type} ${body.object.pattern}`);
  };

  function take(feed: Address, index: number, item: Item & { readonly entry: Uint8Array }): void {
    const entry = decodeEntry(item.entry);
    if (entry.kind === "attestation") {
      const { subject } = entry.body;
      if (subjects.has(subject)) addTo(attestations, subject, entry.body);
      return;
    }
    const about = entry.kind === "content" ? aboutOf(entry.body) : entry.body.indicator;
    if (about === undefined || !ids.has(about)) return;
    const leaves = mayLeave(entry, feed === self);
    if (entry.kind === "content" && entry.body.type === "indicator") (leaves ? open : shut).add(about);
    if (!leaves) withheld.set(commitmentHex(item), WITHHELD);
    else if (entry.kind === "content") addTo(contents, about, item);
    else {
      const own = entries.get(feed) ?? new Map<number, Found>();
      entries.set(feed, own.set(index, { item, indicator: about, kind: entry.kind }));
    }
  }

  for (const { feed } of feeds.list()) {
    for await (const [index, item] of feeds.items(feed)) {
      if ("entry" in item) take(feed, index, item);
      else bare.set(toHex(item.commitment) as Bytes32, item.reason);
      if (++read % AT_ONCE > 0) continue;
      onRead(read);
      await setImmediate();
    }
  }
  for (const { content } of [...attestations.values()].flat()) {
    const reason = bare.get(content);
    if (reason !== undefined) withheld.set(content, reason);
  }
  return {
    attestations,
    contents,
    entries,
    hidden: new Set([...shut].filter((id) => !open.has(id))),
    withheld: Array.from(withheld, ([commitment, reason]) => ({ commitment, reason })),
  };
}

/** AMBER+STRICT never leaves in a file; what has an audience leaves from its origin only. */
export function mayLeave({ tlp, audience }: Entry, isOwn: boolean): boolean {
  return tlp !== "amber+strict" && (audience === undefined || isOwn);
}

/**
 * Of a feed's entries below a size: every receipt, and the newest sighting of each record, which counts all
 * before it.
 */
export function shownOf(
  entries: ReadonlyMap<number, Found>,
  size: number,
  wanted: ReadonlySet<IndicatorId>,
): readonly { readonly index: number; readonly item: Item }[] {
  const newest = new Map<IndicatorId, number>();
  const shown: { readonly index: number; readonly item: Item }[] = [];
  for (const [index, { item, indicator, kind }] of entries) {
    if (index >= size || !wanted.has(indicator)) continue;
    if (kind === "sighting") newest.set(indicator, index);
    else shown.push({ index, item });
  }
  for (const index of newest.values()) shown.push({ index, item: (entries.get(index) as Found).item });
  return shown.sort((a, b) => a.index - b.index);
}

function addTo<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
