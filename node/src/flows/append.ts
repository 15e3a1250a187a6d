/*
 * The plant's own feed: sealed entries become leaves, leaves become durable, and only then a head is
 * signed and the message leaves. Whatever arrives while the previous batch syncs to disk is the next.
 */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentHex, encodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { itemLength } from "@anamnesis/sdk/core/item";
import {
  appendLeaves,
  type ClosedNode,
  consistencyPath,
  type Frontier,
  leafHashOf,
  type NodeReader,
  readAppended,
  rootOf,
} from "@anamnesis/sdk/core/merkle";
import { encodeMessage } from "@anamnesis/sdk/core/message";
import type { Bytes32, Commitment, Entry, SignedHead } from "@anamnesis/sdk/core/types";
import type { Log, Peers, Randomness, Signer, Store, StoreOp } from "../ports.ts";
import type { Change, Changes, NewChange } from "../state/changes.ts";
import type { Feeds } from "../state/feeds.ts";

/** Entries that wait are synced together, so many at most; what is appended together always is. */
const MAX_COMMIT = 512;
/** Entries in one message of one's own feed at most. */
const MAX_BATCH = 64;
/** Bytes of items in one message of one's own feed at most. */
const MAX_BATCH_BYTES = 1_048_576;

/** An entry with its salt: its commitment is known before it is written. */
export interface Sealed {
  readonly entry: Entry;
  readonly item: Item;
  readonly commitment: Commitment;
}

/** What is written in the same batch as the entries. */
export interface Companions {
  readonly ops?: readonly StoreOp[];
  readonly changes?: readonly NewChange[];
  /** Called after the commit, before the entries are projected. */
  done?(): void;
}

/** The one writer of this node's feed. */
export interface OwnFeed {
  seal(entry: Entry): Sealed;
  /**
   * Appends entries and their companions atomically; resolves when durable, projected and sent.
   * Throws the store's errors; with entries also `feed.sizeUnknown` before `open`, `feed.cloned` after `close`.
   */
  append(sealed: readonly Sealed[], companions?: Companions): Promise<void>;
  /** Own size is known: from now on heads may be signed. Signs the head over what is held. */
  open(): void;
  /** Own size is in doubt again: nothing is signed until the next `open`. */
  pause(): void;
  /** Somebody else signs with this key: never sign again. */
  close(reason: string): void;
  state(): { readonly open: boolean; readonly closed?: string };
}

/** Ports of the own feed. `project` applies durable entries to memory, those of one commit together. */
export interface AppendPorts {
  readonly store: Store;
  readonly feeds: Feeds;
  readonly changes: Changes;
  readonly signer: Signer;
  readonly randomness: Randomness;
  readonly peers: Pick<Peers, "broadcast">;
  /** What not every member may see is fetched by those who may (flows/egress.ts). */
  isForAll(items: readonly Item[]): boolean;
  readonly log: Log;
  /** Looked at before anything is signed; it may `pause`. */
  beforeSigning?(): void;
  project(start: number, entries: readonly Entry[]): void;
}

/** A part of a commit that leaves as one message. */
interface Stretch {
  readonly before: Frontier;
  readonly items: readonly Item[];
  readonly after: Frontier;
  readonly nodes: readonly ClosedNode[];
}

interface Waiting {
  readonly sealed: readonly Sealed[];
  readonly companions: Companions;
  resolve(): void;
  reject(error: unknown): void;
}

