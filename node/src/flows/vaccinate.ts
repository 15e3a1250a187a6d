/**
 * policy → plan → apply → verify → receipt, per control.
 *
 * Each control has a lane. While a lane writes, what arrives waits and is its next batch: one write
 * covers many records, and there is no timer but the pace of controls that are read seldom. A batch is decided, compiled, checked, applied,
 * verified and committed in exactly this order; a crash in between leaves files ahead of the store,
 * and the same decisions are made again at the next start.
 */
import { checkPlan } from "@anamnesis/sdk/check/plan";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { DEFAULT_BUDGET_PER_HOUR, isSelfStale, weaker, wordOf } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorForm, IndicatorId, ReleaseClass, Self } from "@anamnesis/sdk/core/types";
import type { Clock, Control, Log } from "../ports.ts";
import type { RecordView } from "../state/record.ts";
import type { Vaccination, Vaccinations } from "../state/vaccinations.ts";
import { awaitingAt } from "./vaccinate-awaiting.ts";
import { createBlockBudget } from "./vaccinate-budget.ts";
import { watchDrift } from "./vaccinate-drift.ts";
import { putInForce } from "./vaccinate-force.ts";
import { openLane, turnOf, warned } from "./vaccinate-lane.ts";
import { ceilingOf, preview } from "./vaccinate-plan.ts";
import { changeOf, planStep, receiptsOf, type Step, withRefused } from "./vaccinate-step.ts";
import type { ControlState, Lane, Vaccinate, VaccinateOptions, VaccinationState } from "./vaccinate-types.ts";
import { whyOf } from "./vaccinate-why.ts";

export type { ControlState, Vaccinate, VaccinateOptions, VaccinationState } from "./vaccinate-types.ts";

/** A clock that goes back by more has been set, and what it ended may be in force again. */
const CLOCK_STEP_MS = 1000;

/** A ceiling as worked out last. */
interface Ceiling {
  readonly self: Self;
  readonly atMs: number;
  readonly action: ActionClass;
}

/** Permissions end by the clock: a ceiling is worked out again after this, ms. */
const CEILING_MS = 60_000;

