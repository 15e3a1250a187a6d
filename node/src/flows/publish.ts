/*
 * Detection ▶ Indicator ▶ release ▶ Attestation ▶ feed. A detection's outcome is written in the same
 * batch as what it put into the feed, so that a crash between two hops repeats nothing.
 */

import { attackIdsOfBehaviour } from "@anamnesis/sdk/core/behaviours";
import { type Candidate, deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { SelectionContext } from "@anamnesis/sdk/core/selection";
import { sharedName } from "@anamnesis/sdk/core/shared-name";
import type { Detection, IndicatorForm, IndicatorId, ReleaseClass, Tlp } from "@anamnesis/sdk/core/types";
import type { ValidationOutcome } from "@anamnesis/sdk/core/validation";
import type { Log, Store, StoreOp } from "../ports.ts";
import type { NewChange } from "../state/changes.ts";
import type { DetectionOutcome, Detections, QueuedCandidate, StoredDetection } from "../state/detections.ts";
import type { OwnFeed, Sealed } from "./append.ts";
import type { AttestPorts } from "./attest.ts";
import { loadSightings } from "./sightings.ts";
import { stateAttack } from "./statement.ts";

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

/** The detector's own ATT&CK ids; of conduct that it gives none for, those of the conduct. */
function attackIdsFor(form: IndicatorForm, { attackIds }: Detection): readonly string[] {
  return attackIds.length > 0 || form.form !== "behaviour" ? attackIds : attackIdsOfBehaviour(form.behaviour);
}

/** Creates the publish flow over a store. */
export async function createPublish(ports: PublishPorts): Promise<Publish> {
  const { clock, detections, memory, ownFeed, log } = ports;
  const sightings = await loadSightings(ports);
  const busy = new Set<IndicatorId>();

  function ready(): boolean {
    return ownFeed.state().open && memory.hasBlindingKey() && ports.member() !== undefined;
  }

  /** Takes a candidate back whose commit failed: the detection will be judged again. */
  function unqueue(id: IndicatorId): void {
    const queued = detections.candidate(id);
    if (queued === undefined) return;
    if (queued.count > 1 || queued.proposal !== undefined)
      detections.stageCandidate({ ...queued, count: queued.count - 1 }).done();
    else detections.dropCandidate(id).done();
  }

  /** Whether this member already says that it saw the attack, or has said no. */
  function spoken(id: IndicatorId): "observed" | "other" | "no" {
    const subject = memory.subject(id);
    const member = ports.member();
    const register = subject && member ? memory.stances(subject).get(member)?.register : undefined;
    if (register === undefined) return "other";
    if (register.stance !== 1) return "no";
    // Seen again in the last quarter of its validity, a stance is stated anew before it ends.
    const leftMs = register.validUntil * 1000 - clock.nowMs();
    const isFresh = leftMs > (ports.release.validityDays * 86_400_000) / 4;
    return register.basis === 1 && isFresh ? "observed" : "other";
  }

  function isAutomatic(candidate: Candidate, severity: number | null): boolean {
    const rule = ports.release.automatic.find((each) => each.class === candidate.class);
    return rule !== undefined && (severity ?? 0) >= rule.minSeverity;
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
    const answered: ReturnType<Detections["dropCandidate"]>[] = [];
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
          ops.push(sightings.add(id, detection.atMs).op);
          undo.push(() => sightings.takeBack(id));
          changes.push({ atMs: clock.nowMs(), type: "sighting", indicator: id });
          ports.renew(id);
          raise("sighting");
          continue;
        }
        const queued = detections.candidate(id);
        const hit = automatic ? ports.validate(candidate.form) : undefined;
        if (automatic && (hit?.ok || hit?.code !== "validation.hit")) {
          busy.add(id);
          taken.push(id);
          const { op, sighting } = sightings.add(id, detection.atMs);
          undo.push(() => sightings.takeBack(id));
          ops.push(op);
          changes.push({ atMs: detection.readAtMs, type: "alert", indicator: id });
          changes.push({ atMs: clock.nowMs(), type: "released", indicator: id, detail: "automatic" });
          sealed.push(
            ...stateAttack(ports, {
              form: candidate.form,
              name: sharedName(detection.rule.name, ports.selection.self),
              attackIds: attackIdsFor(candidate.form, detection),
              severity: detection.severity,
              sighting,
            }),
          );
          changes.push({ atMs: clock.nowMs(), type: "signed", indicator: id });
          // What the plant has seen itself answers what others said of it, and rests on nobody's marking.
          if (queued?.count === 0) answered.push(detections.dropCandidate(id));
          raise("released");
          continue;
        }
        // What others said was queued when it was read, which tells nothing of when it was met.
        const met = queued !== undefined && queued.count > 0 ? queued : undefined;
        const staged = detections.stageCandidate({
          id,
          form: candidate.form,
          class: candidate.class,
          severity: Math.max(detection.severity ?? 0, queued?.severity ?? 0),
          name: queued?.name ?? detection.rule.name,
          attackIds: [...new Set([...(queued?.attackIds ?? []), ...attackIdsFor(candidate.form, detection)])],
          detectors: [...new Set([...(queued?.detectors ?? []), detection.detector])],
          firstMs: Math.min(met?.firstMs ?? detection.atMs, detection.atMs),
          lastMs: Math.max(met?.lastMs ?? detection.atMs, detection.atMs),
          count: (queued?.count ?? 0) + 1,
          ...(queued?.proposal && { proposal: queued.proposal }),
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
      ops.push(...outcome.ops, ...answered.map(({ op }) => op));
      const done = () => {
        outcome.done();
        for (const each of answered) each.done();
      };
      await ownFeed.append(sealed, { ops, changes, done });
    } catch (error) {
      for (const each of undo) each();
      if (!isAnamnesisError(error, "entry.malformed") && !isAnamnesisError(error, "input.tooLarge"))
        throw error;
      // It will never fit into an entry: without an outcome it would be tried again for ever.
      const stop = { value: detection.rule.name.slice(0, 100), code: error.code, entry: error.message };
      const fate = detections.stageOutcome(stored, {
        kind: "stopped",
        indicators: [],
        stopped: [...stopped, stop],
      });
      await ownFeed.append([], {
        ops: fate.ops,
        changes: [{ atMs: clock.nowMs(), type: "stopped", code: stop.code, detail: stop.entry }],
        done: fate.done,
      });
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
      const isSeen = candidate.count > 0;
      const seen = isSeen
        ? sightings.add(id, candidate.lastMs, candidate.count, candidate.firstMs)
        : undefined;
      const dropped = detections.dropCandidate(id);
      // Over its own no the member speaks as an analyst, so that no sibling takes it for an accident.
      const sealed = stateAttack(ports, {
        ...candidate,
        name: sharedName(candidate.name, ports.selection.self),
        ...(seen && { sighting: seen.sighting }),
        basis: spoken(id) === "no" || !isSeen ? 3 : 1,
      });
      await ownFeed.append(sealed, {
        ops: [...(seen ? [seen.op] : []), dropped.op],
        changes: [
          ...(isSeen ? [{ atMs: candidate.firstMs, type: "alert", indicator: id } as const] : []),
          { atMs: clock.nowMs(), type: "released", indicator: id, detail: "operator" },
          { atMs: clock.nowMs(), type: "signed", indicator: id },
        ],
        done: dropped.done,
      });
    } catch (error) {
      if (candidate.count > 0) sightings.takeBack(id, candidate.count);
      throw error;
    } finally {
      busy.delete(id);
    }
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
        await sightings.flush();
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        log.warn("publish.waits", { code: error.code, message: error.message });
      }
    },
  };
}
