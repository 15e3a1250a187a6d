/*
 * The archive of proofs: for each block in which the chain says something new of records this plant acted on,
 * one multiproof (DESIGN §7), since chain nodes forget old state.
 *
 * It works beside everything else: when nothing has changed for a moment, though before the chain forgets; one
 * question at a time, at most one a second, of bounded size. Whatever fails is found due again, also after a
 * crash: then at the newest block.
 */
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, IndicatorId, Subject } from "@anamnesis/sdk/core/types";
import type { DoctorView } from "../api.ts";
import type { Chain, Clock, Log, ProvenState } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import { type ArchiveRow, subjectsOf as subjectsOfRow } from "../state/archive.ts";
import type { MemoryRecord } from "../state/memory.ts";
import type { RegistryChange } from "../state/registry.ts";
import { archiveOf, fingerprintsOf, isActedOn, isUnproved, subjectsOf } from "./archive-due.ts";
import { asHex, genesisAnchor, leadTo, validatorsOf } from "./archive-headers.ts";
import { headsOf } from "./archive-heads.ts";
import { createPending } from "./archive-pending.ts";

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
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  status(): NonNullable<DoctorView["archive"]>;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

/** Registers in one proof: what an answer of a chain node holds easily. */
const MOST_REGISTERS = 1024;
/** So long nothing may have changed before a proof is asked for, and so long it may wait at most, ms. */
const QUIET_MS = 1500;
const LATE_MS = 60_000;
/** Chain nodes keep the state of 128 blocks at least: a block further back is not asked for. */
const KEPT_BLOCKS = 120;
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

/** What one proof is asked for, and records that turned out to need none. */
interface Batch {
  readonly block: number;
  readonly subjects: readonly Subject[];
  readonly ids: readonly IndicatorId[];
  readonly settled: readonly IndicatorId[];
}

/** Starts with everything that is due. */
export function createArchiver(ports: ArchivePorts): Archiver {
  const { clock, log, chain, rooms, self, maxBytes = MAX_BYTES } = ports;
  const { archive, memory, registry, store } = rooms;
  const dirty = new Set<IndicatorId>();
  const pending = createPending();
  let quietAtMs = 0;
  let lateAtMs = Number.POSITIVE_INFINITY;
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

  /** What is proved next: the oldest block that waits, or whatever is due at the newest. */
  function nextBatch(newest: number): Batch | undefined {
    for (;;) {
      const next = pending.oldest(newest - KEPT_BLOCKS);
      if (next === undefined) break;
      const { block, ids } = next;
      const found = batchOf(block, ids, (record) => isMissing(record, block));
      pending.done(block, found.settled);
      if (found.ids.length > 0) return found;
    }
    const found = batchOf(newest, dirty, isDue);
    for (const id of found.settled) dirty.delete(id);
    return found.ids.length > 0 || isHeadDue() ? found : undefined;
  }

  /** Whether no archived block proves what changed in this one. */
  function isMissing(record: MemoryRecord, block: number): boolean {
    const proved = memory.subject(record.id);
    const row = proved === undefined ? undefined : archive.newest(proved);
    return (row?.block.number ?? -1) < block && isActedOn(rooms, record, self);
  }

  /** Of some records those whose registers fit into one proof, and those that need none. */
  function batchOf(
    block: number,
    among: ReadonlySet<IndicatorId>,
    isWanted: (record: MemoryRecord) => boolean,
  ): Batch {
    const subjects: Subject[] = [];
    const ids: IndicatorId[] = [];
    const settled: IndicatorId[] = [];
    const most = Math.max(1, Math.floor(MOST_REGISTERS / Math.max(1, registry.members().length)));
    let left = SCANNED_AT_ONCE;
    for (const id of among) {
      if (left-- === 0) break;
      const record = memory.record(id);
      if (record === undefined || !isWanted(record)) {
        settled.push(id);
        continue;
      }
      const own = subjectsOf(memory, record);
      if (subjects.length > 0 && subjects.length + own.length > most) break;
      subjects.push(...own);
      ids.push(id);
    }
    return { block, subjects, ids, settled };
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
    const batch = nextBatch(at.number);
    if (batch === undefined) {
      lateAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    const { block: wanted, subjects, ids } = batch;
    notBeforeMs = clock.monotonicMs() + PACE_MS;
    requireRoom();
    const state = await chain.prove({
      block: wanted,
      memberCount: registry.members().length,
      keys: registry.keys().filter((key) => (registry.key(key)?.addedAtBlock ?? 0) <= wanted),
      subjects,
    });
    await keep(state, wanted);
    pending.done(wanted, ids);
    // Those of an older block may be due at a newer one; the next look tells.
    if (wanted === at.number) for (const id of ids) dirty.delete(id);
    headsAtMs = clock.monotonicMs() + HEAD_PACE_MS;
    const { block } = state;
    log.debug("archive.kept", { block: block.number, wanted, subjects: subjects.length });
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

  /** Whether it is not busy here; false for a minute at most. */
  function isQuiet(): boolean {
    const now = clock.monotonicMs();
    return now >= quietAtMs || now >= lateAtMs;
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
      if (change.rolledBack) pending.clear();
      if (change.subjects.size === 0) return;
      const ids = [...change.subjects].flatMap((subject) => memory.indicatorOf(subject) ?? []);
      for (const id of ids) dirty.add(id);
      pending.note(change.block.number, ids);
      quietAtMs = clock.monotonicMs() + QUIET_MS;
      lateAtMs = Math.min(lateAtMs, clock.monotonicMs() + LATE_MS);
    },
    tick() {
      if (isQuiet()) step();
    },
    settled: async () => running,
    status: () => ({
      ...archiveOf(archive),
      waiting: Math.max(dirty.size, pending.size()),
      failure: failure ?? null,
    }),
    async stop() {
      const late = delay(LAST_MS, undefined, { ref: false });
      await Promise.race([running, late]);
      // What was recorded last is asked for once more while the chain answers; else it is due at the next start.
      notBeforeMs = 0;
      pending.clear();
      if (failure === undefined && dirty.size > 0) step();
      notBeforeMs = Number.POSITIVE_INFINITY;
      await Promise.race([running, late]);
    },
  };
}
