/*
 * Records as they leave in files and over TAXII. TLP at egress: AMBER+STRICT is for the origin's own
 * organisation; what may not leave is counted and stays, and the log tells an auditor so.
 */
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { KnowledgePage, SharedPage, SharedQuery, SharedRecord } from "../api.ts";
import type { Log } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import type { Memory, MemoryRecord } from "../state/memory.ts";
import { newestWordMs, type ShelfRow } from "../state/shelf.ts";
import { WITHHELD } from "./egress.ts";

/** A page in the order of ids, so that pages fit together while records come. */
export function knowledgePage(
  log: Log,
  memory: Memory,
  nowMs: number,
  after: IndicatorId | undefined,
  limit: number,
): KnowledgePage {
  const ids = memory.idsAfter(after, limit + 1);
  const page = ids.slice(0, limit).map((id) => memory.record(id) as MemoryRecord);
  const leaving = page.filter(mayLeave);
  const withheld = page.length - leaving.length;
  tell(log, "file", withheld);
  return {
    indicators: leaving.map((record) => {
      const { id, object, tlp } = record;
      const subject = memory.subject(id);
      const modifiedMs = newestWordMs(record, subject === undefined ? [] : memory.stances(subject).values());
      return { object, tlp, status: memory.indicatorStatus(id, nowMs / 1000).name, modifiedMs };
    }),
    withheld,
    next: ids.length > page.length ? (page.at(-1)?.id ?? null) : null,
  };
}

/** A page in the order of the shelf, after all that happened up to now. Throws the store's errors. */
export async function sharedPage(
  log: Log,
  { memory, shelf }: Pick<Rooms, "memory" | "shelf">,
  query: SharedQuery,
): Promise<SharedPage> {
  await shelf.settle();
  const { afterUs, limit, stixIds, versionsMs, statuses } = query;
  let withheld = 0;
  const isWanted = (row: ShelfRow): boolean => {
    if (versionsMs?.includes(row.modifiedMs) === false || statuses?.includes(row.status) === false)
      return false;
    const record = memory.record(row.id);
    if (record === undefined) return false;
    if (mayLeave(record)) return true;
    withheld++;
    return false;
  };
  const rows =
    stixIds === undefined
      ? shelf.after(afterUs, limit + 1, isWanted)
      : [...new Set(stixIds)]
          .flatMap((id) => shelf.row(id) ?? [])
          .filter((row) => row.addedUs > afterUs && isWanted(row))
          .sort((a, b) => a.addedUs - b.addedUs);
  tell(log, "taxii", withheld);
  const page = rows.slice(0, limit);
  return {
    records: page.map((row) => sharedRecord(memory, row)),
    more: rows.length > page.length,
    withheld,
  };
}

function sharedRecord(memory: Memory, row: ShelfRow): SharedRecord {
  const { id, object, tlp } = memory.record(row.id) as MemoryRecord;
  const { addedUs, modifiedMs, status, disputed } = row;
  const subject = memory.subject(id) ?? null;
  const held = subject === null ? [] : [...memory.stances(subject).values()];
  const attestations = held
    .filter(mayLeave)
    .sort((a, b) => a.register.member - b.register.member)
    .map(({ attestation: { subject: _, ...attestation }, register: { member }, key }) => ({
      member,
      key,
      ...attestation,
    }));
  return { id, object, tlp, subject, addedUs, modifiedMs, status, disputed, attestations };
}

function mayLeave({ tlp }: Pick<MemoryRecord, "tlp">): boolean {
  return tlp !== "amber+strict";
}

function tell(log: Log, to: "file" | "taxii", count: number): void {
  if (count > 0) log.info("egress.withheld", { code: WITHHELD, to, count });
}
