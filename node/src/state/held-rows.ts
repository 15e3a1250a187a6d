/** The rows of the memory hash, kept in order, so that a new stance costs one row and not all of them. */
import { hashRows, memoryRow } from "@anamnesis/sdk/core/status";
import type { Bytes32, Register, Subject } from "@anamnesis/sdk/core/types";

/** Winning registers as rows. */
export interface HeldRows {
  /** Puts a member's register on a subject in the place of the one before. */
  put(subject: Subject, register: Register): void;
  clear(): void;
  /** The memory hash of all registers put (DESIGN §5). */
  hash(): Bytes32;
}

interface Row {
  /** Subject and member: fixed length, so text order is byte order. */
  readonly key: string;
  bytes: Uint8Array;
}

/** No rows yet. */
export function createHeldRows(): HeldRows {
  const byKey = new Map<string, Row>();
  let sorted: Row[] = [];
  let fresh: Row[] = [];
  let known: Bytes32 | undefined;

  function merge(): void {
    if (fresh.length === 0) return;
    fresh.sort(byOrder);
    const merged: Row[] = [];
    let at = 0;
    for (const row of fresh) {
      while (at < sorted.length && byOrder(sorted[at] as Row, row) < 0) merged.push(sorted[at++] as Row);
      merged.push(row);
    }
    while (at < sorted.length) merged.push(sorted[at++] as Row);
    sorted = merged;
    fresh = [];
  }

  return {
    put(subject, register) {
      known = undefined;
      const key = `${subject}${register.member.toString(16).padStart(4, "0")}`;
      const bytes = memoryRow(subject, register);
      const held = byKey.get(key);
      if (held !== undefined) {
        held.bytes = bytes;
        return;
      }
      const row = { key, bytes };
      byKey.set(key, row);
      fresh.push(row);
    },
    clear() {
      byKey.clear();
      sorted = [];
      fresh = [];
      known = undefined;
    },
    hash() {
      merge();
      known ??= hashRows(sorted.map(({ bytes }) => bytes));
      return known;
    },
  };
}

function byOrder(a: Row, b: Row): number {
  return a.key < b.key ? -1 : 1;
}
