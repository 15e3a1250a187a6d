/**
 * What the chain says, kept at the node: membership, keys, parameters, anchored heads, registers.
 *
 * Stored are the events by block, so that a node works without the chain once it has seen it, and a
 * rollback is a matter of forgetting the events above the fork and folding the rest again.
 */
import { isKeyActiveAt } from "@anamnesis/sdk/core/key-activity";
import { memoryHash } from "@anamnesis/sdk/core/status";
import type {
  Address,
  Bytes32,
  MemberNumber,
  Parameters,
  Register,
  Subject,
  Uid,
} from "@anamnesis/sdk/core/types";
import type { BlockRef, ChainEvent, Store, StoreOp } from "../ports.ts";
import { fromJson, ordinal, rangeOf, toJson } from "./keys.ts";
import {
  emptyView,
  type FoldChanges,
  foldEvents,
  type KeyRecord,
  type MemberRecord,
  type RegistryView,
} from "./registry-fold.ts";

export type { KeyRecord, MemberRecord } from "./registry-fold.ts";

/** Whether a key may speak: `closed` is a proven equivocation, `suspended` an open key of a suspended member. */
export type KeyState = "open" | "revoked" | "closed" | "suspended" | "unknown";

/** What a page of blocks changed. */
export interface RegistryChange extends Readonly<FoldChanges> {
  /** The block the registry now stands at. */
  readonly block: BlockRef;
  /** Blocks seen before are gone; `subjects` names what they had changed, too. */
  readonly rolledBack: boolean;
}

/** A page of blocks: everything after `base` up to `to`. */
export interface ChainPage {
  /** The last block kept, or undefined to start from nothing. */
  readonly base: BlockRef | undefined;
  readonly events: readonly ChainEvent[];
  readonly to: BlockRef;
}

/** The view on the chain that flows ask. Answers are as of the indexed block. */
export interface Registry {
  /** The member an open key of an active member speaks for. */
  memberOfKey(key: Address): MemberNumber | undefined;
  keyState(key: Address): KeyState;
  /** For the gater: an open key of an active member. */
  isMember(key: Address): boolean;
  /** Open or not. */
  key(key: Address): KeyRecord | undefined;
  /** "Was this key active at block N?", by the chain; undefined for a block that is not indexed yet. */
  isKeyActiveAt(key: Address, block: number): boolean | undefined;
  keys(): readonly Address[];
  members(): readonly MemberRecord[];
  /** The same set until membership changes. */
  activeMembers(): ReadonlySet<MemberNumber>;
  /** Before the first block was indexed: thresholds that nothing can meet. */
  parameters(): Parameters;
  anchored(key: Address): { readonly size: number; readonly root: Bytes32 } | undefined;
  recordedRegisters(subject: Subject): readonly Register[];
  recordedRegister(subject: Subject, member: MemberNumber): Register | undefined;
  recordedSubjects(): Iterable<Subject>;
  /** Every attestation that was recorded and not rolled back, superseded ones included, with its block. */
  readonly recordedUids: { has(uid: Uid): boolean; get(uid: Uid): number | undefined; readonly size: number };
  /** The indexed block; undefined before the first. Its timestamp is the `at` of recorded status. */
  recordedAt(): BlockRef | undefined;
  /** Memory hash of the registers at the indexed block. */
  recordedHash(): Bytes32;
  /** Memory hash of the registers at an earlier block, folded again from the store. */
  recordedHashAt(block: number): Promise<Bytes32>;
  /** Called after each page, when the answers have changed. Returns the function that ends it. */
  onChange(callback: (change: RegistryChange) => void): () => void;
  /** Every event since block 0 that is not rolled back, from the store. */
  events(): AsyncIterable<ChainEvent>;
  /** For the indexer: last blocks of the latest pages, ascending; the last one is the cursor. */
  pages(): readonly BlockRef[];
  /** For the indexer: takes a page over, durably and at once. */
  commit(page: ChainPage): Promise<void>;
}

/** How many page ends are kept to find a fork by; below them everything is indexed again. */
const PAGES_KEPT = 64;

const CURSOR = "r/cursor";
const EVENTS = rangeOf("r/events/");
const MAX_U16 = 65_535;
const UNKNOWN_PARAMETERS: Parameters = {
  members: MAX_U16,
  witnesses: MAX_U16,
  refutes: MAX_U16,
  maxBatch: 1,
};

