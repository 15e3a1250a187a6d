/*
 * What the archive lacks: a difference between what the registry says and what is proved, recomputed from
 * state, so that there is no queue to lose in a crash.
 */
import { concat, fromHex, toHex, uintBytes, utf8 } from "@anamnesis/sdk/core/bytes";
import { sha256 } from "@anamnesis/sdk/core/hash";
import type { Address, MemberNumber, Parameters, Register, Subject } from "@anamnesis/sdk/core/types";
import { packRegister } from "@anamnesis/sdk/evidence/storage";
import type { DoctorView } from "../api.ts";
import type { ProvenState } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import type { MemoryRecord } from "../state/memory.ts";

/** What is compared. */
export type Archived = Pick<Rooms, "archive" | "memory" | "registry">;

/** Whether this plant said or did something about a record. */
export function isActedOn({ memory, registry }: Archived, record: MemoryRecord, self: Address): boolean {
  if (record.sightings.has(self)) return true;
  for (const key of record.receipts.keys()) if (key.startsWith(self)) return true;
  const member = registry.key(self)?.member;
  return (
    member !== undefined && subjectsOf(memory, record).some((subject) => memory.stances(subject).has(member))
  );
}

/** The subjects of a record and its responses. A response is proved beside its indicator or not at all. */
export function subjectsOf(memory: Rooms["memory"], record: MemoryRecord): readonly Subject[] {
  const ids = [record.id, ...record.responses.keys()];
  return ids.flatMap((id) => memory.subject(id) ?? []);
}

/** Whether what the chain says of a record is proved by no archived block. */
export function isUnproved({ archive, memory, registry }: Archived, record: MemoryRecord): boolean {
  const basis = basisOf([...registry.activeMembers()], registry.parameters());
  return subjectsOf(memory, record).some((subject) => {
    const registers = registry.recordedRegisters(subject);
    if (registers.length === 0) return false;
    const proved = archive.newest(subject)?.subjects[subject];
    return proved !== fingerprintOf(registers.map(wordOf), basis);
  });
}

/** Fingerprints of what a proof says, by subject. */
export function fingerprintsOf(state: ProvenState): Record<Subject, string> {
  const basis = basisOf(state.active, state.parameters);
  return Object.fromEntries(
    Array.from(state.registers, ([subject, words]) => [subject, fingerprintOf([...words], basis)]),
  );
}

/** All that a status rests on beside the registers. */
function basisOf(active: readonly MemberNumber[], { members, witnesses, refutes }: Parameters): string {
  return `${[...active].sort((a, b) => a - b).join()}/${members}/${witnesses}/${refutes}`;
}

/** 16 bytes of a hash over registers and basis. */
function fingerprintOf(words: readonly (readonly [MemberNumber, Uint8Array])[], basis: string): string {
  const sorted = words.toSorted(([a], [b]) => a - b);
  const parts = sorted.flatMap(([member, word]) => [uintBytes(member, 2), word]);
  return toHex(sha256(concat(utf8(basis), ...parts)).subarray(0, 16));
}

/** A register as the contract packs it. */
function wordOf(register: Register): readonly [MemberNumber, Uint8Array] {
  return [register.member, packRegister(register, fromHex(register.uid))];
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