/** Creates the writer of this node's own feed. */
export function createOwnFeed(ports: AppendPorts): OwnFeed {
  const { store, feeds, changes, signer, log } = ports;
  const feed = signer.address;
  const waiting: Waiting[] = [];
  let running = false;
  let opened = false;
  let closed: string | undefined;

  function take(): Waiting[] {
    let entries = 0;
    let count = 0;
    for (const { sealed } of waiting) {
      if (count > 0 && entries + sealed.length > MAX_COMMIT) break;
      entries += sealed.length;
      count++;
    }
    return waiting.splice(0, count);
  }

  async function drain(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const batch = take();
      try {
        await write(batch);
        for (const each of batch) each.resolve();
      } catch (error) {
        for (const each of batch) each.reject(error);
      }
    }
    running = false;
  }

  async function write(batch: readonly Waiting[]): Promise<void> {
    const sealed = batch.flatMap((each) => each.sealed);
    const items = sealed.map((each) => each.item);
    const before = feeds.frontier(feed);
    const stretches = grow(before, sealed);
    const after = stretches.at(-1)?.after ?? before;
    const nodes = stretches.flatMap((stretch) => stretch.nodes);
    const staged = feeds.stage(feed, before.size, items, after, nodes);
    const changed: Change[] = [];
    const ops: StoreOp[] = items.length > 0 ? [...staged.ops] : [];
    for (const { companions } of batch) {
      ops.push(...(companions.ops ?? []));
      for (const change of companions.changes ?? []) {
        const one = changes.stage(change);
        ops.push(one.op);
        changed.push(one.change);
      }
    }
    await store.commit(ops);
    if (items.length > 0) staged.done();
    for (const { companions } of batch) companions.done?.();
    if (closed === undefined && items.length > 0) send(stretches, readAppended(before, nodes), sign(after));
    const entries = sealed.map((each) => each.entry);
    if (entries.length > 0) ports.project(before.size, entries);
    changes.publish(changed);
  }

  /** The stretches that leave as one message each, and what they make of the feed. */
  function grow(from: Frontier, sealed: readonly Sealed[]): Stretch[] {
    const stretches: Stretch[] = [];
    let before = from;
    for (let start = 0; start < sealed.length; ) {
      let bytes = 0;
      let end = start;
      for (; end < sealed.length && end - start < MAX_BATCH; end++) {
        bytes += itemLength((sealed[end] as Sealed).item);
        if (bytes > MAX_BATCH_BYTES) break;
      }
      const some = sealed.slice(start, end);
      const { frontier: after, closed: nodes } = appendLeaves(
        before,
        some.map((each) => leafHashOf(each.commitment)),
      );
      stretches.push({ before, items: some.map((each) => each.item), after, nodes });
      before = after;
      start = end;
    }
    return stretches;
  }

  /** One head covers all that was synced together; each message proves that it belongs under it. */
  function send(stretches: readonly Stretch[], node: NodeReader, head: SignedHead): void {
    for (const { before, items, after } of stretches) {
      if (!ports.isForAll(items)) continue;
      const path = after.size === head.size ? [] : consistencyPath(node, after.size, head.size);
      ports.peers.broadcast(
        encodeMessage({ feed, start: before.size, peaks: before.peaks, items, path, head }),
      );
    }
  }

  function sign(frontier: Frontier): SignedHead {
    const unsigned = { feed, size: frontier.size, root: toHex(rootOf(frontier)) as Bytes32 };
    const head: SignedHead = { ...unsigned, signature: signer.signHead(unsigned) };
    feeds.setHead(head);
    return head;
  }

  return {
    seal(entry) {
      const item: Item = { salt: ports.randomness.bytes(32), entry: encodeEntry(entry) };
      return { entry, item, commitment: commitmentHex(item) };
    },
    append(sealed, companions = {}) {
      if (opened && sealed.length > 0) ports.beforeSigning?.();
      if (closed !== undefined && sealed.length > 0) {
        return Promise.reject(new AnamnesisError("feed.cloned", `nothing is signed any more: ${closed}`));
      }
      if (!opened && sealed.length > 0) {
        return Promise.reject(
          new AnamnesisError(
            "feed.sizeUnknown",
            "neither the chain nor a peer has told the size of this node's feed yet; it waits",
          ),
        );
      }
      return new Promise((resolve, reject) => {
        waiting.push({ sealed, companions, resolve, reject });
        if (!running) void drain();
      });
    },
    open() {
      if (opened) return;
      opened = true;
      if (feeds.size(feed) > 0) sign(feeds.frontier(feed));
      log.info("feed.open", { feed, size: feeds.size(feed) });
    },
    pause() {
      opened = false;
    },
    close(reason) {
      if (closed !== undefined) return;
      closed = reason;
      log.error("feed.closed", { feed, code: "feed.cloned", reason });
    },
    state: () => ({ open: opened && closed === undefined, ...(closed !== undefined && { closed }) }),
  };
}
