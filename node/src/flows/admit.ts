/*
 * peer: admit. A message is validated by itself, held against what this node already has, made
 * durable, and only then becomes part of memory: accept / ignore(code) / reject(code).
 */
import { equalBytes, fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentOf, decodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import { type ErrorCode, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { appendLeaves, leafHash, rootOf } from "@anamnesis/sdk/core/merkle";
import {
  decodeMessage,
  type FeedMessage,
  type VerifiedMessage,
  verifyHead,
  verifyMessage,
} from "@anamnesis/sdk/core/message";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, Entry, IndicatorId, SignedHead } from "@anamnesis/sdk/core/types";
import type { Clock, Log, Store, StoreOp, Verdict } from "../ports.ts";
import type { Change, Changes } from "../state/changes.ts";
import type { Feeds } from "../state/feeds.ts";
import type { Memory } from "../state/memory.ts";
import type { Effect, Projection } from "./project.ts";

/** What admission asks about a key (state/registry.ts answers). */
export interface FeedRights {
  /** How far a feed counts: `open` without end, a closed or revoked key up to its last anchored size, else not at all. */
  limitOf(feed: Address): { readonly size: number; readonly root?: Bytes32; readonly code?: ErrorCode };
}

/** Ports of admission. */
export interface AdmitPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly feeds: Feeds;
  readonly changes: Changes;
  readonly memory: Memory;
  readonly projection: Projection;
  readonly hasher: TypedDataHasher;
  readonly rights: FeedRights;
  /** This node's own feed: others may hand back what a restored backup has lost. */
  readonly self: Address;
  /** What is missing before `start` has to be fetched from this peer. */
  onGap(from: Address, feed: Address): void;
  /** Two signed heads of one feed that do not agree. */
  onFork(from: Address, held: SignedHead, claimed: SignedHead): void;
  /** The history held of a closed key's feed is not the one that was anchored. */
  onUnanchored(feed: Address): void;
  /** Entries that became part of memory. */
  onEffects(feed: Address, effects: readonly Effect[]): void;
}

/** Admission of peers' messages. */
export interface Admit {
  /** Decides about a message from push or sync. `own`: while this node's own feed is being restored. */
  message(from: Address, bytes: Uint8Array, options?: { own?: boolean }): Promise<Verdict>;
  /** Does something between two messages of a feed. */
  inTurn<T>(feed: Address, task: () => Promise<T>): Promise<T>;
  /** Counters by code, since start. */
  counts(): {
    readonly accepted: number;
    readonly ignored: Readonly<Record<string, number>>;
    readonly rejected: Readonly<Record<string, number>>;
  };
}

const ACCEPT: Verdict = { verdict: "accept" };

