/** What one batch changes for one record on one control, and how it is told. */

import { stops, weaker } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorId, ReceiptBody, ReceiptState, Self } from "@anamnesis/sdk/core/types";
import type { Control } from "../ports.ts";
import type { ChangeType, NewChange } from "../state/changes.ts";
import type { RecordView } from "../state/record.ts";
import type { Vaccination, Vaccinations } from "../state/vaccinations.ts";
import type { BlockBudget } from "./vaccinate-budget.ts";
import { type Plan, planOne } from "./vaccinate-plan.ts";
import type { Lane, VaccinateOptions } from "./vaccinate-types.ts";

/** A row to be written, and the receipt it deserves: receipts tell changes of state only. */
export interface Step {
  readonly next: Vaccination;
  readonly receipts: readonly Told[];
  /** Why less is done than was decided, in words: the entry of Self that would have been hit. */
  readonly refusal?: string;
}

interface Told {
  readonly state: ReceiptState;
  readonly action: ActionClass;
  readonly reason?: string;
}

/** What planning reads. */
export interface StepContext {
  readonly records: ReadonlyMap<IndicatorId, RecordView>;
  readonly vaccinations: Vaccinations;
  readonly budget: BlockBudget;
  readonly options: VaccinateOptions;
  /** Whether every record of this plant has been heard of. */
  readonly isReconciled: boolean;
}

/** Less than this is no reason to write an expiry again, ms. */
const RENEWAL_STEP_MS = 60_000;

/** Members restate a record for days more; what the last of a round of supports adds is no new word, ms. */
const RESTATED_MS = 3_600_000;

/** What changes for one record on one lane, or undefined when nothing does. */
export function planStep(
  context: StepContext,
  lane: Lane,
  indicator: IndicatorId,
  isRenewed: boolean,
  self: Self,
  nowMs: number,
): Step | undefined {
  const { vaccinations, records, budget, options } = context;
  const row = vaccinations.get(indicator, lane.control.name);
  const current = row?.state === "active" ? row : undefined;
  const record = records.get(indicator);
  if (record === undefined)
    return current !== undefined && context.isReconciled ? end(current, "none") : undefined;

  const isOver = hasRunOut(row, nowMs);
  const isRestated = row !== undefined && record.validUntilMs - row.validUntilMs >= RESTATED_MS;
  const plan = planOne({
    record,
    control: lane.control,
    view: lane.view,
    policy: options,
    self,
    ...ordered(options, indicator, lane.control.name, nowMs),
    budgetLeft: budget.left(indicator, nowMs),
    current,
    nowMs,
  });
  // An expired warning must not prevent protection, once more members stand behind the record.
  const isStronger =
    row !== undefined && plan.want !== undefined && weaker(row.action, plan.want.compiled.action);
  const isLonger = isRenewed || (isOver && (isRestated || isStronger));
  if (isOver && !isLonger && current === undefined) {
    lane.because.set(indicator, ["expired"]);
    lane.deferred.delete(indicator);
    return undefined; // nothing expired comes back to life by itself
  }
  lane.because.set(indicator, plan.because);
  if (plan.because.includes("deferred.budget")) lane.deferred.add(indicator);
  else lane.deferred.delete(indicator);

  if (plan.want === undefined) {
    if (current !== undefined) return end(current, reasonOf(plan));
    const isTold = plan.refused !== undefined || lane.deferred.has(indicator);
    return isTold ? hold(lane, record, plan, row, nowMs) : undefined;
  }
  if (isOver && !isLonger && current !== undefined) {
    lane.because.set(indicator, ["expired"]);
    return end(current, "expired");
  }
  return put(context, lane, record, plan, plan.want, row, isLonger, nowMs);
}

/** What operators said of this pair, as policy takes it. */
function ordered({ orders }: VaccinateOptions, indicator: IndicatorId, control: string, nowMs: number) {
  const order = orders?.of(indicator, control);
  const isApproved = order?.word === "approve" && order.by.length >= order.persons && nowMs >= order.fromMs;
  return {
    approval: isApproved ? order : undefined,
    ...(order !== undefined && order.word !== "approve" && { limit: order.action }),
    isStopped: orders?.stops().has(control) ?? false,
  };
}

