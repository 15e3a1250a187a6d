import { isSelfStale, weaker, wordOf } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorId } from "@anamnesis/sdk/core/types";
import type { HealthView } from "../api.ts";
import type { Config } from "../config.ts";
import type { AnswerRecords } from "./answer-records.ts";
import type { AnswerPorts } from "./answer-types.ts";

/** Version shown by `health`. */
export const VERSION = "0.1.0";

const STOPPED_CHAIN = {
  reachable: false,
  lagBlocks: null,
  headAgeSeconds: null,
  endpoints: [],
  senders: [],
} as const;

/** How a plant is, in one object: cheap at any size. */
export function healthOf(ports: AnswerPorts, records: AnswerRecords): HealthView {
  const { config, rooms, key, running } = ports;
  const { memory, detections, changes, registry, feeds } = rooms;
  const block = registry.recordedAt();
  const chain = running?.chain() ?? STOPPED_CHAIN;
  const open = alarmsOf(ports);
  return {
    ok: open.length === 0,
    plant: config.plant,
    member: registry.key(key)?.member ?? null,
    key,
    version: VERSION,
    alarms: open,
    armed: running?.armed() ?? false,
    records: memory.recordCount(),
    ...countStates(ports, records),
    awaitingMe: detections.queued().length + ports.vaccinate.awaiting().length,
    peers: registry
      .keys()
      .filter((other) => other !== key)
      .map((other) => ({
        key: other,
        member: registry.key(other)?.member ?? null,
        connected: running?.connected().includes(other) ?? false,
      })),
    feedSize: feeds.size(key),
    heldHash: memory.heldHash(),
    chain: {
      ...chain,
      block: block?.number ?? null,
      recordedHash: block === undefined ? null : registry.recordedHash(),
    },
    cursor: changes.last(),
  };
}

function alarmsOf({ clock, config, vaccinate, running }: AnswerPorts): HealthView["alarms"] {
  const faults = Object.entries(vaccinate.faults()).map(([name, { code, message }]) => ({
    code,
    message: `control ${name}: ${message}`,
  }));
  const stale = isSelfStale(config.self.confirmedAtMs, clock.nowMs())
    ? [
        {
          code: "self.stale",
          message:
            "Self was confirmed more than 30 days ago (or in the future): alert only until an operator confirms it",
        },
      ]
    : [];
  const incomplete = incompleteSelf(config).map((message) => ({ code: "self.incomplete", message }));
  return [
    ...(running?.alarms() ?? [{ code: "api.unavailable", message: "the node is not running" }]),
    ...faults,
    ...stale,
    ...incomplete,
  ];
}

/** Records by the highest state this plant reached, counted from what is in force: cheap at any size. */
function countStates(
  { config, rooms }: AnswerPorts,
  { ceiling }: AnswerRecords,
): Pick<HealthView, "warned" | "watched" | "protected"> {
  const strongest = new Map<IndicatorId, ActionClass>();
  for (const { name } of config.controls) {
    for (const [id, { action }] of rooms.vaccinations.active(name)) {
      if (weaker(strongest.get(id) ?? "observe", action)) strongest.set(id, action);
    }
  }
  const counts = { none: 0, warned: 0, watched: 0, protected: 0 };
  for (const [id, action] of strongest) {
    const record = rooms.memory.record(id);
    if (record !== undefined) counts[wordOf(action, ceiling(record))]++;
  }
  return counts;
}

/** Sets that compiled rules need and this plant has not filled. */
export function incompleteSelf(config: Config): string[] {
  const needed = config.controls.some(({ kind }) => kind === "suricata");
  if (!needed) return [];
  const { otNetwork, writers, controllers } = config.self.roles;
  return Object.entries({ otNetwork, writers, controllers })
    .filter(([, set]) => set.length === 0 || set.some((each) => each.endsWith("/0")))
    .map(([name]) => `self.roles.${name} is empty or any: behaviours cannot be compiled here`);
}
