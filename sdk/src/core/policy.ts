/**
 * What a plant does with a record on one control, and why: the rules of DESIGN §6 as one pure
 * function. Rules only ever lower an action; nothing here can raise one above what was asked.
 */
import type { ActionClass, PurdueLevel, ReleaseClass, Status } from "./types.ts";

/** Where a control stands on its way into service. */
export type ControlPhase = "learning" | "shadow" | "protecting";

/** Every reason policy can give; the dotted ones are error codes too. */
export type PolicyReason =
  | "self.stale"
  | "policy.ceiling"
  | "policy.approval"
  | "policy.phase"
  | "policy.disputed"
  | "policy.recorded"
  | "policy.refused"
  | "policy.stopped"
  | "deferred.budget"
  | "status.proposed"
  | "response.none"
  | "response.unattested"
  | "refuted"
  | "withdrawn"
  | "expired"
  | "none";

/** A signed permission to go above alert at level 3.5 and below: class × zone × control × action × duration. */
export interface StandingChange {
  readonly name: string;
  readonly classes: readonly ReleaseClass[];
  /** Names of controls; empty: every control of the levels below. */
  readonly controls: readonly string[];
  /** Purdue levels; empty: every level of the controls above. With both empty it permits nothing. */
  readonly levels: readonly PurdueLevel[];
  readonly action: ActionClass;
  /** How long one application may stand, ms. */
  readonly maxDurationMs: number;
  /** When the permission itself ends, ms since the epoch. */
  readonly validUntilMs?: number;
}

/** An operator's word on one indicator at one control. */
export interface Approval {
  readonly ticket: string;
  readonly action: ActionClass;
  readonly untilMs: number;
}

/** What policy must know of a control. */
export interface ControlView {
  readonly name: string;
  readonly level: PurdueLevel;
  readonly phase: ControlPhase;
  /** It acts on a safety-system zone. */
  readonly safety: boolean;
}

/** What rests a decision above alert. */
export type Authority =
  | { readonly by: "automatic" }
  | { readonly by: "standing"; readonly change: string }
  | { readonly by: "operator"; readonly ticket: string };

/** Everything a decision depends on. */
export interface PolicyInput {
  readonly record: {
    readonly class: ReleaseClass;
    /** The response's action class; absent when no response is known. */
    readonly response?: ActionClass;
    readonly indicatorStatus: Pick<Status, "name" | "disputed">;
    readonly responseStatus: Pick<Status, "name" | "disputed">;
    readonly recorded: boolean;
    readonly validUntilMs: number;
  };
  readonly control: ControlView;
  readonly standing: readonly StandingChange[];
  readonly approval?: Approval;
  /** An operator's no: nothing stronger than this. */
  readonly limit?: ActionClass;
  /** An operator stopped the control: nothing of ours is in force there. */
  readonly isStopped?: boolean;
  readonly selfConfirmedAtMs: number;
  /** New blocks that still fit into this hour. */
  readonly budgetLeft: number;
  /** What is in force now, if anything. */
  readonly current?: {
    readonly action: ActionClass;
    readonly authority: Authority["by"];
    readonly appliedAtMs: number;
  };
  /** Ask for the chain's word before anything above alert. */
  readonly requireRecorded?: boolean;
  /** How long an application stands without a renewal; 24 h by default. */
  readonly durationMs?: number;
  readonly nowMs: number;
}

/** What to do. `observe` means that nothing is to be in force. */
export interface Decision {
  readonly action: ActionClass;
  /** Each rule that lowered the action, in the order applied; empty when nothing did. */
  readonly because: readonly PolicyReason[];
  readonly authority: Authority;
  /** When it ends, ms since the epoch; 0 for `observe`. */
  readonly expiresAtMs: number;
}

const DAY_MS = 86_400_000;
/** Self must have been confirmed within this time, ms. */
export const SELF_MAX_AGE_MS = 30 * DAY_MS;
/** Default life of an application, ms. */
export const DEFAULT_DURATION_MS = DAY_MS;
/** New blocks an hour unless configured. */
export const DEFAULT_BUDGET_PER_HOUR = 10;

const RANK: Readonly<Record<ActionClass, number>> = { observe: 0, alert: 1, deny: 2, block: 3, isolate: 4 };

/** Whether action class `a` is weaker than `b`. */
export function weaker(a: ActionClass, b: ActionClass): boolean {
  return RANK[a] < RANK[b];
}

/** Whether an action class stops traffic: deny and above. */
export function stops(action: ActionClass): boolean {
  return RANK[action] >= RANK.deny;
}

/** The one word for what stands at a plant (DESIGN §6). */
export type PlantWord = "none" | "warned" | "watched" | "protected";

/**
 * protected: deny or above is verified. watched: an alert is, and the plant's ceiling is alert.
 * warned: an alert is, and more is possible.
 */
export function wordOf(strongest: ActionClass, ceiling: ActionClass): PlantWord {
  if (stops(strongest)) return "protected";
  if (strongest !== "alert") return "none";
  return stops(ceiling) ? "warned" : "watched";
}

/** Why a record may not be in force at all, or undefined when it may. */
function ended(input: PolicyInput): PolicyReason | undefined {
  const { indicatorStatus, validUntilMs } = input.record;
  if (indicatorStatus.name === "refuted") return "refuted";
  if (indicatorStatus.name === "withdrawn") return "withdrawn";
  if (indicatorStatus.name === "none") return "none";
  if (indicatorStatus.name === "dormant" || !(input.nowMs < validUntilMs)) return "expired";
  return undefined;
}

