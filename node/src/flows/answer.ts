/* What a plant answers, over its rooms. A stopped plant answers the same questions and takes no commands. */

import { decodeEntry } from "@anamnesis/sdk/core/entry";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { isSelfStale, stops } from "@anamnesis/sdk/core/policy";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type {
  ApplicationView,
  Audit,
  DoctorView,
  HealthView,
  IndicatorView,
  PlantApi,
  WhyAnswer,
} from "../api.ts";
import type { Config } from "../config.ts";
import type { Clock, Control, Signer } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import type { MemoryRecord } from "../state/memory.ts";
import type { RecordView } from "../state/record.ts";
import { indicatorView, recordView } from "../state/view.ts";
import { differencesOf } from "./differences.ts";
import type { Vaccinate } from "./vaccinate-types.ts";
import { whyOf } from "./vaccinate-why.ts";

/** What only a running node knows or does. */
export interface Running {
  readonly alarms: () => HealthView["alarms"];
  readonly armed: () => boolean;
  readonly connected: () => readonly Signer["address"][];
  readonly chain: () => { readonly reachable: boolean; readonly lagBlocks: number | null };
  readonly ignored: () => Readonly<Record<string, number>>;
  readonly rejected: () => Readonly<Record<string, number>>;
  readonly validation: () => DoctorView["validation"];
  readonly commands: Pick<PlantApi, "release" | "hold" | "attest" | "publish">;
}

/** Ports of the answers. */
export interface AnswerPorts {
  readonly clock: Clock;
  readonly config: Config;
  readonly rooms: Rooms;
  readonly key: Signer["address"];
  readonly controls: readonly Control[];
  readonly vaccinate: Pick<Vaccinate, "ableTo" | "stateOf" | "faults">;
  /** The member account whose signature over the configuration was checked, or null. */
  readonly configSignedBy: () => Signer["address"] | null;
  readonly running?: Running;
}

/** Version shown by `health`. */
export const VERSION = "0.1.0";

