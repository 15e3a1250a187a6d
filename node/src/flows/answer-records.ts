import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { ActionClass, IndicatorId, MemberNumber } from "@anamnesis/sdk/core/types";
import type { ApplicationView, IndicatorView } from "../api.ts";
import type { MemoryRecord } from "../state/memory.ts";
import type { RecordView } from "../state/record.ts";
import { indicatorView, memberHistory, recordView } from "../state/view.ts";
import type { AnswerPorts } from "./answer-types.ts";

/** Records as people are shown them. */
export interface AnswerRecords {
  /** What each control does about a record. */
  applications(id: IndicatorId): ApplicationView[];
  /** The strongest that this plant's controls could do about a record. */
  ceiling(record: MemoryRecord): ActionClass;
  view(record: MemoryRecord): IndicatorView;
  /** The same with the history of whoever refutes it. */
  inspect(record: MemoryRecord): IndicatorView;
  /** By id, STIX id or a unique prefix of at least 8 hexadecimal digits. */
  find(id: string): MemoryRecord | undefined;
  /** The same; throws `api.notFound`. */
  need(id: string): MemoryRecord;
  /** All records as vaccination sees them. */
  all(): Map<IndicatorId, RecordView>;
}

/** Looks records up and shows them. */
export function createAnswerRecords(ports: AnswerPorts): AnswerRecords {
  const { clock, config, rooms } = ports;
  const { memory, vaccinations } = rooms;

  function applications(id: IndicatorId): ApplicationView[] {
    const states = new Map(ports.vaccinate.stateOf(id).controls.map((state) => [state.control, state]));
    return config.controls.map((control): ApplicationView => {
      const row = vaccinations.get(id, control.name);
      const active = row?.state === "active" ? row : undefined;
      const because = states.get(control.name)?.because ?? [];
      return {
        control: control.name,
        kind: control.kind,
        level: control.level,
        phase: control.phase,
        action: active?.action ?? "none",
        proof: active?.proof ?? "none",
        because: because.length > 0 || row?.reason === undefined ? because : [row.reason],
        appliedAtMs: active?.appliedAtMs ?? null,
        expiresAtMs: active?.expiresAtMs ?? null,
      };
    });
  }

  function ceiling({ form, class: of }: MemoryRecord): ActionClass {
    return form === undefined ? "observe" : ports.vaccinate.ableTo(form, of);
  }

  const view = (record: MemoryRecord): IndicatorView =>
    indicatorView(rooms, { applications, ceiling }, record, clock.nowMs());

  function inspect(record: MemoryRecord): IndicatorView {
    const shown = view(record);
    const stances = shown.stances.map((stance) =>
      stance.stance === "refute"
        ? { ...stance, history: memberHistory(rooms, stance.member as MemberNumber, clock.nowMs() / 1000) }
        : stance,
    );
    return { ...shown, stances };
  }

  function find(id: string): MemoryRecord | undefined {
    const exact = memory.record(id as IndicatorId);
    if (exact !== undefined) return exact;
    const prefix = id.startsWith("0x") ? id.toLowerCase() : `0x${id.toLowerCase()}`;
    const found = [...memory.records()].filter(
      (record) => record.object.id === id || (prefix.length >= 10 && record.id.startsWith(prefix)),
    );
    return found.length === 1 ? found[0] : undefined;
  }

  function need(id: string): MemoryRecord {
    const record = find(id);
    if (record === undefined)
      throw new AnamnesisError(
        "api.notFound",
        `no record is known as ${id.slice(0, 80)}; see \`anamnesis indicators list\``,
      );
    return record;
  }

  function all(): Map<IndicatorId, RecordView> {
    const views = new Map<IndicatorId, RecordView>();
    for (const record of memory.records()) {
      const one = recordView(rooms, record, clock.nowMs());
      if (one !== undefined) views.set(record.id, one);
    }
    return views;
  }

  return { applications, ceiling, view, inspect, find, need, all };
}
