/*
 * A durable entry becomes part of memory. The same function for one's own entries, for peers' and
 * for the rebuild at start, so that memory is a projection of the feeds and of nothing else.
 */

import { toHex } from "@anamnesis/sdk/core/bytes";
import { decodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import { type ErrorCode, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { recoverSigner } from "@anamnesis/sdk/core/signature";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Entry, IndicatorId, MemberNumber, Uid } from "@anamnesis/sdk/core/types";
import type { Clock } from "../ports.ts";
import type { Memory, StanceEffect } from "../state/memory.ts";

/** Versions further ahead than this wait until their time comes, ms (DESIGN §4: 10 minutes). */
export const FUTURE_MS = 600_000;

/** What an entry did. */
export interface Effect {
  readonly kind: Entry["kind"];
  readonly indicator?: IndicatorId;
  /** The indicator is new to this plant. */
  readonly fresh?: boolean;
  /** For a sighting: when it was written, ms since the epoch, by its writer's clock. */
  readonly sightedAtMs?: number;
  /** For an attestation that could be judged. */
  readonly stance?: StanceEffect;
  /** Why it does not count: attestation.signature, attestation.future, entry.malformed … */
  readonly ignored?: ErrorCode;
}

/** Who a key speaks for; undefined when it never belonged to a member. */
export type MemberOf = (key: Address) => MemberNumber | undefined;

export interface Projection {
  /** Applies one entry. Attestation signatures are verified here, before they count, unless just made here. */
  apply(feed: Address, index: number, entry: Entry, origin?: "own"): Effect;
  /** Applies an item as stored; a withheld, erased or foreign-versioned one has no effect. */
  applyItem(feed: Address, index: number, item: Item): Effect | undefined;
  /** Forgets what waits for its time, before all feeds are projected again. */
  clear(): void;
  /** Applies stances whose time has come by now; returns what they changed. */
  retryFuture(): readonly Effect[];
}

/** Creates the projection of feed entries into a memory. */
export function createProjection(ports: {
  clock: Clock;
  hasher: TypedDataHasher;
  memory: Memory;
  memberOf: MemberOf;
  isRecorded(uid: Uid): boolean;
}): Projection {
  const { memory, hasher, clock } = ports;
  const future: { feed: Address; index: number; entry: Entry & { kind: "attestation" } }[] = [];

  function applyStance(
    feed: Address,
    index: number,
    entry: Entry & { kind: "attestation" },
    origin?: "own",
  ): Effect {
    const kind = "attestation";
    const digest = hasher.attestation(entry.body);
    const uid = toHex(digest) as Uid;
    if (origin !== "own" && recoverSigner(digest, entry.body.signature) !== feed)
      return { kind, ignored: "attestation.signature" };
    const member = ports.memberOf(feed);
    if (member === undefined) return { kind, ignored: "attestation.unknownKey" };
    if (entry.body.version > clock.nowMs() + FUTURE_MS && !ports.isRecorded(uid)) {
      future.push({ feed, index, entry });
      return { kind, ignored: "attestation.future" };
    }
    const stance = memory.applyStance(
      member,
      { attestation: entry.body, tlp: entry.tlp, key: feed, index },
      uid,
    );
    const stale =
      stance.won || stance.winner.register.uid === uid ? {} : { ignored: "attestation.stale" as const };
    return { kind, stance, ...(stance.indicator && { indicator: stance.indicator }), ...stale };
  }

  function apply(feed: Address, index: number, entry: Entry, origin?: "own"): Effect {
    switch (entry.kind) {
      case "attestation":
        return applyStance(feed, index, entry, origin);
      case "content": {
        try {
          const before = memory.recordCount();
          // What has an audience is handed to nobody else, as if it were AMBER+STRICT.
          const tlp = entry.audience === undefined ? entry.tlp : "amber+strict";
          const indicator = memory.applyContent(feed, tlp, entry.body);
          return { kind: "content", ...(indicator && { indicator }), fresh: memory.recordCount() > before };
        } catch (error) {
          if (!isAnamnesisError(error)) throw error;
          return { kind: "content", ignored: error.code };
        }
      }
      case "sighting": {
        const indicator = memory.applySighting(feed, entry.body);
        return { kind: "sighting", sightedAtMs: entry.at, ...(indicator && { indicator }) };
      }
      case "receipt": {
        const indicator = memory.applyReceipt(feed, entry.at, entry.body);
        return { kind: "receipt", ...(indicator && { indicator }) };
      }
    }
  }

  return {
    apply,
    applyItem(feed, index, item) {
      if ("commitment" in item) return undefined;
      try {
        return apply(feed, index, decodeEntry(item.entry));
      } catch (error) {
        if (!isAnamnesisError(error, "entry.malformed")) throw error;
        return { kind: "content", ignored: "entry.malformed" };
      }
    },
    clear: () => void future.splice(0),
    retryFuture() {
      const due = future.filter(({ entry }) => entry.body.version <= clock.nowMs() + FUTURE_MS);
      for (const one of due) future.splice(future.indexOf(one), 1);
      return due.map(({ feed, index, entry }) => applyStance(feed, index, entry));
    },
  };
}