/** Creates admission. Messages of one feed are taken one after the other, of several feeds together. */
export function createAdmit(ports: AdmitPorts): Admit {
  const { feeds, store, changes } = ports;
  const lines = new Map<Address, Promise<unknown>>();
  /** The greatest head under which entries were taken, by feed; what is held under it may be a part. */
  const taken = new Map<Address, SignedHead>();
  const counts = {
    accepted: 0,
    ignored: {} as Record<string, number>,
    rejected: {} as Record<string, number>,
  };

  async function admit(from: Address, message: FeedMessage, own: boolean): Promise<Verdict> {
    const { feed, head } = message;
    if (feed === ports.self && !own) return ignore("head.stale");
    const limit = ports.rights.limitOf(feed);
    if (message.start >= limit.size && limit.code !== undefined) return ignore(limit.code);

    const size = feeds.size(feed);
    if (head.size <= size) return compareOld(from, head);
    if (message.start > size) {
      if (!verifyHead(ports.hasher, head)) return reject("head.signature");
      ports.onGap(from, feed);
      return ignore("feed.gap");
    }

    const verified = verifyMessage(ports.hasher, message);
    const known = message.start === size ? feeds.frontier(feed) : feeds.frontierAt(feed, message.start);
    const samePast = known.peaks.every((peak, i) => equalBytes(peak, message.peaks[i] as Uint8Array));
    if (!samePast || !sameOverlap(message, size)) {
      if (limit.code === "feed.closed" && head.size === limit.size && head.root === limit.root)
        ports.onUnanchored(feed);
      return fork(from, head, samePast ? size : message.start);
    }
    return keep(message, verified, size, limit);
  }

  /** A head that brings nothing new must still belong to the same history. */
  function compareOld(from: Address, head: SignedHead): Verdict {
    const held = rootOf(feeds.frontierAt(head.feed, head.size));
    if (equalBytes(held, fromHex(head.root))) return ignore("head.stale");
    if (!verifyHead(ports.hasher, head)) return reject("head.signature");
    return fork(from, head, head.size);
  }

  /** The first `reach` entries of both histories differ; a head over less proves nothing. */
  function fork(from: Address, claimed: SignedHead, reach: number): Verdict {
    const held = [taken.get(claimed.feed), feeds.head(claimed.feed)].find(
      (head) => head !== undefined && head.size >= reach,
    );
    ports.log.error("feed.fork", {
      code: "feed.equivocation",
      feed: claimed.feed,
      size: claimed.size,
      held: held?.size ?? 0,
    });
    if (held !== undefined) ports.onFork(from, held, claimed);
    return reject("feed.equivocation");
  }

  function sameOverlap(message: FeedMessage, size: number): boolean {
    for (let i = message.start; i < Math.min(size, message.start + message.items.length); i++) {
      const held = feeds.item(message.feed, i);
      const claimed = message.items[i - message.start];
      if (held === undefined || claimed === undefined) return false;
      if (!equalBytes(commitmentOf(held), commitmentOf(claimed))) return false;
    }
    return true;
  }

  async function keep(
    message: FeedMessage,
    verified: VerifiedMessage,
    size: number,
    limit: ReturnType<FeedRights["limitOf"]>,
  ): Promise<Verdict> {
    const { feed, head } = message;
    const end = Math.min(limit.size, message.start + message.items.length);
    const items = message.items.slice(size - message.start, end - message.start);
    if (items.length === 0) return ACCEPT;
    const whole = end === message.start + message.items.length && message.start === size;
    const grown = whole
      ? verified
      : appendLeaves(
          feeds.frontier(feed),
          items.map((item) => leafHash(commitmentOf(item))),
        );
    // Of a closed key's histories the anchored one counts.
    if (end === limit.size && limit.root !== undefined && toHex(rootOf(grown.frontier)) !== limit.root)
      return reject("feed.equivocation");
    const staged = feeds.stage(feed, size, items, grown.frontier, grown.closed, head);
    const admitted: Change[] = [];
    const ops: StoreOp[] = [...staged.ops];
    const entries = items.map(entryOf);
    for (const indicator of freshIndicators(entries)) {
      const { op, change } = changes.stage({ atMs: ports.clock.nowMs(), type: "admitted", indicator, feed });
      ops.push(op);
      admitted.push(change);
    }
    // Whatever this node says of it is synced later, and with it all that was written before: nothing
    // leaves that rests on less. What a power cut takes until then, peers still have.
    await store.commit(ops, { sync: false });
    staged.done();
    if (head.size > (taken.get(feed)?.size ?? 0)) taken.set(feed, head);
    changes.publish(admitted);
    const effects: Effect[] = [];
    entries.forEach((entry, i) => {
      if (entry === "malformed") bump(counts.ignored, "entry.malformed");
      if (entry === undefined || entry === "malformed") return;
      const effect = ports.projection.apply(feed, size + i, entry);
      effects.push(effect);
      if (effect.ignored !== undefined) bump(counts.ignored, effect.ignored);
    });
    ports.onEffects(feed, effects);
    return ACCEPT;
  }

  function freshIndicators(entries: readonly (Entry | "malformed" | undefined)[]): Set<IndicatorId> {
    const fresh = new Set<IndicatorId>();
    for (const entry of entries) {
      if (entry === undefined || entry === "malformed") continue;
      if (entry.kind !== "content" || entry.body.type !== "indicator") continue;
      const { pattern, pattern_type } = entry.body.object;
      const id = indicatorId({ patternType: pattern_type, pattern });
      if (ports.memory.record(id) === undefined) fresh.add(id);
    }
    return fresh;
  }

  async function inTurn<T>(feed: Address, task: () => Promise<T>): Promise<T> {
    const turn = (lines.get(feed) ?? Promise.resolve()).then(task);
    const settled = turn.catch(() => undefined);
    lines.set(feed, settled);
    try {
      return await turn;
    } finally {
      if (lines.get(feed) === settled) lines.delete(feed);
    }
  }

  return {
    inTurn,
    async message(from, bytes, { own = false } = {}) {
      let verdict: Verdict;
      try {
        const message = decodeMessage(bytes);
        verdict = await inTurn(message.feed, () => admit(from, message, own));
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        // Our own faults (a full disk) never punish a peer.
        verdict = /^(message|head|feed|entry)\./.test(error.code) ? reject(error.code) : ignore(error.code);
      }
      if (verdict.verdict === "accept") counts.accepted++;
      else bump(verdict.verdict === "ignore" ? counts.ignored : counts.rejected, verdict.code);
      return verdict;
    },
    counts: () => counts,
  };
}

/** The entry of an item; a malformed one stays a leaf of its feed and means nothing. */
function entryOf(item: Item): Entry | "malformed" | undefined {
  if (!("entry" in item)) return undefined;
  try {
    return decodeEntry(item.entry);
  } catch (error) {
    if (!isAnamnesisError(error, "entry.malformed")) throw error;
    return "malformed";
  }
}

function ignore(code: ErrorCode): Verdict {
  return { verdict: "ignore", code };
}

function reject(code: ErrorCode): Verdict {
  return { verdict: "reject", code };
}

function bump(counts: Record<string, number>, code: string): void {
  counts[code] = (counts[code] ?? 0) + 1;
}