/** Whether Self is too old to act on, or from the future by more than a day. */
export function isSelfStale(confirmedAtMs: number, nowMs: number): boolean {
  const ageMs = nowMs - confirmedAtMs;
  return !(ageMs <= SELF_MAX_AGE_MS && ageMs >= -DAY_MS);
}

/**
 * Decides one record on one control.
 *
 * @example
 * decide({ ...input, record: { ...record, indicatorStatus: { name: "proposed", disputed: false } } })
 * // { action: "alert", because: ["status.proposed"], … }
 */
export function decide(input: PolicyInput): Decision {
  const { record, control, nowMs } = input;
  const over = ended(input);
  if (over !== undefined) return nothing(over);
  if (input.isStopped === true) return nothing("policy.stopped");

  const because: PolicyReason[] = [];
  let action: ActionClass = record.response ?? "alert";
  if (!Object.hasOwn(RANK, action)) action = "alert";
  if (record.response === undefined) because.push("response.none");
  const cap = (ceiling: ActionClass, reason: PolicyReason): void => {
    if (!weaker(ceiling, action)) return;
    action = ceiling;
    because.push(reason);
  };

  if (record.indicatorStatus.name !== "attested") cap("alert", "status.proposed");
  if (record.responseStatus.name !== "attested") cap("alert", "response.unattested");
  if (input.requireRecorded === true && !record.recorded) cap("alert", "policy.recorded");
  if (control.safety) cap("alert", "policy.ceiling");
  if (control.phase === "learning") cap("observe", "policy.phase");
  else if (control.phase !== "protecting") cap("alert", "policy.phase");
  if (isSelfStale(input.selfConfirmedAtMs, nowMs)) cap("alert", "self.stale");

  if (input.limit !== undefined) cap(input.limit, "policy.refused");

  const permission = permit(input, action);
  cap(permission.action, "policy.approval");

  const disputed = record.indicatorStatus.disputed || record.responseStatus.disputed;
  if (disputed) {
    // Remote undo must not be remote disarm: what a local operator approved stays as it is.
    const kept = input.current?.authority === "operator" && permission.authority.by === "operator";
    cap(kept ? input.current.action : "alert", "policy.disputed");
  }
  const isNewBlock = stops(action) && !(input.current !== undefined && stops(input.current.action));
  if (isNewBlock && !(input.budgetLeft > 0)) cap("alert", "deferred.budget");

  if (action === "observe") return { ...nothing(because[0] ?? "none"), because };
  const untilMs = stops(action) ? permission.untilMs : Number.POSITIVE_INFINITY;
  const expiresAtMs = Math.min(
    nowMs + (input.durationMs ?? DEFAULT_DURATION_MS),
    record.validUntilMs,
    untilMs,
  );
  return {
    action,
    because,
    authority: stops(action) ? permission.authority : { by: "automatic" },
    expiresAtMs,
  };
}

function nothing(reason: PolicyReason): Decision {
  return { action: "observe", because: [reason], authority: { by: "automatic" }, expiresAtMs: 0 };
}

interface Permission {
  readonly action: ActionClass;
  readonly authority: Authority;
  /** When what rests on it must end. */
  readonly untilMs: number;
}

/** The strongest action this control may take, up to `wanted`, and what it rests on. */
function permit(input: PolicyInput, wanted: ActionClass): Permission {
  const { control, record, approval, nowMs } = input;
  const candidates: Permission[] = [];
  if (approval !== undefined && nowMs < approval.untilMs) {
    const authority: Authority = { by: "operator", ticket: approval.ticket };
    candidates.push({ action: approval.action, authority, untilMs: approval.untilMs });
  }
  // Written so that a level that is not a number counts as the plant floor.
  if (control.level > 3.5) {
    candidates.push({ action: "isolate", authority: { by: "automatic" }, untilMs: Number.POSITIVE_INFINITY });
  }
  for (const change of input.standing) {
    if (
      !covers(change, control, record.class) ||
      !(nowMs < (change.validUntilMs ?? Number.POSITIVE_INFINITY))
    ) {
      continue;
    }
    const inForce = input.current !== undefined && stops(input.current.action);
    const sinceMs = inForce ? Math.min(input.current.appliedAtMs, nowMs) : nowMs;
    const untilMs = Math.min(sinceMs + change.maxDurationMs, change.validUntilMs ?? Number.POSITIVE_INFINITY);
    if (nowMs < untilMs) {
      candidates.push({ action: change.action, authority: { by: "standing", change: change.name }, untilMs });
    }
  }
  let best: Permission = {
    action: "alert",
    authority: { by: "automatic" },
    untilMs: Number.POSITIVE_INFINITY,
  };
  for (const candidate of candidates) {
    const action = weaker(wanted, candidate.action) ? wanted : candidate.action;
    if (weaker(best.action, action)) best = { ...candidate, action };
  }
  return best;
}

function covers(change: StandingChange, control: ControlView, recordClass: ReleaseClass): boolean {
  if (change.controls.length === 0 && change.levels.length === 0) return false;
  return (
    change.classes.includes(recordClass) &&
    (change.controls.length === 0 || change.controls.includes(control.name)) &&
    (change.levels.length === 0 || change.levels.includes(control.level))
  );
}
