/* How a record looks from outside: to policy (`recordView`) and to people (`indicatorView`). */
import { stops, wordOf } from "@anamnesis/sdk/core/policy";
import { type DecayKind, score } from "@anamnesis/sdk/core/score";
import { status } from "@anamnesis/sdk/core/status";
import type { ActionClass, IndicatorId, MemberNumber, Register, Status } from "@anamnesis/sdk/core/types";
import type { MemberHistory } from "@anamnesis/sdk/core/views";
import type { ApplicationView, IndicatorView, StanceView } from "../api.ts";
import type { Rooms } from "../rooms.ts";
import { type MemoryRecord, NO_STATUS } from "./memory.ts";
import type { RecordView } from "./record.ts";

/** What vaccination adds to a record; absent on a stopped plant for what needs a running one. */
export interface ControlsOf {
  applications(id: IndicatorId): readonly ApplicationView[];
  ceiling(record: MemoryRecord): ActionClass;
}

type Seen = Pick<Rooms, "memory" | "registry" | "changes">;

/** What policy must know of a record, or undefined when nothing can be compiled from it. */
export function recordView(rooms: Seen, record: MemoryRecord, nowMs: number): RecordView | undefined {
  if (record.form === undefined) return undefined;
  const at = nowMs / 1000;
  const indicatorStatus = rooms.memory.indicatorStatus(record.id, at);
  const best = rooms.memory.bestResponse(record.id, at);
  return {
    indicator: record.id,
    name: record.object.name,
    form: record.form,
    class: record.class,
    ...(best && { response: { action: best.response.object.x_anamnesis_action } }),
    indicatorStatus,
    responseStatus: best?.status ?? NO_STATUS,
    recorded: isRecorded(rooms, record),
    validUntilMs: validUntilMs(rooms, record, indicatorStatus, at),
  };
}

/** Whether the chain says attested, at its own block's time. */
export function isRecorded({ memory, registry }: Seen, record: MemoryRecord): boolean {
  const subject = memory.subject(record.id);
  const block = registry.recordedAt();
  if (subject === undefined || block === undefined) return false;
  const registers = registry.recordedRegisters(subject);
  return (
    status(registers, registry.activeMembers(), registry.parameters(), block.timestamp).name === "attested"
  );
}

/** Until when the status of a record stands by the supports that carry it: of M supports, the first to end. */
function validUntilMs({ memory, registry }: Seen, record: MemoryRecord, held: Status, at: number): number {
  const ends = activeRegisters({ memory, registry }, record)
    .filter((register) => register.stance === 1 && register.validUntil > at)
    .map((register) => register.validUntil)
    .sort((a, b) => b - a);
  const carrying = held.name === "attested" ? registry.parameters().members : 1;
  return (ends[carrying - 1] ?? 0) * 1000;
}

function activeRegisters(
  { memory, registry }: Pick<Rooms, "memory" | "registry">,
  record: MemoryRecord,
): Register[] {
  const subject = memory.subject(record.id);
  if (subject === undefined) return [];
  const active = registry.activeMembers();
  return [...memory.stances(subject).values()]
    .map(({ register }) => register)
    .filter(({ member }) => active.has(member));
}

function isActing(view: ApplicationView): view is ApplicationView & { readonly action: ActionClass } {
  return view.action !== "none" && view.action !== "observe";
}