/** Opens the registry and folds what the store holds. Throws what the store throws. */
export async function createRegistry(store: Store): Promise<Registry> {
  const cursor = store.get(CURSOR);
  let pages: readonly BlockRef[] = cursor === undefined ? [] : fromJson(cursor);
  let view = await foldStored(store, pages.at(-1)?.number ?? -1);
  let active = activeOf(view);
  let hash: Bytes32 | undefined;
  const listeners = new Set<(change: RegistryChange) => void>();

  const keyState = (address: Address): KeyState => {
    const key = view.keys.get(address);
    if (key === undefined) return "unknown";
    if (key.closed) return "closed";
    if (key.revokedAtBlock !== undefined) return "revoked";
    return active.has(key.member) ? "open" : "suspended";
  };

  const commit = async ({ base, events, to }: ChainPage): Promise<void> => {
    const rolledBack = base?.number !== pages.at(-1)?.number || base?.hash !== pages.at(-1)?.hash;
    const kept = rolledBack
      ? pages.filter((page) => base !== undefined && page.number <= base.number)
      : pages;
    const nextPages = [...kept.filter((page) => page.number < to.number), to].slice(-PAGES_KEPT);
    const changes: FoldChanges = { subjects: new Set(), membership: rolledBack, parameters: rolledBack };
    const ops: StoreOp[] = [];
    if (rolledBack) {
      for await (const [key, value] of store.entries({
        gte: eventsKey((base?.number ?? -1) + 1),
        lt: EVENTS.lt,
      })) {
        ops.push({ type: "del", key });
        foldEvents(emptyView(), fromJson<ChainEvent[]>(value), changes);
      }
    }
    for (const [block, group] of Map.groupBy(events, (event) => event.block)) {
      ops.push({ type: "put", key: eventsKey(block), value: toJson(group) });
    }
    ops.push({ type: "put", key: CURSOR, value: toJson(nextPages) });
    const nextView = rolledBack ? await foldStored(store, base?.number ?? -1) : view;
    await store.commit(ops);

    // From here to the end nothing waits: readers see the page whole or not at all.
    foldEvents(nextView, events, changes);
    view = nextView;
    pages = nextPages;
    if (changes.membership) active = activeOf(view);
    if (changes.subjects.size > 0) hash = undefined;
    for (const listener of listeners) listener({ ...changes, block: to, rolledBack });
  };

  return {
    memberOfKey: (key) => (keyState(key) === "open" ? view.keys.get(key)?.member : undefined),
    keyState,
    isMember: (key) => keyState(key) === "open",
    key: (key) => view.keys.get(key),
    isKeyActiveAt(key, block) {
      const indexed = pages.at(-1)?.number ?? -1;
      return block > indexed ? undefined : isKeyActiveAt(view.keys.get(key), block);
    },
    keys: () => [...view.keys.keys()],
    members: () => [...view.members.values()],
    activeMembers: () => active,
    parameters: () => view.parameters ?? UNKNOWN_PARAMETERS,
    anchored: (key) => view.keys.get(key)?.anchored,
    recordedRegisters: (subject) => [...(view.registers.get(subject)?.values() ?? [])],
    recordedRegister: (subject, member) => view.registers.get(subject)?.get(member),
    recordedSubjects: () => view.registers.keys(),
    recordedUids: {
      has: (uid) => view.uids.has(uid),
      get: (uid) => view.uids.get(uid),
      get size() {
        return view.uids.size;
      },
    },
    recordedAt: () => pages.at(-1),
    recordedHash: () => (hash ??= hashOf(view)),
    recordedHashAt: async (block) => hashOf(await foldStored(store, block)),
    onChange(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    async *events() {
      for await (const [, value] of store.entries(EVENTS)) yield* fromJson<ChainEvent[]>(value);
    },
    pages: () => pages,
    commit,
  };
}

async function foldStored(store: Store, lastBlock: number): Promise<RegistryView> {
  const view = emptyView();
  if (lastBlock < 0) return view;
  for await (const [, value] of store.entries({ gte: EVENTS.gte, lt: eventsKey(lastBlock + 1) })) {
    foldEvents(view, fromJson<ChainEvent[]>(value));
  }
  return view;
}

function hashOf(view: RegistryView): Bytes32 {
  const rows: [Subject, Register][] = [];
  for (const [subject, registers] of view.registers)
    for (const register of registers.values()) rows.push([subject, register]);
  return memoryHash(rows);
}

function activeOf(view: RegistryView): ReadonlySet<MemberNumber> {
  return new Set([...view.members.values()].filter((member) => member.active).map((member) => member.number));
}

function eventsKey(block: number): string {
  return `${EVENTS.gte}${ordinal(block)}`;
}
