/*
 * Detection ▶ Indicator ▶ release ▶ Attestation ▶ feed. A detection's outcome is written in the same
 * batch as what it put into the feed, so that a crash between two hops repeats nothing.
 */

import { type Candidate, deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId, responseId, stixId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { SelectionContext } from "@anamnesis/sdk/core/selection";
import type {
  Entry,
  IndicatorForm,
  IndicatorId,
  ReleaseClass,
  SightingBody,
  StixCourseOfAction,
  StixIndicator,
  Tlp,
} from "@anamnesis/sdk/core/types";
import type { ValidationOutcome } from "@anamnesis/sdk/core/validation";
import type { Log, Store, StoreOp } from "../ports.ts";
import type { NewChange } from "../state/changes.ts";
import type { DetectionOutcome, Detections, QueuedCandidate, StoredDetection } from "../state/detections.ts";
import { fromJson, rangeOf, toJson } from "../state/keys.ts";
import type { OwnFeed, Sealed } from "./append.ts";
import { type AttestPorts, signStance } from "./attest.ts";
import { stricterTlp } from "./egress.ts";

/** The company's word on what leaves the plant. */
export interface ReleasePolicy {
  readonly automatic: readonly { readonly class: ReleaseClass; readonly minSeverity: number }[];
  readonly tlp: Tlp;
  readonly validityDays: number;
}

/** Ports of the publish flow. */
export interface PublishPorts extends AttestPorts {
  readonly store: Store;
  readonly detections: Detections;
  readonly ownFeed: OwnFeed;
  readonly log: Log;
  readonly selection: SelectionContext;
  readonly release: ReleasePolicy;
  validate(form: IndicatorForm): ValidationOutcome;
  /** A record met again: what is in force is renewed. */
  renew(indicator: IndicatorId): void;
}

/** The publish flow. */
export interface Publish {
  /** Gives detections their outcomes, in order; resolves when all are durable. */
  offer(detections: readonly StoredDetection[]): Promise<void>;
  /** The operator's word. Throws `api.notFound` | `feed.sizeUnknown` | `blindingKey.missing`. */
  release(id: IndicatorId): Promise<void>;
  /** Once a second: what was interrupted, ended holds, grown sightings. */
  tick(): Promise<void>;
}

/** Detections judged before the first of them is written: few, so that a storm does not delay its first alert. */
const CHUNK = 16;

interface OwnSighting extends SightingBody {}

/** An alert's severity when the detector gave none: no automatic release rests on it alone. */
const UNKNOWN_SEVERITY = 40;

/** Creates the publish flow over a store. */
export async function createPublish(ports: PublishPorts): Promise<Publish> {
  const { clock, detections, memory, ownFeed, log } = ports;
  const sightings = new Map<IndicatorId, OwnSighting>();
  const busy = new Set<IndicatorId>();
  const flushed = new Map<IndicatorId, { count: number; atMs: number; gapMs: number }>();

  for await (const [, bytes] of ports.store.entries(rangeOf("g/"))) {
    const sighting = fromJson<OwnSighting>(bytes);
    sightings.set(sighting.indicator, sighting);
  }

  function ready(): boolean {
    return ownFeed.state().open && memory.hasBlindingKey() && ports.member() !== undefined;
  }

  function sight(
    id: IndicatorId,
    atMs: number,
    times = 1,
    sinceMs = atMs,
  ): { op: StoreOp; sighting: OwnSighting } {
    const before = sightings.get(id);
    const sighting: OwnSighting = {
      indicator: id,
      firstMs: Math.min(before?.firstMs ?? sinceMs, sinceMs),
      lastMs: Math.max(before?.lastMs ?? atMs, atMs),
      count: (before?.count ?? 0) + times,
    };
    sightings.set(id, sighting);
    return { op: { type: "put", key: `g/${id}`, value: toJson(sighting) }, sighting };
  }

  /** Takes back a sighting whose commit failed: the detection will be judged again. */
  function unsight(id: IndicatorId, times = 1): void {
    const counted = sightings.get(id);
    if (counted === undefined) return;
    if (counted.count > times) sightings.set(id, { ...counted, count: counted.count - times });
    else sightings.delete(id);
  }

  /** The same for a candidate in review. */
  function unqueue(id: IndicatorId): void {
    const queued = detections.candidate(id);
    if (queued === undefined) return;
    if (queued.count > 1) detections.stageCandidate({ ...queued, count: queued.count - 1 }).done();
    else detections.dropCandidate(id).done();
  }

  /** Whether this member already says that it saw the attack, or has said no. */
  function spoken(id: IndicatorId): "observed" | "other" | "no" {
    const subject = memory.subject(id);
    const member = ports.member();
    const register = subject && member ? memory.stances(subject).get(member)?.register : undefined;
    if (register === undefined) return "other";
    if (register.stance !== 1) return "no";
    const isOver = register.validUntil * 1000 <= clock.nowMs();
    return register.basis === 1 && !isOver ? "observed" : "other";
  }

  function isAutomatic(candidate: Candidate, severity: number | null): boolean {
    const rule = ports.release.automatic.find((each) => each.class === candidate.class);
    return rule !== undefined && (severity ?? UNKNOWN_SEVERITY) >= rule.minSeverity;
  }

  /** Entries that state an attack: content, response, what it was tested on, stances, the sighting. */
  function statement(input: {
    form: IndicatorForm;
    name: string;
    attackIds: readonly string[];
    severity: number | null;
    sighting: OwnSighting;
    basis?: 1 | 3;
  }): Sealed[] {
    const key = toPattern(input.form);
    const id = indicatorId(key);
    const subject = memory.subject(id);
    if (subject === undefined)
      throw new AnamnesisError(
        "blindingKey.missing",
        "no subject can be named before the consortium's blinding key is known",
      );
    const at = Math.floor(clock.nowMs());
    const tlp = stricterTlp(ports.release.tlp, memory.record(id)?.tlp);
    const envelope = { at, tlp };
    const validUntil = Math.floor(at / 1000) + Math.round(ports.release.validityDays * 86_400);
    const support = {
      stance: 1,
      confidence: Math.max(1, input.severity ?? UNKNOWN_SEVERITY),
      validUntil,
      tlp,
    } as const;
    const sealed: Sealed[] = [];
    const add = (entry: Entry): Sealed => {
      const one = ownFeed.seal(entry);
      sealed.push(one);
      return one;
    };

    const object = memory.record(id)?.object ?? indicatorObject(key, id, input, at);
    const response = responseObject(input.form);
    const content = add({ ...envelope, kind: "content", body: { type: "indicator", object } });
    add({ ...envelope, kind: "content", body: { type: "response", indicator: id, object: response } });
    add(signStance(ports, { ...support, subject, basis: input.basis ?? 1, content: content.commitment }));
    const outcome = ports.validate(input.form);
    const responseSubject = memory.subject(responseId(id, response));
    if (outcome.ok && responseSubject !== undefined) {
      const run = add({
        ...envelope,
        kind: "content",
        body: { type: "validation", indicator: id, result: outcome.result },
      });
      add(signStance(ports, { ...support, subject: responseSubject, basis: 2, content: run.commitment }));
    }
    add({ ...envelope, kind: "sighting", body: input.sighting });
    flushed.set(id, { count: input.sighting.count, atMs: at, gapMs: 1000 });
    return sealed;
  }

  async function judge(stored: StoredDetection): Promise<void> {
    const { detection } = stored;
    const { candidates, stopped } = deriveCandidates(detection, ports.selection);
    const ops: StoreOp[] = [];
    const changes: NewChange[] = [];
    const sealed: Sealed[] = [];
    const taken: IndicatorId[] = [];
    const undo: (() => void)[] = [];
    const ids: IndicatorId[] = [];
    let kind: DetectionOutcome["kind"] = "stopped";
    const rank = ["stopped", "held", "review", "sighting", "released"] as const;
    const raise = (to: DetectionOutcome["kind"]) => {
      if (rank.indexOf(to) > rank.indexOf(kind)) kind = to;
    };

    try {
      for (const candidate of candidates) {
        const id = indicatorId(toPattern(candidate.form));
        ids.push(id);
        const known = busy.has(id) || spoken(id) === "observed";
        const automatic = isAutomatic(candidate, detection.severity);
        if (known || (automatic && spoken(id) === "no")) {
          // Seen again, or seen after this member said no: the count grows, nobody is overruled.
          ops.push(sight(id, detection.atMs).op);
          undo.push(() => unsight(id));
          changes.push({ atMs: clock.nowMs(), type: "sighting", indicator: id });
          ports.renew(id);
          raise("sighting");
          continue;
        }
        const hit = automatic ? ports.validate(candidate.form) : undefined;
        if (automatic && (hit?.ok || hit?.code !== "validation.hit")) {
          busy.add(id);
          taken.push(id);
          const { op, sighting } = sight(id, detection.atMs);
          undo.push(() => unsight(id));
          ops.push(op);
          changes.push({ atMs: detection.readAtMs, type: "alert", indicator: id });
          changes.push({ atMs: clock.nowMs(), type: "released", indicator: id, detail: "automatic" });
          sealed.push(
            ...statement({
              form: candidate.form,
              name: detection.rule.name,
              attackIds: detection.attackIds,
              severity: detection.severity,
              sighting,
            }),
          );
          changes.push({ atMs: clock.nowMs(), type: "signed", indicator: id });
          raise("released");
          continue;
        }
        const queued = detections.candidate(id);
        const staged = detections.stageCandidate({
          id,
          form: candidate.form,
          class: candidate.class,
          severity: Math.max(detection.severity ?? 0, queued?.severity ?? 0),
          name: queued?.name ?? detection.rule.name,
          attackIds: [...new Set([...(queued?.attackIds ?? []), ...detection.attackIds])],
          firstMs: Math.min(queued?.firstMs ?? detection.atMs, detection.atMs),
          lastMs: Math.max(queued?.lastMs ?? detection.atMs, detection.atMs),
          count: (queued?.count ?? 0) + 1,
          state: queued?.state ?? "review",
          reason: hit !== undefined && !hit.ok ? `${hit.code}: ${hit.reason}` : "release.review",
          ...(queued?.holdUntilMs !== undefined && { holdUntilMs: queued.holdUntilMs }),
        });
        staged.done(); // the next detection of this loop must count on it; a crash loses both together
        undo.push(() => unqueue(id));
        ops.push(staged.op);
        if (queued === undefined)
          changes.push({ atMs: clock.nowMs(), type: "review", indicator: id, detail: candidate.class });
        raise(queued?.state === "held" ? "held" : "review");
      }
      for (const stop of stopped) {
        changes.push({
          atMs: clock.nowMs(),
          type: "stopped",
          code: stop.code,
          detail: `${stop.value}: ${stop.entry}`,
        });
      }

      const outcome = detections.stageOutcome(stored, { kind, indicators: ids, stopped });
      ops.push(...outcome.ops);
      await ownFeed.append(sealed, { ops, changes, done: outcome.done });
    } catch (error) {
      for (const each of undo) each();
      throw error;
    } finally {
      for (const id of taken) busy.delete(id);
    }
  }

  const inWork = new Set<number>();

  async function offer(list: readonly StoredDetection[]): Promise<void> {
    if (!ready()) return; // they stay pending, in order, and `tick` takes them up
    const fresh = list.filter((stored) => !inWork.has(stored.sequence));
    for (const stored of fresh) inWork.add(stored.sequence);
    for (let i = 0; i < fresh.length; i += CHUNK) {
      const results = await Promise.allSettled(fresh.slice(i, i + CHUNK).map(judge));
      for (const result of results) {
        if (result.status === "rejected") log.warn("publish.failed", { message: String(result.reason) });
      }
    }
    for (const stored of fresh) inWork.delete(stored.sequence);
  }

  async function release(id: IndicatorId): Promise<void> {
    const candidate = detections.candidate(id);
    if (candidate === undefined) {
      throw new AnamnesisError(
        "api.notFound",
        `${id} is not waiting for release; see \`anamnesis detections review\``,
      );
    }
    if (!ready())
      throw new AnamnesisError(
        "feed.sizeUnknown",
        "this node may not sign yet; see `anamnesis status` for what it waits for",
      );
    if (busy.has(id)) throw new AnamnesisError("api.conflict", `${id} is being released right now`);
    busy.add(id);
    try {
      const { op, sighting } = sight(id, candidate.lastMs, candidate.count, candidate.firstMs);
      const dropped = detections.dropCandidate(id);
      // Over its own no the member speaks as an analyst, so that no sibling takes it for an accident.
      const sealed = statement({ ...candidate, sighting, basis: spoken(id) === "no" ? 3 : 1 });
      await ownFeed.append(sealed, {
        ops: [op, dropped.op],
        changes: [
          { atMs: candidate.firstMs, type: "alert", indicator: id },
          { atMs: clock.nowMs(), type: "released", indicator: id, detail: "operator" },
          { atMs: clock.nowMs(), type: "signed", indicator: id },
        ],
        done: dropped.done,
      });
    } catch (error) {
      unsight(id, candidate.count);
      throw error;
    } finally {
      busy.delete(id);
    }
  }

  /** Sightings grow with every alert; the feed hears of it at most every second, then every two, four … minute. */
  async function flushSightings(): Promise<void> {
    const now = clock.nowMs();
    const sealed: Sealed[] = [];
    const told: (() => void)[] = [];
    for (const sighting of sightings.values()) {
      const last = flushed.get(sighting.indicator) ?? {
        count: memory.record(sighting.indicator)?.sightings.get(ports.signer.address)?.count ?? 0,
        atMs: 0,
        gapMs: 500,
      };
      if (memory.record(sighting.indicator) === undefined || sighting.count <= last.count) continue;
      if (Math.abs(now - last.atMs) < last.gapMs) continue;
      const next = { count: sighting.count, atMs: now, gapMs: Math.min(last.gapMs * 2, 60_000) };
      told.push(() => flushed.set(sighting.indicator, next));
      sealed.push(
        ownFeed.seal({
          at: Math.floor(now),
          tlp: stricterTlp(ports.release.tlp, memory.record(sighting.indicator)?.tlp),
          kind: "sighting",
          body: sighting,
        }),
      );
    }
    if (sealed.length === 0) return;
    await ownFeed.append(sealed);
    for (const each of told) each();
  }

  async function endHolds(): Promise<void> {
    for (const candidate of detections.queued()) {
      if (candidate.state !== "held" || (candidate.holdUntilMs ?? 0) > clock.nowMs()) continue;
      const { holdUntilMs: _, ...rest } = candidate;
      const back: QueuedCandidate = { ...rest, state: "review", reason: "release.holdEnded" };
      const staged = detections.stageCandidate(back);
      await ownFeed.append([], {
        ops: [staged.op],
        changes: [
          { atMs: clock.nowMs(), type: "review", indicator: candidate.id, code: "release.holdEnded" },
        ],
        done: staged.done,
      });
    }
  }

  return {
    offer,
    release,
    async tick() {
      try {
        await endHolds();
        if (!ready()) return;
        await offer(detections.pending());
        await flushSightings();
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        log.warn("publish.waits", { code: error.code, message: error.message });
      }
    },
  };
}

function indicatorObject(
  key: ReturnType<typeof toPattern>,
  id: IndicatorId,
  input: { name: string; attackIds: readonly string[] },
  at: number,
): StixIndicator {
  const time = new Date(at).toISOString();
  const references = input.attackIds.map((external_id) => ({ source_name: "mitre-attack", external_id }));
  return {
    type: "indicator",
    spec_version: "2.1",
    id: stixId("indicator", id),
    created: time,
    modified: time,
    name: input.name,
    indicator_types: ["malicious-activity"],
    pattern: key.pattern,
    pattern_type: key.patternType,
    valid_from: time,
    ...(references.length > 0 && { external_references: references }),
  };
}

/** The one response of this version to a form. It is part of the response's id, so equal everywhere. */
function responseObject(form: IndicatorForm): StixCourseOfAction {
  const name =
    form.form === "behaviour" ? "Drop the flow that carries the command" : `Block ${form.observable.kind}`;
  return { type: "course-of-action", spec_version: "2.1", name, x_anamnesis_action: "block" };
}