/** Builds the answers of one plant. */
export function createApi(ports: AnswerPorts): PlantApi {
  const { clock, config, rooms, key, running } = ports;
  const { memory, detections, changes, registry, vaccinations, feeds } = rooms;

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

  function able(record: MemoryRecord): IndicatorView["able"] {
    if (record.form === undefined) return "none";
    const action = ports.vaccinate.ableTo(record.form, record.class);
    return stops(action) ? "protected" : action === "alert" ? "watched" : "none";
  }

  const view = (record: MemoryRecord): IndicatorView =>
    indicatorView(rooms, { applications, able }, record, clock.nowMs());

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

  function alarms(): HealthView["alarms"] {
    const faults = Object.entries(ports.vaccinate.faults()).map(([name, { code, message }]) => ({
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
  function countStates(): Pick<HealthView, "warned" | "watched" | "protected"> {
    const strongest = new Map<IndicatorId, "alert" | "stop">();
    for (const { name } of config.controls) {
      for (const [id, { action }] of vaccinations.active(name)) {
        if (stops(action)) strongest.set(id, "stop");
        else if (action === "alert" && !strongest.has(id)) strongest.set(id, "alert");
      }
    }
    const counts = { warned: 0, watched: 0, protected: 0 };
    for (const [id, action] of strongest) {
      const record = memory.record(id);
      if (record === undefined) continue;
      if (action === "stop") counts.protected++;
      else if (able(record) === "protected") counts.warned++;
      else counts.watched++;
    }
    return counts;
  }

  function health(): HealthView {
    const block = registry.recordedAt();
    const chain = running?.chain() ?? { reachable: false, lagBlocks: null };
    const open = alarms();
    return {
      ok: open.length === 0,
      plant: config.plant,
      member: registry.key(key)?.member ?? null,
      key,
      version: VERSION,
      alarms: open,
      armed: running?.armed() ?? false,
      records: memory.recordCount(),
      ...countStates(),
      awaitingMe: detections.queued().length,
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

  async function doctor(): Promise<DoctorView> {
    const outcomes: Record<string, number> = {};
    for (const { outcome } of await detections.recent(10_000)) {
      const name = outcome?.kind ?? "pending";
      outcomes[name] = (outcomes[name] ?? 0) + 1;
      for (const { code } of outcome?.stopped ?? []) outcomes[code] = (outcomes[code] ?? 0) + 1;
    }
    const faults = ports.vaccinate.faults();
    return {
      health: health(),
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
      },
      validation: running?.validation() ?? { events: 0, hours: 0, dataset: null },
      differences: differencesOf(rooms),
    };
  }

  function records(): Map<IndicatorId, RecordView> {
    const views = new Map<IndicatorId, RecordView>();
    for (const record of memory.records()) {
      const one = recordView(rooms, record, clock.nowMs());
      if (one !== undefined) views.set(record.id, one);
    }
    return views;
  }

  function why(value: string): WhyAnswer {
    const found = whyOf(value, ports.controls, vaccinations, records(), config.self);
    const acting = found.matches.flatMap(({ indicator, control, statement, name }) => {
      const application = applications(indicator).find((each) => each.control === control);
      return application === undefined ? [] : [{ ...application, indicator, name, statement }];
    });
    const stopping = acting.filter(
      ({ action }) => action !== "alert" && action !== "observe" && action !== "none",
    );
    const first = stopping[0];
    const answer =
      first !== undefined
        ? `yes: ${first.control} ${first.action}s it for "${first.name}" since ${new Date(first.appliedAtMs ?? 0).toISOString()} until ${new Date(first.expiresAtMs ?? 0).toISOString()} (${first.proof})`
        : acting.length > 0
          ? "no, not us: it is watched for (alert), nothing of ours stops it"
          : "no, not us: nothing of ours concerns it";
    return { value, us: stopping.length > 0, answer, applications: acting };
  }

  async function audit(): Promise<Audit> {
    const counts = [...detections.counts().values()];
    const lines = counts.reduce((sum, each) => sum + each.lines, 0);
    const attestations: string[] = [];
    const released = new Set<IndicatorId>();
    for (const { feed } of feeds.list()) {
      const member = registry.key(feed)?.member ?? 0;
      for await (const [, item] of feeds.items(feed)) {
        if (!("entry" in item)) continue;
        const entry = decodeEntry(item.entry);
        if (entry.kind === "attestation")
          attestations.push(`${member}/${entry.body.subject}/${entry.body.version}`);
        if (entry.kind === "content" && entry.body.type === "indicator" && feed === key) {
          released.add(
            indicatorId({ patternType: entry.body.object.pattern_type, pattern: entry.body.object.pattern }),
          );
        }
      }
    }
    const active = config.controls.flatMap(({ name }) => [...vaccinations.active(name).values()]);
    return {
      lines,
      outcomes: lines - detections.pendingCount(),
      attestations: [...new Set(attestations)].sort(),
      released: [...released],
      held: [...memory.records()].map(({ id }) => id),
      duplicateAttestations: attestations.length - new Set(attestations).size,
      duplicateApplications:
        active.length - new Set(active.map(({ indicator, control }) => `${indicator}/${control}`)).size,
    };
  }

  const stopped = (): Promise<never> =>
    Promise.reject(
      new AnamnesisError("api.unavailable", `plant ${config.plant} is not running; start it and try again`),
    );

  return {
    health,
    doctor,
    indicators({ class: ofClass, status, state, limit = 1000 }) {
      const chosen: IndicatorView[] = [];
      for (const record of memory.records()) {
        if (ofClass !== undefined && record.class !== ofClass) continue;
        const one = view(record);
        if (
          (status === undefined || one.status.name === status) &&
          (state === undefined || one.state === state)
        )
          chosen.push(one);
        if (chosen.length >= limit) break;
      }
      return chosen;
    },
    indicator(id) {
      const record = find(id);
      return record === undefined ? undefined : view(record);
    },
    recall(value) {
      const indicators = memory.recall(value).map(view);
      return { value, known: indicators.length > 0, indicators };
    },
    detections: (limit, before) => detections.recent(limit, before),
    candidates: () => detections.queued(),
    vaccines: () =>
      [...memory.records()].flatMap((record) =>
        applications(record.id)
          .filter(({ action }) => action !== "none")
          .map((application) => ({ ...application, indicator: record.id, name: record.object.name })),
      ),
    why,
    async changes(after, limit) {
      const page = await changes.after(after, limit);
      const cursor = page.at(-1)?.sequence ?? after;
      // The hash costs as much as memory is large: a stream that reads on does not look at it.
      return {
        changes: page,
        cursor,
        get stateHash() {
          return memory.heldHash();
        },
      };
    },
    subscribe: (listener) => changes.subscribe(listener),
    audit,
    release: running === undefined ? stopped : (id) => running.commands.release(find(id)?.id ?? id),
    hold: running?.commands.hold ?? stopped,
    attest:
      running === undefined
        ? stopped
        : async (id, stance, confidence) => running.commands.attest(need(id).id, stance, confidence),
    publish: running?.commands.publish ?? stopped,
  };
}

/** Sets that compiled rules need and this plant has not filled. */
function incompleteSelf(config: Config): string[] {
  const needed = config.controls.some(({ kind }) => kind === "suricata");
  if (!needed) return [];
  const { otNetwork, writers, controllers } = config.self.roles;
  return Object.entries({ otNetwork, writers, controllers })
    .filter(([, set]) => set.length === 0 || set.some((each) => each.endsWith("/0")))
    .map(([name]) => `self.roles.${name} is empty or any: behaviours cannot be compiled here`);
}