/** Joins the flow. Ports: clock, log, the plant's controls, what is in force. */
export function createVaccinate(
  ports: {
    readonly clock: Clock;
    readonly log: Log;
    readonly controls: readonly Control[];
    readonly vaccinations: Vaccinations;
  },
  options: VaccinateOptions,
): Vaccinate {
  const { clock, log, vaccinations } = ports;
  const records = new Map<IndicatorId, RecordView>();
  const ceilings = new WeakMap<IndicatorForm, Map<string, Ceiling>>();
  const budget = createBlockBudget(options.budgetPerHour ?? DEFAULT_BUDGET_PER_HOUR, vaccinations.all());
  const lanes = ports.controls.map((control) => openLane(control, options));
  const drift = watchDrift(vaccinations, clock, log);
  let looking: Promise<unknown> = Promise.resolve();
  let isReconciled = false;
  let lastTick: { readonly nowMs: number; readonly self: Self; readonly isStale: boolean } | undefined;

  function wake(lane: Lane): void {
    if (options.isHeld === true && !isReconciled) return;
    // A turn later, so that records admitted together are one batch.
    lane.running ??= Promise.resolve()
      .then(() => work(lane))
      .finally(() => {
        lane.running = undefined;
        // What arrived between the last look and now must not wait for a tick.
        if (lane.pending.size > 0 && lane.fault === undefined) wake(lane);
      });
  }

  async function work(lane: Lane): Promise<void> {
    do {
      await turnOf(lane, lanes, clock);
      const taken = [...lane.pending];
      const renewed = new Set(lane.renewed);
      lane.pending.clear();
      lane.renewed.clear();
      try {
        await batch(lane, taken, renewed);
        if (lane.fault !== undefined) log.info("control.recovered", { control: lane.control.name });
        lane.fault = undefined;
      } catch (error) {
        for (const indicator of taken) lane.pending.add(indicator);
        for (const indicator of renewed) lane.renewed.add(indicator);
        const fault = isAnamnesisError(error)
          ? error
          : new AnamnesisError("control.io", `${lane.control.name} failed: ${String(error)}`, {
              cause: error,
            });
        if (lane.fault?.message !== fault.message) {
          log.error(fault.code, { control: lane.control.name, message: fault.message });
        }
        lane.fault = fault;
        return; // `tick` tries again
      } finally {
        for (const resolve of lane.onBatch.splice(0)) resolve();
      }
    } while (lane.pending.size > 0);
  }

  async function batch(
    lane: Lane,
    taken: readonly IndicatorId[],
    renewed: ReadonlySet<IndicatorId>,
  ): Promise<void> {
    const { control } = lane;
    const nowMs = clock.nowMs();
    const self = options.self();
    const context = { records, vaccinations, budget, options, isReconciled };
    let steps: readonly Step[] = taken.flatMap(
      (indicator) => planStep(context, lane, indicator, renewed.has(indicator), self, nowMs) ?? [],
    );
    if (steps.length === 0 && !lane.isDirty) return;

    const before = vaccinations.active(control.name);
    const isChanged = steps.some(({ next }) => next.state === "active" || before.has(next.indicator));

    let proof: Vaccination["proof"] = "none";
    if (isChanged || lane.isDirty) {
      const isKnown = !lane.isDirty;
      lane.isDirty = true;
      const found = await putInForce(lane, before, steps, isKnown, clock);
      const missing = found.missing.filter((indicator) => found.refused?.has(indicator) !== true);
      if (missing.length + found.extra.length > 0) {
        const message = `${control.name} holds ${missing.length} too few and ${found.extra.length} too many after writing; look who else writes there`;
        throw new AnamnesisError("control.verify", message, { details: { control: control.name } });
      }
      proof = found.proof;
      if (found.refused !== undefined)
        steps = withRefused(steps, found.refused, (indicator) => vaccinations.get(indicator, control.name));
    }
    const rows = steps.map(({ next }): Vaccination => (next.state === "active" ? { ...next, proof } : next));
    const { ops, settle } = vaccinations.stage(rows);
    const receipts = steps.flatMap((step) => receiptsOf(control, step, proof));
    const verifiedAtMs = clock.nowMs();
    const changes = receipts.map((receipt) => changeOf(receipt, verifiedAtMs));
    if (ops.length > 0) await options.commit(ops, receipts, changes);
    settle();
    lane.isDirty = false;
    for (const { next, refusal } of steps) {
      if (refusal !== undefined)
        log.warn("plan.refused", { control: control.name, indicator: next.indicator, reason: refusal });
    }
    for (const receipt of receipts) log.info(`vaccination.${receipt.state}`, { ...receipt });
  }

  /** The ceiling rests on form, configuration and Self, and hardly on time: worked out once a minute. */
  function ceiling({ control, view }: Lane, form: IndicatorForm, recordClass: ReleaseClass): ActionClass {
    const self = options.self();
    const nowMs = clock.nowMs();
    const held = ceilings.get(form) ?? new Map<string, Ceiling>();
    ceilings.set(form, held);
    const known = held.get(control.name);
    if (known?.self === self && Math.abs(nowMs - known.atMs) < CEILING_MS) return known.action;
    const action = ceilingOf(form, recordClass, control, view, options, self, nowMs);
    held.set(control.name, { self, atMs: nowMs, action });
    return action;
  }

  function stateOf(indicator: IndicatorId): VaccinationState {
    const record = records.get(indicator);
    const controls = lanes.map((lane): ControlState => {
      const { control, view } = lane;
      const row = vaccinations.active(control.name).get(indicator);
      const most = record === undefined ? "observe" : ceiling(lane, record.form, record.class);
      return {
        control: control.name,
        kind: control.kind,
        level: control.level,
        action: row?.action ?? "observe",
        proof: row?.proof ?? "none",
        phase: view.phase,
        ceiling: most,
        because: lane.because.get(indicator) ?? [],
        ...(row === undefined ? {} : { expiresAtMs: row.expiresAtMs }),
      };
    });
    const word = wordOf(
      strongestOf(controls.map(({ action }) => action)),
      strongestOf(controls.map(({ ceiling }) => ceiling)),
    );
    return { word, controls };
  }

  function considerAll(lane: Lane): void {
    for (const indicator of records.keys()) lane.pending.add(indicator);
    for (const indicator of vaccinations.active(lane.control.name).keys()) lane.pending.add(indicator);
  }

  function tick(nowMs: number): void {
    const self = options.self();
    const isStale = isSelfStale(self.confirmedAtMs, nowMs);
    const isAllNew =
      lastTick !== undefined &&
      (nowMs < lastTick.nowMs - CLOCK_STEP_MS || self !== lastTick.self || isStale !== lastTick.isStale);
    const beforeMs = lastTick?.nowMs ?? nowMs;
    lastTick = { nowMs, self, isStale };
    for (const lane of lanes) {
      if (isAllNew) considerAll(lane);
      for (const [indicator, { expiresAtMs }] of vaccinations.active(lane.control.name)) {
        if (nowMs >= expiresAtMs) lane.pending.add(indicator);
      }
      for (const { indicator, control, fromMs } of options.orders?.all() ?? [])
        if (control === lane.control.name && fromMs > beforeMs && fromMs <= nowMs)
          lane.pending.add(indicator);
      for (const indicator of lane.deferred)
        if (budget.left(indicator, nowMs) > 0) lane.pending.add(indicator);
      if (lane.pending.size > 0 || lane.isDirty) wakeAgain(lane);
    }
    if (isReconciled) looking = Promise.all(lanes.map((lane) => drift.look(lane)));
  }

  function wakeAgain(lane: Lane): void {
    if (lane.running === undefined && lane.isDirty && lane.pending.size === 0) considerAll(lane);
    wake(lane);
  }

  async function idle(): Promise<void> {
    for (;;) {
      const running = lanes.flatMap((lane) => lane.running ?? []);
      if (running.length === 0) break;
      await Promise.all(running);
    }
    await looking;
  }

  return {
    consider(record) {
      records.set(record.indicator, record);
      for (const lane of lanes) {
        lane.pending.add(record.indicator);
        wake(lane);
      }
    },
    forget(indicator) {
      records.delete(indicator);
      for (const lane of lanes) {
        lane.pending.add(indicator);
        wake(lane);
      }
    },
    renew(indicator) {
      for (const lane of lanes) {
        lane.renewed.add(indicator);
        lane.pending.add(indicator);
        wake(lane);
      }
    },
    reconsider(name) {
      for (const lane of lanes) {
        if (lane.control.name !== name) continue;
        considerAll(lane);
        wake(lane);
      }
    },
    awaiting: () => lanes.flatMap((lane) => awaitingAt(lane, vaccinations, records, options.self())),
    preview(indicator, name, action) {
      const record = records.get(indicator);
      const lane = lanes.find(({ control }) => control.name === name);
      if (record === undefined || lane === undefined)
        return { refused: "plan.unsupported", reason: "the record or the control is not known here" };
      return preview(lane.control, record.form, action, options.self());
    },
    tick,
    async reconcile(all) {
      for (const record of all) records.set(record.indicator, record);
      isReconciled = true;
      checkPlan([], options.self()); // prepares a large Self before the first attack, not during it
      for (const lane of lanes) {
        await drift.report(lane);
        considerAll(lane);
        lane.isDirty = true;
        wake(lane);
      }
      await idle();
    },
    idle,
    warned: () => warned(lanes),
    stateOf,
    ableTo(form, recordClass) {
      return strongestOf(lanes.map((lane) => ceiling(lane, form, recordClass)));
    },
    why: (value) =>
      whyOf(
        value,
        lanes.map(({ control }) => control),
        vaccinations,
        records,
        options.self(),
      ),
    list: () =>
      lanes
        .flatMap(({ control }) => [...vaccinations.active(control.name).values()])
        .map((row) => ({ ...row, name: records.get(row.indicator)?.name ?? row.indicator })),
    faults: () =>
      Object.fromEntries(
        lanes.flatMap(({ control, fault }) =>
          fault === undefined ? [] : [[control.name, { code: fault.code, message: fault.message }] as const],
        ),
      ),
  };
}

function strongestOf(actions: readonly ActionClass[]): ActionClass {
  return actions.reduce<ActionClass>((best, each) => (weaker(best, each) ? each : best), "observe");
}
