/*
 * The archive of proofs: after the index has moved, one multiproof for the records this plant acted on and
 * of which the chain says something new (DESIGN §7), since chain nodes forget old state.
 *
 * It works beside everything else: one question at a time, at most one a second, of bounded size, and
 * whatever fails is found due again, also after a crash.
 */
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { recoverSigner } from "@anamnesis/sdk/core/signature";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, IndicatorId, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import type { DoctorView } from "../api.ts";
import type { Chain, Clock, Log, ProvenState } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import { type ArchiveRow, subjectsOf as subjectsOfRow } from "../state/archive.ts";
import type { MemoryRecord } from "../state/memory.ts";
import type { RegistryChange } from "../state/registry.ts";
import { fingerprintsOf, isActedOn, isUnproved, subjectsOf } from "./archive-due.ts";
import { asHex, genesisAnchor, leadTo, validatorsOf } from "./archive-headers.ts";

/** Ports of the archive. */
export interface ArchivePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly hasher: TypedDataHasher;
  readonly chain: Pick<Chain, "prove" | "header" | "block" | "anchoredHead">;
  readonly rooms: Pick<Rooms, "store" | "archive" | "memory" | "registry" | "feeds">;
  readonly self: Address;
  /** Bytes that all proofs together may take. Default 1 GiB. */
  readonly maxBytes?: number;
}

