/**
 * Sends whatever signed registers and heads the chain lacks.
 *
 * There is no queue: what is missing is computed again at each look, so a rollback loses nothing. Every
 * node sends its own key's words at once and others' only when they are still missing after a while, one
 * member after the other: a dead node's words arrive, and the living do not all pay for them.
 */
import { type ErrorCode, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import type { Chain, Clock, EquivocationProof, Log, WriteOutcome } from "../ports.ts";
import type { Registry } from "../state/registry.ts";
import { batchesOf, settled, signedOf, sum } from "./relay-batches.ts";
import { createRelayBooks, type RelayBooks } from "./relay-books.ts";
import {
  canRecord,
  type HeldWord,
  type MissingHead,
  type MissingWord,
  missingHeads,
  missingWords,
  turnOf,
} from "./relay-difference.ts";

export interface RelayPorts {
  readonly chain: Pick<Chain, "attest" | "anchor" | "reportEquivocation" | "expect">;
  /** Caught up with the chain once, or words already there are sent again (which harms nobody). */
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  /** The winning words of every member, on all subjects or on some. */
  readonly held: (subjects?: Iterable<Subject>) => Iterable<readonly [Subject, HeldWord]>;
  /** The newest signed head of every feed. */
  readonly heads: () => Iterable<SignedHead>;
  /** Proofs against keys that signed two histories. */
  readonly proofs?: () => Iterable<EquivocationProof>;
}

export interface RelayOptions {
  /** This node's key. */
  readonly self: Address;
  /** Ms after which the next member sends a missing word; each member further on waits as long again. */
  readonly patienceMs?: number;
  /** Least ms between two anchorings from here. */
  readonly anchorMs?: number;
  /** Transactions under way at once. */
  readonly maxInFlight?: number;
}

/** What one look did. */
export interface RelayReport {
  /** Words, heads and proofs that were mined and taken. */
  readonly sent: number;
  /** Items that were skipped or reverted; the log has their names. */
  readonly skipped: number;
  /** Words and heads the chain lacked at the look, whoever is to send them. */
  readonly lacking: number;
}

/** Relays by itself. */
export interface Relay {
  /** One look at everything and what follows from it, until mined. Resolves for a chain that is out of reach, too. */
  relayOnce(): Promise<RelayReport>;
  /** Tells that something new is held: on these subjects, or wherever it may be. */
  kick(subjects?: Iterable<Subject>): void;
  readonly unseen: RelayBooks["unseen"];
  start(): void;
  stop(): Promise<void>;
}

const PATIENCE_MS = 5_000;
const ANCHOR_MS = 2_000;
const MAX_IN_FLIGHT = 4;
/** What arrives within this time travels together. */
const LOOK_MS = 400;
/** How often the difference is computed while something is lacking and nothing new happens. */
const LACKING_LOOK_MS = 1_000;
/** How often everything is looked at: words whose time has come tell nobody. */
const WHOLE_LOOK_MS = 60_000;
/** After this long without being seen in a block, what was mined is taken for lost in a rollback. */
const SETTLE_MS = 15_000;
/** How long an item rests that was skipped or reverted for a reason that may pass. */
const REST_MS = 30_000;

/** Codes of SkipCode.sol whose reason may pass: the view was ahead of the chain. */
const PASSING_SKIPS: ReadonlySet<number> = new Set([1, 5]);

/** What a chain that cannot be asked throws, and a store that cannot write bytes down before they leave. */
const AWAY: ReadonlySet<ErrorCode> = new Set([
  "chain.unreachable",
  "chain.mismatch",
  "chain.contradiction",
  "store.full",
  "store.io",
]);

type Item = Omit<MissingWord, "word">;

/** Creates a relay. Its books hold only what is under way; everything else is computed again at each look. */
export function createRelay(ports: RelayPorts, options: RelayOptions): Relay {
  const { chain, registry, clock, log } = ports;
  const { self, patienceMs = PATIENCE_MS, anchorMs = ANCHOR_MS, maxInFlight = MAX_IN_FLIGHT } = options;
  const underWay = new Set<string>();
  const books = createRelayBooks(ports);
  const missingSince = new Map<string, number>();
  let batchesUnderWay = 0;
  let anchoredAtMs = Number.NEGATIVE_INFINITY;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let unreachable = false;
  let stopped = false;
  let dirty = true;
  /** Subjects on which the chain may lack something; undefined: it may be any. */
  let open: Set<Subject> | undefined;
  let wholeAtMs = Number.NEGATIVE_INFINITY;
  let lacking = true;
  let timer: NodeJS.Timeout | undefined;

  // What was mined may be gone, and what was stale may be news.
  const unsubscribe = registry.onChange(({ rolledBack, membership, parameters }) => {
    dirty = true;
    if (rolledBack || membership || parameters) open = undefined;
    if (rolledBack) books.clear();
  });

  /** What of the missing this node sends now. */
  const due = <T extends Item>(missing: readonly T[]): T[] => {
    const now = clock.monotonicMs();
    return missing.filter(({ id, place, key, member }) => {
      const since = missingSince.get(place) ?? now;
      missingSince.set(place, since);
      if (underWay.has(id) || books.isResting(id)) return false;
      return now - since >= turnOf(registry, self, key, member) * patienceMs;
    });
  };

  const attend = (items: readonly Item[], { block, skipped }: WriteOutcome): number => {
    // Not again before the index has seen the block: until then the difference does not know of it.
    for (const { id } of items) {
      books.rest(id, SETTLE_MS, block);
      books.called(id, block);
    }
    for (const { index, skipCode } of skipped) {
      const item = items[index];
      if (item === undefined) continue;
      books.passedOver(item.id);
      const retried = PASSING_SKIPS.has(skipCode);
      books.rest(item.id, retried ? REST_MS : Number.POSITIVE_INFINITY);
      log.warn("relay.skipped", { item: item.id, member: item.member, skipCode, retried });
    }
    return skipped.length;
  };

  /** Sends a batch; one that reverts is halved until the item at fault stands alone and is left out. */
  const send = async <T extends Item>(
    items: readonly T[],
    write: (items: readonly T[]) => Promise<WriteOutcome>,
  ): Promise<number> => {
    batchesUnderWay++;
    for (const { id } of items) underWay.add(id);
    try {
      return attend(items, await write(items));
    } catch (error) {
      // Its bytes are sent again by themselves: not in another transaction before the index has seen them.
      if (isAnamnesisError(error, "chain.unreachable") && error.details.hash !== undefined)
        for (const { id } of items) books.rest(id, SETTLE_MS);
      if (!isAnamnesisError(error, "chain.reverted")) throw error;
      if (items.length > 1) {
        const half = Math.ceil(items.length / 2);
        return (await send(items.slice(0, half), write)) + (await send(items.slice(half), write));
      }
      const [item] = items as [T];
      books.rest(item.id, REST_MS);
      log.warn("relay.reverted", { item: item.id, member: item.member, error: error.message });
      return 1;
    } finally {
      batchesUnderWay--;
      for (const { id } of items) underWay.delete(id);
    }
  };

  const attest = (items: readonly MissingWord[]) => chain.attest(items.map(signedOf));
  const anchor = (items: readonly MissingHead[]) => chain.anchor(items.map((item) => item.head));

  const report = async (proof: EquivocationProof): Promise<number> => {
    const { feed } = proof.a;
    if (!canRecord(registry, feed) || underWay.has(feed) || books.isResting(feed)) return 0;
    underWay.add(feed);
    try {
      await chain.reportEquivocation(proof);
      log.warn("relay.equivocation", { feed });
      return 1;
    } catch (error) {
      if (!isAnamnesisError(error, "chain.reverted")) throw error;
      log.warn("relay.reverted", { item: feed, error: error.message }); // somebody may have been faster
      return 0;
    } finally {
      underWay.delete(feed);
      books.rest(feed, REST_MS);
    }
  };

  const findWords = (): MissingWord[] => {
    if (lookedAtMs - wholeAtMs >= WHOLE_LOOK_MS) open = undefined;
    if (open === undefined) wholeAtMs = lookedAtMs;
    const words = missingWords(registry, ports.held(open));
    open = new Set(words.map(({ word }) => word.attestation.subject));
    return words;
  };

  const look = async (): Promise<RelayReport> => {
    lookedAtMs = clock.monotonicMs();
    dirty = false;
    books.wake();
    const words = findWords();
    const heads = missingHeads(registry, ports.heads());
    const places = new Set([...words, ...heads].map((item) => item.place));
    for (const place of missingSince.keys()) if (!places.has(place)) missingSince.delete(place);
    lacking = places.size > 0;
    if (lacking) chain.expect();
    books.compare(new Set([...words, ...heads].map(({ id }) => id)));

    const { maxBatch } = registry.parameters();
    const free = Math.max(0, maxInFlight - batchesUnderWay);
    const wordBatches = batchesOf(due(words), maxBatch).slice(0, free);
    const calm = lookedAtMs - anchoredAtMs >= anchorMs && free > 0;
    const headBatches = calm ? batchesOf(due(heads), maxBatch).slice(0, 1) : [];
    if (headBatches.length > 0) anchoredAtMs = lookedAtMs;
    const proofs = [...(ports.proofs?.() ?? [])];
    const [skips, reports] = await settled([
      settled([
        ...wordBatches.map((batch) => send(batch, attest)),
        ...headBatches.map((batch) => send(batch, anchor)),
      ]),
      settled(proofs.map(report)),
    ]);
    const skipped = sum(skips ?? []);
    const items = [...wordBatches, ...headBatches].flat().length;
    return { sent: items - skipped + sum(reports ?? []), skipped, lacking: words.length + heads.length };
  };

  const relayOpen = async (): Promise<RelayReport> => {
    try {
      const done = await look();
      if (unreachable && done.sent > 0) {
        unreachable = false;
        log.info("relay.resumed", { lacking: done.lacking });
      }
      return done;
    } catch (error) {
      if (!isAnamnesisError(error) || !AWAY.has(error.code)) throw error;
      if (!unreachable && !stopped) log.warn("relay.paused", { code: error.code, error: error.message });
      unreachable = true;
      missingSince.clear(); // nobody was late: patience begins when the chain is back
      return { sent: 0, skipped: 0, lacking: missingWords(registry, ports.held(open)).length };
    }
  };

  const tick = () => {
    const again = lacking && clock.monotonicMs() - lookedAtMs >= LACKING_LOOK_MS;
    if (batchesUnderWay >= maxInFlight || !(dirty || again)) return;
    void relayOpen();
  };

  return {
    relayOnce() {
      open = undefined;
      return relayOpen();
    },
    kick(subjects) {
      dirty = true;
      if (subjects === undefined) open = undefined;
      else for (const subject of subjects) open?.add(subject);
    },
    unseen: books.unseen,
    start() {
      timer = setInterval(tick, LOOK_MS);
      timer.unref();
    },
    async stop() {
      // What is under way ends with the chain: it is all recomputed, so nobody waits for a block here.
      stopped = true;
      clearInterval(timer);
      unsubscribe();
    },
  };
}