/** A record as API, command line and SDK show it. */
export function indicatorView(
  rooms: Seen & Pick<Rooms, "archive" | "detections">,
  controls: ControlsOf,
  record: MemoryRecord,
  nowMs: number,
): IndicatorView {
  const { memory, registry, changes, archive } = rooms;
  const at = nowMs / 1000;
  const subject = memory.subject(record.id);
  const best = memory.bestResponse(record.id, at);
  const applications = controls.applications(record.id);
  const acting = applications.filter(isActing);
  const strongest = acting.find(({ action }) => stops(action)) ?? acting[0];
  const ceiling = controls.ceiling(record);
  const registers = activeRegisters(rooms, record);
  const sightings = [...record.sightings.values()];
  return {
    id: record.id,
    stixId: record.object.id,
    subject: subject ?? null,
    name: record.object.name,
    class: record.class,
    patternType: record.key.patternType,
    pattern: record.key.pattern,
    form: record.form ?? null,
    tlp: record.tlp,
    origin: { feed: record.origin, member: registry.key(record.origin)?.member ?? null },
    status: memory.indicatorStatus(record.id, at),
    responseStatus: best?.status ?? null,
    responseAction: best?.response.object.x_anamnesis_action ?? null,
    recorded: isRecorded(rooms, record),
    archivedAtBlock: (subject && archive.newest(subject)?.block.number) ?? null,
    score: score(registers, registry.activeMembers(), decayKind(record), Math.floor(at)),
    recordedScore: recordedScore(rooms, record),
    members: registers
      .filter(({ stance, validUntil }) => stance === 1 && validUntil > at)
      .map(({ member }) => member)
      .sort((a, b) => a - b),
    stances: stancesOf(rooms, record, at),
    sightings: {
      count: sightings.reduce((sum, { count }) => sum + count, 0),
      firstMs: sightings.length === 0 ? null : Math.min(...sightings.map(({ firstMs }) => firstMs)),
      lastMs: sightings.length === 0 ? null : Math.max(...sightings.map(({ lastMs }) => lastMs)),
      plants: sightings.length,
    },
    detectors: rooms.detections.detectorsOf(record.id),
    state: wordOf(strongest?.action ?? "observe", ceiling),
    able: stops(ceiling) ? "protected" : ceiling === "alert" ? "watched" : "none",
    proof: strongest?.proof ?? "none",
    applications,
    timeline: changes.timeline(record.id),
  };
}

/** The score by what the chain had at the newest block that was read. */
function recordedScore(
  { memory, registry }: Pick<Rooms, "memory" | "registry">,
  record: MemoryRecord,
): IndicatorView["recordedScore"] {
  const subject = memory.subject(record.id);
  const block = registry.recordedAt();
  if (subject === undefined || block === undefined) return null;
  const registers = registry.recordedRegisters(subject);
  return {
    block: block.number,
    score: score(registers, registry.activeMembers(), decayKind(record), block.timestamp),
  };
}

/** What a member said of all records, and how its refutations fared. It reads every record. */
export function memberHistory(
  { memory }: Pick<Rooms, "memory">,
  member: MemberNumber,
  at: number,
): MemberHistory {
  const history = { supports: 0, refutes: 0, withdrawn: 0, upheld: 0, outvoted: 0 };
  for (const { id } of memory.records()) {
    const subject = memory.subject(id);
    const register = subject && memory.stances(subject).get(member)?.register;
    if (register === undefined) continue;
    if (register.stance === 1) history.supports++;
    else if (register.stance === 3) history.withdrawn++;
    else {
      history.refutes++;
      const { name } = memory.indicatorStatus(id, at);
      if (name === "refuted") history.upheld++;
      else if (name === "attested") history.outvoted++;
    }
  }
  return history;
}

function stancesOf({ memory, registry }: Seen, record: MemoryRecord, at: number): StanceView[] {
  const subject = memory.subject(record.id);
  if (subject === undefined) return [];
  const held = [...memory.stances(subject).values()].sort((a, b) => a.register.member - b.register.member);
  return held.map(({ register, key }) => ({
    member: register.member,
    key,
    stance: (["support", "refute", "withdraw"] as const)[register.stance - 1] as StanceView["stance"],
    basis: (["observed", "validated", "analyst"] as const)[register.basis - 1] as StanceView["basis"],
    confidence: register.confidence,
    signedAtMs: register.version,
    validUntilMs: register.validUntil === 0 ? null : register.validUntil * 1000,
    recorded: registry.recordedUids.has(register.uid),
    counts:
      registry.activeMembers().has(register.member) && (register.stance !== 1 || register.validUntil > at),
  }));
}

function decayKind(record: MemoryRecord): DecayKind {
  if (record.form?.form === "behaviour") return "behaviour";
  switch (record.form?.observable.kind) {
    case "domain-name":
    case "url":
      return "name";
    case "file":
      return "file";
    default:
      return "address";
  }
}
