/*
 * What this member says about a peer's record: it runs the record against its own benign traffic and
 * supports it when nothing was hit. No plant signs what it neither saw nor tested. And a withdraw or
 * refute of this member is never undone by a sibling node that had not heard of it.
 */
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { IndicatorForm, IndicatorId, Subject } from "@anamnesis/sdk/core/types";
import type { ValidationOutcome } from "@anamnesis/sdk/core/validation";
import type { Log } from "../ports.ts";
import type { NewChange } from "../state/changes.ts";
import type { MemoryRecord, StanceEffect } from "../state/memory.ts";
import type { OwnFeed, Sealed } from "./append.ts";
import { type AttestPorts, type StanceInput, signStance } from "./attest.ts";
import type { Effect } from "./project.ts";

/** Confidence of a support that rests on a clean run, not on having seen the attack. */
const VALIDATED_CONFIDENCE = 70;

/** Ports of support. */
export interface SupportPorts extends AttestPorts {
  readonly ownFeed: OwnFeed;
  readonly log: Log;
  readonly validityDays: number;
  validate(form: IndicatorForm): ValidationOutcome;
}

/** Support for peers' records. */
export interface Support {
  /** Looks at what entries of any feed have changed. */
  consider(effects: readonly Effect[]): void;
  /** Once a second: records that could not be answered when they came. */
  tick(): void;
  /** Looks at every record held: after a start, or once the blinding key gives records their subjects. */
  considerAll(): void;
  /** Why this member does not support a record that it knows, by code. */
  unsupported(indicator: IndicatorId): ValidationOutcome | undefined;
}

/** Creates support. */
export function createSupport(ports: SupportPorts): Support {
  const { memory, ownFeed, clock, log } = ports;
  const open = new Set<IndicatorId>();
  const busy = new Set<IndicatorId>();
  const refused = new Map<IndicatorId, ValidationOutcome>();
  /** Supports of siblings that are to be signed over and could not be yet. */
  const contested: StanceEffect[] = [];

  function mine(subject: Subject) {
    const member = ports.member();
    return member === undefined ? undefined : memory.stances(subject).get(member);
  }

  /** Whether this member says anything on a subject; a support whose time is over says nothing any more. */
  function isSpoken(subject: Subject): boolean {
    const own = mine(subject)?.register;
    return own !== undefined && (own.stance !== 1 || own.validUntil * 1000 > clock.nowMs());
  }

  /** Somebody else supports it, nobody refutes it, and this member has not spoken on all of it. */
  function awaitsMe(record: MemoryRecord): boolean {
    const status = memory.indicatorStatus(record.id, clock.nowMs() / 1000);
    if (status.supports === 0 || status.refutes > 0 || record.form === undefined) return false;
    const subject = memory.subject(record.id);
    if (subject === undefined) return false;
    if (!isSpoken(subject)) return true;
    return mine(subject)?.register.stance === 1 && responsesWithoutMe(record).length > 0;
  }

  function responsesWithoutMe(record: MemoryRecord): readonly Subject[] {
    return [...record.responses.keys()]
      .map((id) => memory.subject(id))
      .filter((subject): subject is Subject => subject !== undefined && !isSpoken(subject));
  }

  async function answer(id: IndicatorId): Promise<void> {
    const record = memory.record(id);
    if (record?.form === undefined || busy.has(id)) return;
    if (!awaitsMe(record)) {
      open.delete(id);
      return;
    }
    if (!ownFeed.state().open || ports.member() === undefined) return; // stays open, `tick` comes back
    const outcome = ports.validate(record.form);
    if (!outcome.ok) {
      if (!refused.has(id))
        log.info("support.refused", { indicator: id, code: outcome.code, reason: outcome.reason });
      refused.set(id, outcome);
      open.delete(id);
      return;
    }
    refused.delete(id);
    busy.add(id);
    try {
      const at = Math.floor(clock.nowMs());
      const envelope = { at, tlp: record.tlp };
      const run = ownFeed.seal({
        ...envelope,
        kind: "content",
        body: { type: "validation", indicator: id, result: outcome.result },
      });
      const sealed: Sealed[] = [run];
      const subjects = responsesWithoutMe(record);
      const subject = memory.subject(id);
      const support = {
        stance: 1,
        basis: 2,
        confidence: VALIDATED_CONFIDENCE,
        validUntil: Math.floor(at / 1000) + Math.round(ports.validityDays * 86_400),
        content: run.commitment,
        tlp: record.tlp,
      } as const;
      for (const each of subject !== undefined && !isSpoken(subject) ? [subject, ...subjects] : subjects) {
        sealed.push(ownFeed.seal(signStance(ports, { ...support, subject: each })));
      }
      await ownFeed.append(sealed);
      open.delete(id);
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      log.warn("support.waits", { indicator: id, code: error.code, message: error.message });
    } finally {
      busy.delete(id);
    }
  }

  /** A sibling's automatic support that beat this member's no is signed over: the no stands (DESIGN §4). */
  function defend(effect: StanceEffect): void {
    const { member, winner, beaten } = effect;
    if (member !== ports.member() || beaten === undefined) return;
    const { stance, basis } = winner.register;
    if (stance !== 1 || basis === 3 || beaten.register.stance === 1) return;
    if (winner.key === beaten.key) return; // one node knows what it said before
    const { subject } = winner.attestation;
    if (mine(subject)?.register.uid !== winner.register.uid) return; // settled meanwhile
    if (!ownFeed.state().open) {
      contested.push(effect);
      return;
    }
    const { basis: saidOn, confidence } = beaten.register;
    const indicator = memory.indicatorOf(subject);
    const change = {
      atMs: clock.nowMs(),
      type: "superseded" as const,
      ...(indicator && { indicator }),
      detail: "a sibling node's support",
    };
    restate(
      {
        subject,
        stance: beaten.register.stance,
        basis: saidOn,
        confidence,
        validUntil: 0,
        content: beaten.attestation.content,
        tlp: beaten.tlp,
      },
      change,
      () => contested.push(effect),
    );
  }

  function restate(stance: StanceInput, change: NewChange, again: () => void): void {
    const append = async () =>
      ownFeed.append([ownFeed.seal(signStance(ports, stance))], { changes: [change] });
    append().catch((error: unknown) => {
      if (!isAnamnesisError(error)) throw error;
      log.warn("support.waits", { code: error.code, message: error.message });
      again();
    });
  }

  return {
    consider(effects) {
      for (const effect of effects) {
        if (effect.stance !== undefined) defend(effect.stance);
        if (effect.indicator === undefined || effect.kind === "sighting" || effect.kind === "receipt")
          continue;
        open.add(effect.indicator);
        void answer(effect.indicator);
      }
    },
    tick() {
      for (const effect of contested.splice(0)) defend(effect);
      for (const id of open) void answer(id);
    },
    considerAll() {
      for (const { id } of memory.records()) {
        open.add(id);
        void answer(id);
      }
    },
    unsupported: (indicator) => refused.get(indicator),
  };
}
