/*
 * The records in the order in which their newest version was put on the shelf, for whoever asks "what is new
 * since": every version has a time of its own, however many come in one instant, and only ever a later one.
 */
import { setImmediate } from "node:timers/promises";
import { sha256Hex } from "@anamnesis/sdk/core/hash";
import type { IndicatorId, Status } from "@anamnesis/sdk/core/types";
import type { Clock, Store, StoreOp } from "../ports.ts";
import { fromJson, rangeOf, toJson } from "./keys.ts";
import type { HeldStance, Memory, MemoryRecord } from "./memory.ts";

/** The newest version of a record. */
export interface ShelfRow {
  readonly id: IndicatorId;
  readonly stixId: string;
  /** When it was put here, µs since the epoch: no two rows have the same. */
  readonly addedUs: number;
  /** Its version: the newest word on it, ms since the epoch; grows with every version. */
  readonly modifiedMs: number;
  readonly status: Status["name"];
  readonly disputed: boolean;
  /** What makes it another version: marking, status and stances, 16 hexadecimal digits. */
  readonly essence: string;
}

/** The shelf of a plant. */
export interface Shelf {
  /** This record may have changed; costs an entry of a set. */
  touch(id: IndicatorId): void;
  /** Any record may have changed or gone. */
  touchAll(): void;
  /** Looks at what was touched and puts new versions on the shelf; others get their turn in between. */
  settle(): Promise<void>;
  /** Settles if somebody asked within the last hour: a plant whose shelf nobody reads pays nothing for it. */
  keep(): Promise<void>;
  /** Rows put here after a time that are wanted, at most `limit`. */
  after(addedUs: number, limit: number, isWanted: (row: ShelfRow) => boolean): readonly ShelfRow[];
  row(stixId: string): ShelfRow | undefined;
}

/** Records looked at between two writes: a few milliseconds. */
const CHUNK = 200;
/** For how long a shelf that was asked for is kept settled, ms. */
const KEPT_MS = 3_600_000;

const keyOf = (addedUs: number): string => `k/${addedUs.toString().padStart(17, "0")}`;

/** When the newest word on a record was said, ms since the epoch. */
export function newestWordMs({ object }: MemoryRecord, stances: Iterable<HeldStance>): number {
  let newest = Date.parse(object.modified);
  for (const { register } of stances) newest = Math.max(newest, register.version);
  return newest;
}

/** Loads the shelf of a store; everything is looked at again once. */
export async function loadShelf(store: Store, ports: { memory: Memory; clock: Clock }): Promise<Shelf> {
  const { memory, clock } = ports;
  const held = new Map<IndicatorId, ShelfRow>();
  const byStixId = new Map<string, ShelfRow>();
  /** In the order of their times; a row that was replaced leaves a gap. */
  let times: number[] = [];
  let rows: (ShelfRow | undefined)[] = [];
  const touched = new Set<IndicatorId>();
  let everything = true;
  let lastUs = 0;
  let askedMs = Number.NEGATIVE_INFINITY;
  let turn: Promise<void> = Promise.resolve();

  for await (const [, bytes] of store.entries(rangeOf("k/"))) put(fromJson<ShelfRow>(bytes));

  function put(row: ShelfRow): void {
    drop(row.id);
    held.set(row.id, row);
    byStixId.set(row.stixId, row);
    times.push(row.addedUs);
    rows.push(row);
    lastUs = row.addedUs;
  }

  function drop(id: IndicatorId): void {
    const old = held.get(id);
    if (old === undefined) return;
    rows[firstAfter(old.addedUs - 1)] = undefined;
    held.delete(id);
    byStixId.delete(old.stixId);
    if (rows.length < 2 * held.size + CHUNK) return;
    rows = rows.filter((row) => row !== undefined);
    times = rows.map((row) => (row as ShelfRow).addedUs);
  }

  /** Where the first row after a time is. */
  function firstAfter(us: number): number {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((times[middle] as number) <= us) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function versionOf(record: MemoryRecord): Omit<ShelfRow, "addedUs"> | undefined {
    const subject = memory.subject(record.id);
    const stances = subject === undefined ? [] : [...memory.stances(subject).values()];
    const { name: status, disputed } = memory.indicatorStatus(record.id, clock.nowMs() / 1000);
    const words = stances.map(({ register }) => `${register.member}:${register.uid}`).sort();
    const essence = sha256Hex([record.tlp, status, disputed, ...words].join(" ")).slice(0, 16);
    const old = held.get(record.id);
    if (old?.essence === essence) return undefined;
    const newest = newestWordMs(record, stances);
    // A quorum, an expiry or a marking changes a record without a word on it: a version of its own all the same.
    const modifiedMs = Math.max(newest, (old?.modifiedMs ?? 0) + 1);
    return { id: record.id, stixId: record.object.id, modifiedMs, status, disputed, essence };
  }

  /** One write: the next touched records. */
  async function shelve(ids: readonly IndicatorId[]): Promise<void> {
    const ops: StoreOp[] = [];
    const news: ShelfRow[] = [];
    const gone: IndicatorId[] = [];
    let next = Math.max(Math.floor(clock.nowMs() * 1000), lastUs + 1);
    for (const id of ids) {
      const record = memory.record(id);
      const old = held.get(id);
      const version = record && versionOf(record);
      if (record !== undefined && version === undefined) continue;
      if (old !== undefined) ops.push({ type: "del", key: keyOf(old.addedUs) });
      if (version === undefined) gone.push(id);
      else {
        const row = { ...version, addedUs: next++ };
        ops.push({ type: "put", key: keyOf(row.addedUs), value: toJson(row) });
        news.push(row);
      }
    }
    if (ops.length === 0) return;
    // What a power cut takes is put on the shelf again, later: seen twice, never missed.
    await store.commit(ops, { sync: false });
    gone.forEach(drop);
    news.forEach(put);
  }

  async function settle(): Promise<void> {
    if (everything) {
      everything = false;
      for (const { id } of memory.records()) touched.add(id);
      for (const id of held.keys()) touched.add(id);
    }
    while (touched.size > 0) {
      const ids: IndicatorId[] = [];
      for (const id of touched) {
        if (ids.length === CHUNK) break;
        touched.delete(id);
        ids.push(id);
      }
      try {
        await shelve(ids);
      } catch (error) {
        for (const id of ids) touched.add(id);
        throw error;
      }
      if (touched.size > 0) await setImmediate();
    }
  }

  function inTurn(): Promise<void> {
    const mine = turn.then(settle);
    turn = mine.catch(() => {});
    return mine;
  }

  return {
    touch: (id) => void touched.add(id),
    touchAll() {
      everything = true;
    },
    settle() {
      askedMs = clock.nowMs();
      return inTurn();
    },
    keep: () => (Math.abs(clock.nowMs() - askedMs) < KEPT_MS ? inTurn() : Promise.resolve()),
    after(addedUs, limit, isWanted) {
      const page: ShelfRow[] = [];
      for (let at = firstAfter(addedUs); at < rows.length && page.length < limit; at++) {
        const row = rows[at];
        if (row !== undefined && isWanted(row)) page.push(row);
      }
      return page;
    },
    row: (stixId) => byStixId.get(stixId),
  };
}