function put(
  context: StepContext,
  lane: Lane,
  record: RecordView,
  plan: Plan,
  want: NonNullable<Plan["want"]>,
  row: Vaccination | undefined,
  isRenewed: boolean,
  nowMs: number,
): Step | undefined {
  const current = row?.state === "active" ? row : undefined;
  const { action, statement } = want.compiled;
  const { decision } = want;
  const isSame = current !== undefined && current.action === action;
  const expiresAtMs =
    isSame && !isRenewed ? Math.min(current.expiresAtMs, decision.expiresAtMs) : decision.expiresAtMs;
  const reason =
    plan.refused?.refused ?? (lane.deferred.has(record.indicator) ? "deferred.budget" : undefined);
  const isKept =
    isSame &&
    current.statement === statement &&
    current.reason === reason &&
    current.authority === decision.authority.by &&
    (isRenewed ? expiresAtMs - current.expiresAtMs < RENEWAL_STEP_MS : expiresAtMs === current.expiresAtMs);
  if (isKept) return undefined;
  const isNewBlock = stops(action) && !(current !== undefined && stops(current.action));
  if (isNewBlock) context.budget.take(record.indicator, nowMs);
  const blockedAtMs = isNewBlock ? nowMs : row?.blockedAtMs;
  const next: Vaccination = {
    indicator: record.indicator,
    control: lane.control.name,
    action,
    statement,
    appliedAtMs: isSame ? current.appliedAtMs : nowMs,
    expiresAtMs,
    state: "active",
    proof: "none",
    authority: decision.authority.by,
    ...(blockedAtMs === undefined ? {} : { blockedAtMs }),
    validUntilMs: record.validUntilMs,
    ...(reason === undefined ? {} : { reason }),
  };
  const receipts: Told[] = [];
  if (!isSame) {
    const isLowered = current !== undefined && weaker(action, current.action);
    const why = isLowered ? (decision.because.at(-1) ?? plan.because.at(-1)) : undefined;
    receipts.push({ state: "verified", action, ...(why === undefined ? {} : { reason: why }) });
  }
  const isRefusedAnew = reason !== undefined && reason !== row?.reason;
  if (isRefusedAnew) {
    receipts.push({ state: reason === "deferred.budget" ? "deferred" : "refused", action, reason });
  }
  return {
    next,
    receipts,
    ...(isRefusedAnew && plan.refused !== undefined && { refusal: plan.refused.reason }),
  };
}

/** Why what was in force may not stay; that a control cannot say less than a block is not what changed. */
function reasonOf({ because }: Plan): string {
  return because.findLast((each) => each !== "plan.unsupported") ?? because.at(-1) ?? "none";
}

/** Whether an application's time is over, be it still in force or ended for that reason. */
function hasRunOut(row: Vaccination | undefined, nowMs: number): boolean {
  if (row === undefined || row.state === "held" || nowMs < row.expiresAtMs) return false;
  return row.state === "active" || row.reason === "expired";
}

function end(current: Vaccination, reason: string): Step {
  return {
    next: { ...current, state: "ended", proof: "none", reason },
    receipts: [{ state: "undone", action: current.action, reason }],
  };
}

/** Nothing in force and a reason worth telling, once per code. */
function hold(
  lane: Lane,
  record: RecordView,
  plan: Plan,
  row: Vaccination | undefined,
  nowMs: number,
): Step | undefined {
  const reason = plan.refused?.refused ?? "deferred.budget";
  if (row?.reason === reason) return undefined;
  const next: Vaccination = {
    indicator: record.indicator,
    control: lane.control.name,
    action: "observe",
    statement: "",
    appliedAtMs: nowMs,
    expiresAtMs: 0,
    state: "held",
    proof: "none",
    authority: "automatic",
    ...(row?.blockedAtMs === undefined ? {} : { blockedAtMs: row.blockedAtMs }),
    validUntilMs: record.validUntilMs,
    reason,
  };
  const state = plan.refused === undefined ? "deferred" : "refused";
  const refusal = plan.refused?.reason;
  return {
    next,
    receipts: [{ state, action: "observe", reason }],
    ...(refusal !== undefined && { refusal }),
  };
}

/**
 * The same steps where the control itself cannot take some of what was written: nothing of those is in
 * force, the rest is. Told once, until something of theirs is in force again.
 */
export function withRefused(
  steps: readonly Step[],
  refused: ReadonlyMap<IndicatorId, string>,
  rowOf: (indicator: IndicatorId) => Vaccination | undefined,
): readonly Step[] {
  const reason = "control.verify";
  const planned = new Map(steps.map((step) => [step.next.indicator, step]));
  const others = steps.filter(({ next }) => !refused.has(next.indicator));
  const held = [...refused].flatMap(([indicator, refusal]): readonly Step[] => {
    const row = rowOf(indicator);
    const next = planned.get(indicator)?.next ?? row;
    if (next === undefined || (row?.state === "held" && row.reason === reason)) return [];
    const undone = row?.state === "active" ? [{ state: "undone" as const, action: row.action, reason }] : [];
    return [
      {
        next: { ...next, action: "observe", statement: "", expiresAtMs: 0, state: "held", reason },
        receipts: [...undone, { state: "refused", action: "observe", reason }],
        refusal,
      },
    ];
  });
  return [...others, ...held];
}

/** What a step tells the consortium, at most a receipt per change of state. */
export function receiptsOf(
  control: Control,
  { next, receipts }: Step,
  proof: Vaccination["proof"],
): readonly ReceiptBody[] {
  const isActive = next.state === "active";
  return receipts.map((told) => ({
    indicator: next.indicator,
    control: control.name,
    kind: control.kind,
    ...told,
    proof: isActive ? proof : "none",
    ...(isActive ? { expiresAtMs: next.expiresAtMs } : {}),
  }));
}

/** The same for the plant's own change log: warned, protected, undone, refused, deferred. */
export function changeOf(receipt: ReceiptBody, atMs: number): NewChange {
  const { indicator, control, action, state, reason } = receipt;
  let type: ChangeType = stops(action) ? "protected" : "warned";
  if (state === "undone" || state === "refused" || state === "deferred") type = state;
  return { atMs, type, indicator, control, action, ...(reason === undefined ? {} : { code: reason }) };
}