/** Keeps proofs. */
export interface Archiver {
  /** Notes what a page of blocks changed. */
  onChain(change: RegistryChange): void;
  /** Once a second: archives what is due, a part at a time. */
  tick(): void;
  status(): NonNullable<DoctorView["archive"]>;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

/** Registers in one proof: what an answer of a chain node holds easily. */
const MOST_REGISTERS = 1024;
/** Heads whose signatures are looked up for one proof. */
const MOST_HEADS = 8;
/** Between two proofs, ms; after failures up to a minute. */
const PACE_MS = 1000;
const MOST_PACE_MS = 60_000;
/** Between two proofs of nothing but a head, ms. */
const HEAD_PACE_MS = 10_000;
/** How long a stopping node waits for its last proof, ms. */
const LAST_MS = 1000;
/** Between two looks at all records, ms. */
const SCAN_MS = 60_000;
/** Records that one step looks at. */
const SCANNED_AT_ONCE = 500;
const MAX_BYTES = 1 << 30;

/** Starts with everything that is due. */
export function createArchiver(ports: ArchivePorts): Archiver {
  const { clock, log, chain, rooms, self, maxBytes = MAX_BYTES } = ports;
  const { archive, memory, registry, store } = rooms;
  const dirty = new Set<IndicatorId>();
  let scanAtMs = 0;
  /** Where the look at all records goes on; undefined when it is done. */
  let walk: Iterator<MemoryRecord> | undefined;
  let notBeforeMs = 0;
  let headsAtMs = 0;
  let failures = 0;
  let failure: { readonly code: string; readonly message: string } | undefined;
  let running: Promise<void> | undefined;
  let rolledBack = false;

  const isDue = (record: MemoryRecord): boolean =>
    isUnproved(rooms, record) && isActedOn(rooms, record, self);

  /** Looks at the next part of all records: what is due may have been missed, or have become so by an act of this plant. */
  function scanSome(): void {
    if (clock.monotonicMs() >= scanAtMs) {
      scanAtMs = clock.monotonicMs() + SCAN_MS;
      walk = memory.records()[Symbol.iterator]();
    }
    for (let left = SCANNED_AT_ONCE; walk !== undefined && left > 0; left--) {
      const { value, done } = walk.next();
      if (done === true) walk = undefined;
      else if (isDue(value)) dirty.add(value.id);
    }
  }

  /** The next records whose registers fit into one proof. */
  function nextBatch(): { readonly subjects: readonly Subject[]; readonly ids: readonly IndicatorId[] } {
    const subjects: Subject[] = [];
    const ids: IndicatorId[] = [];
    const most = Math.max(1, Math.floor(MOST_REGISTERS / Math.max(1, registry.members().length)));
    let left = SCANNED_AT_ONCE;
    for (const id of dirty) {
      if (left-- === 0) break;
      const record = memory.record(id);
      if (record === undefined || !isDue(record)) {
        dirty.delete(id);
        continue;
      }
      const own = subjectsOf(memory, record);
      if (subjects.length > 0 && subjects.length + own.length > most) break;
      subjects.push(...own);
      ids.push(id);
    }
    return { subjects, ids };
  }

  function isHeadDue(): boolean {
    const anchored = registry.anchored(self)?.size ?? 0;
    return anchored > (archive.head(self)?.size ?? 0) && clock.monotonicMs() >= headsAtMs;
  }

  async function work(): Promise<void> {
    const at = registry.recordedAt();
    if (at === undefined) return;
    if (rolledBack) await forgetForks();
    scanSome();
    const { subjects, ids } = nextBatch();
    if (subjects.length === 0 && !isHeadDue()) return;
    notBeforeMs = clock.monotonicMs() + PACE_MS;
    requireRoom();
    const state = await chain.prove({
      block: at.number,
      memberCount: registry.members().length,
      keys: registry.keys(),
      subjects,
    });
    await keep(state, at.number);
    for (const id of ids) dirty.delete(id);
    headsAtMs = clock.monotonicMs() + HEAD_PACE_MS;
    const { block } = state;
    log.debug("archive.kept", { block: block.number, wanted: at.number, subjects: subjects.length });
  }

  async function keep(state: ProvenState, wantedBlock: number): Promise<void> {
    const { block, header, nodes } = state;
    const row: Omit<ArchiveRow, "bytes"> = {
      block,
      wantedBlock,
      subjects: fingerprintsOf(state),
      heads: await headsOf(ports, state),
      ...(await validatorsBefore(state)),
    };
    const { ops, done } = await archive.stage(row, { header, nodes }, superseded(block.number));
    await store.commit(ops, { sync: false });
    done();
  }

  /** The header's validators, and how to follow to them from the row before. */
  async function validatorsBefore({ block, header }: ProvenState) {
    const validators = validatorsOf(header);
    const before = archive.rows().findLast((row) => row.block.number < block.number);
    if (validators.length === 0 || before?.validators.join() === validators.join())
      return { validators, leading: [] };
    const anchor =
      before !== undefined && before.validators.length > 0
        ? { block: before.block.number, addresses: before.validators }
        : await genesisAnchor(chain.header);
    return { validators, leading: asHex(await leadTo(chain.header, anchor, header)) };
  }

  /** Rows that a new one makes idle: of heads alone, and above the bound the oldest that newer ones replace. */
  function superseded(block: number): readonly number[] {
    const all = archive.rows().filter((row) => row.block.number !== block);
    const drop = all.filter((row) => subjectsOfRow(row).length === 0 && row.leading.length === 0);
    let bytes = archive.bytes() - drop.reduce((sum, row) => sum + row.bytes, 0);
    for (const row of all) {
      if (bytes <= maxBytes) break;
      if (drop.includes(row) || row.leading.length > 0) continue;
      if (subjectsOfRow(row).some((subject) => archive.newest(subject) === row)) continue;
      drop.push(row);
      bytes -= row.bytes;
    }
    return drop.map((row) => row.block.number);
  }

  function requireRoom(): void {
    if (archive.bytes() <= maxBytes || superseded(-1).length > 0) return;
    throw new AnamnesisError(
      "store.full",
      `the archived proofs take ${archive.bytes()} bytes, ${maxBytes} are allowed; export them and start afresh`,
    );
  }

  /** After a rollback: rows of blocks that are gone prove nothing to anybody. */
  async function forgetForks(): Promise<void> {
    const gone: number[] = [];
    for (const { block } of archive.rows().toReversed()) {
      if ((await chain.block(block.number))?.hash === block.hash) break;
      gone.push(block.number);
    }
    rolledBack = false;
    if (gone.length === 0) return;
    const { ops, done } = archive.stageDrop(gone);
    await store.commit(ops, { sync: false });
    done();
    log.warn("archive.forgot", { blocks: gone.length });
  }

  function step(): void {
    if (running !== undefined || clock.monotonicMs() < notBeforeMs) return;
    running = work()
      .then(() => {
        if (failure !== undefined) log.info("archive.goesOn");
        failures = 0;
        failure = undefined;
      })
      .catch((error: unknown) => {
        const { code, message } = isAnamnesisError(error)
          ? error
          : { code: "api.internal", message: String(error) };
        if (failure?.code !== code) log.warn("archive.waits", { code, message });
        failure = { code, message };
        notBeforeMs = clock.monotonicMs() + Math.min(MOST_PACE_MS, PACE_MS * 2 ** failures++);
      })
      .finally(() => {
        running = undefined;
      });
  }

  return {
    onChain(change) {
      if (change.rolledBack) rolledBack = true;
      if (change.membership || change.parameters || change.rolledBack) scanAtMs = 0;
      for (const subject of change.subjects) {
        const id = memory.indicatorOf(subject);
        if (id !== undefined) dirty.add(id);
      }
      step();
    },
    tick: step,
    status: () => ({ ...archiveOf(archive), waiting: dirty.size, failure: failure ?? null }),
    async stop() {
      const late = delay(LAST_MS, undefined, { ref: false });
      await Promise.race([running, late]);
      // What was recorded last is asked for once more while the chain answers; else it is due at the next start.
      notBeforeMs = 0;
      if (failure === undefined && dirty.size > 0) step();
      notBeforeMs = Number.POSITIVE_INFINITY;
      await Promise.race([running, late]);
    },
  };
}

/** What a store holds of the archive. */
export function archiveOf(archive: Rooms["archive"]): NonNullable<DoctorView["archive"]> {
  return {
    blocks: archive.rows().length,
    subjects: archive.subjectCount(),
    bytes: archive.bytes(),
    newestBlock: archive.rows().at(-1)?.block.number ?? null,
    waiting: 0,
    failure: null,
  };
}

/**
 * Signed heads as the proof anchors them, own feed first: held ones, else those that transactions carried.
 * @throws AnamnesisError those of the chain
 */
export async function headsOf(
  { chain, rooms, hasher, self }: Pick<ArchivePorts, "chain" | "rooms" | "hasher" | "self">,
  { sizes }: ProvenState,
  most = MOST_HEADS,
): Promise<readonly SignedHead[]> {
  const { archive, feeds, registry } = rooms;
  const heads: SignedHead[] = [];
  let asked = 0;
  for (const feed of [self, ...registry.keys().filter((key) => key !== self)]) {
    const size = sizes.get(feed) ?? 0;
    if (size === 0) continue;
    const anchored = registry.anchored(feed);
    const isIndexed = anchored?.size === size;
    const held = [feeds.head(feed), archive.head(feed)].find(
      (head) => head?.size === size && (!isIndexed || head.root === anchored.root),
    );
    const at = registry.key(feed)?.anchoredAtBlock;
    const asks = held === undefined && isIndexed && at !== undefined && asked++ < most;
    const head = held ?? (asks ? await chain.anchoredHead(feed, size, at) : undefined);
    if (head !== undefined && recoverSigner(hasher.head(head), head.signature) === feed) heads.push(head);
  }
  return heads;
}
