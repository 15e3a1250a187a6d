import { isSelfStale } from "@anamnesis/sdk/core/policy";
import type { DoctorView } from "../api.ts";
import { healthOf, incompleteSelf } from "./answer-health.ts";
import type { AnswerRecords } from "./answer-records.ts";
import type { AnswerPorts } from "./answer-types.ts";
import { archiveOf } from "./archive-due.ts";
import { differencesOf } from "./differences.ts";

/** Everything to look at when something seems wrong. */
export async function doctorOf(ports: AnswerPorts, records: AnswerRecords): Promise<DoctorView> {
  const { clock, config, rooms, running } = ports;
  const { detections, registry, vaccinations } = rooms;
  const outcomes: Record<string, number> = {};
  for (const { outcome } of await detections.recent(10_000)) {
    const name = outcome?.kind ?? "pending";
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    for (const { code } of outcome?.stopped ?? []) outcomes[code] = (outcomes[code] ?? 0) + 1;
  }
  const faults = ports.vaccinate.faults();
  return {
    health: healthOf(ports, records),
    labPublic: config.lab.public,
    configSignedBy: ports.configSignedBy(),
    parameters: registry.recordedAt() === undefined ? null : registry.parameters(),
    detectors: Object.fromEntries(detections.counts()),
    outcomes,
    ignored: running?.ignored() ?? {},
    rejected: running?.rejected() ?? {},
    controls: config.controls.map(({ name, kind, level, phase }) => {
      const fault = faults[name];
      return {
        name,
        kind,
        level,
        phase,
        ok: fault === undefined,
        detail: fault?.message ?? `${vaccinations.active(name).size} in force`,
      };
    }),
    self: {
      confirmedAtMs: config.self.confirmedAtMs,
      stale: isSelfStale(config.self.confirmedAtMs, clock.nowMs()),
      incomplete: incompleteSelf(config),
      warninglists: (config.self.warninglists ?? []).map(
        ({ name, file, type, version, entries, modifiedAtMs }) => ({
          name,
          file,
          type,
          version,
          entries: entries.length,
          modifiedAtMs: modifiedAtMs ?? null,
        }),
      ),
    },
    validation: running?.validation() ?? { events: 0, hours: 0, dataset: null },
    differences: differencesOf(rooms),
    archive: running?.archive() ?? archiveOf(rooms.archive),
  };
}
