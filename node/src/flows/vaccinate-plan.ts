/** One record on one control: decide → compile → check. Pure; the flow applies what comes out. */

import { checkPlan } from "@anamnesis/sdk/check/plan";
import type { ErrorCode } from "@anamnesis/sdk/core/errors";
import {
  type Approval,
  type ControlView,
  type Decision,
  decide,
  type PolicyReason,
  type StandingChange,
  stops,
  weaker,
} from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorForm, ReleaseClass, Self } from "@anamnesis/sdk/core/types";
import type { Compiled, Control, Refusal } from "../ports.ts";
import type { RecordView } from "../state/record.ts";
import type { Vaccination } from "../state/vaccinations.ts";

/** The plant's signed configuration, as far as vaccination depends on it. */
export interface PlantPolicy {
  readonly standing: readonly StandingChange[];
  readonly requireRecorded?: boolean;
  readonly durationMs?: number;
}

/** What one planning step sees. */
export interface PlanInput {
  readonly record: RecordView;
  readonly control: Control;
  readonly view: ControlView;
  readonly policy: PlantPolicy;
  readonly self: Self;
  readonly approval: Approval | undefined;
  /** An operator's no, and an operator's stop of the control. */
  readonly limit?: ActionClass;
  readonly isStopped?: boolean;
  readonly budgetLeft: number;
  readonly current: Vaccination | undefined;
  readonly nowMs: number;
}

/** What shall be in force, or nothing; and everything that made it less than what was asked. */
export interface Plan {
  readonly want: { readonly compiled: Compiled; readonly decision: Decision } | undefined;
  readonly because: readonly (PolicyReason | ErrorCode)[];
  /** A refusal to tell the consortium about. */
  readonly refused?: Refusal;
}

/** Plans one record on one control. */
export function planOne(input: PlanInput): Plan {
  const { record, control, self, policy, current } = input;
  const decision = decide({
    record: {
      class: record.class,
      ...(record.response === undefined ? {} : { response: record.response.action }),
      indicatorStatus: record.indicatorStatus,
      responseStatus: record.responseStatus,
      recorded: record.recorded,
      validUntilMs: record.validUntilMs,
    },
    control: input.view,
    standing: policy.standing,
    ...(input.approval === undefined ? {} : { approval: input.approval }),
    ...(input.limit === undefined ? {} : { limit: input.limit }),
    isStopped: input.isStopped ?? false,
    selfConfirmedAtMs: self.confirmedAtMs,
    budgetLeft: input.budgetLeft,
    ...(current?.state === "active" ? { current } : {}),
    requireRecorded: policy.requireRecorded ?? false,
    ...(policy.durationMs === undefined ? {} : { durationMs: policy.durationMs }),
    nowMs: input.nowMs,
  });
  if (decision.action === "observe") return { want: undefined, because: decision.because };

  const { compiled, flaw } = compileOnce(control, record.form, decision.action, self);
  if ("refused" in compiled) return refusal(decision, compiled);
  if (!stops(compiled.action)) return wanted(decision, compiled);
  if (flaw === undefined) return wanted(decision, compiled);
  // What must not be blocked may still be watched for.
  const watch = control.compile(record.form, "alert", self);
  if ("refused" in watch || stops(watch.action)) return refusal(decision, flaw);
  return {
    ...wanted({ ...decision, action: "alert" }, watch),
    because: [...decision.because, "plan.self"],
    refused: flaw,
  };
}

/** What a control would be told of a form at an action, or why it would not. */
export function preview(
  control: Control,
  form: IndicatorForm,
  action: ActionClass,
  self: Self,
): Compiled | Refusal {
  const { compiled, flaw } = compileOnce(control, form, action, self);
  return flaw ?? compiled;
}

interface Compilation {
  readonly self: Self;
  readonly compiled: Compiled | Refusal;
  readonly flaw?: Refusal;
}

const compilations = new WeakMap<Control, WeakMap<IndicatorForm, Map<ActionClass, Compilation>>>();

/** Compiles and checks once per action while Self stays: a record is planned at every step of its way. */
function compileOnce(control: Control, form: IndicatorForm, action: ActionClass, self: Self): Compilation {
  const ofControl = compilations.get(control) ?? new WeakMap<IndicatorForm, Map<ActionClass, Compilation>>();
  compilations.set(control, ofControl);
  const ofForm = ofControl.get(form) ?? new Map<ActionClass, Compilation>();
  ofControl.set(form, ofForm);
  const known = ofForm.get(action);
  if (known?.self === self) return known;
  const compiled = control.compile(form, action, self);
  const flaw =
    "refused" in compiled || !stops(compiled.action) ? undefined : planFlaw(action, compiled, self);
  const fresh = { self, compiled, ...(flaw === undefined ? {} : { flaw }) };
  ofForm.set(action, fresh);
  return fresh;
}

function planFlaw(decided: ActionClass, compiled: Compiled, self: Self): Refusal | undefined {
  if (weaker(decided, compiled.action)) {
    return { refused: "plan.self", reason: `compiled to ${compiled.action} where ${decided} was decided` };
  }
  const verdict = checkPlan(compiled.blocks, self);
  return verdict.ok ? undefined : { refused: verdict.code, reason: verdict.reason };
}

function wanted(decision: Decision, compiled: Compiled): Plan {
  const isCapped = weaker(compiled.action, decision.action);
  const because = isCapped ? [...decision.because, "plan.unsupported" as const] : decision.because;
  return { want: { compiled, decision }, because };
}

function refusal(decision: Decision, refused: Refusal): Plan {
  const because = [...decision.because, refused.refused];
  // What a control's language cannot say is no finding about the record.
  return refused.refused === "plan.unsupported"
    ? { want: undefined, because }
    : { want: undefined, because, refused };
}

/**
 * The strongest action a control may ever take on a form under this configuration: decided for an
 * ideal record (attested, recorded, undisputed, within budget), then compiled and checked.
 */
export function ceilingOf(
  form: IndicatorForm | undefined,
  recordClass: ReleaseClass,
  control: Control,
  view: ControlView,
  policy: PlantPolicy,
  self: Self,
  nowMs: number,
): ActionClass {
  const ideal = { name: "attested", disputed: false, supports: 1, witnesses: 1, refutes: 0 } as const;
  const decision = decide({
    record: {
      class: recordClass,
      response: "isolate",
      indicatorStatus: ideal,
      responseStatus: ideal,
      recorded: true,
      validUntilMs: Number.MAX_SAFE_INTEGER,
    },
    control: view,
    standing: policy.standing,
    selfConfirmedAtMs: self.confirmedAtMs,
    budgetLeft: 1,
    nowMs,
  });
  if (decision.action === "observe" || form === undefined) return decision.action;
  const compiled = control.compile(form, decision.action, self);
  if ("refused" in compiled) return "observe";
  if (!stops(compiled.action)) return compiled.action;
  return planFlaw(decision.action, compiled, self) === undefined ? compiled.action : "alert";
}
