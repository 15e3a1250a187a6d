/** A batch of steps put in force at one control: by what changes where it can, else whole. */
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Application, Clock, Control, Verification } from "../ports.ts";
import type { Vaccination } from "../state/vaccinations.ts";
import type { Step } from "./vaccinate-step.ts";
import type { Lane } from "./vaccinate-types.ts";

/** Applies and verifies. `isKnown`: the control holds exactly `before`, as far as it was told. Throws what the control throws. */
export async function putInForce(
  lane: Lane,
  before: ReadonlyMap<IndicatorId, Vaccination>,
  steps: readonly Step[],
  isKnown: boolean,
  clock: Clock,
): Promise<Verification> {
  const { control } = lane;
  const beganMs = clock.monotonicMs();
  const took = () => {
    lane.appliedAtMs = clock.monotonicMs();
    lane.tookMs = lane.appliedAtMs - beganMs;
  };
  if (isKnown && control.change !== undefined) {
    const found = await control.change(changeOf(before, steps));
    took();
    return found;
  }
  return applyWhole(control, inForceAfter(before, steps), took);
}

async function applyWhole(
  control: Control,
  applications: readonly Application[],
  took: () => void,
): Promise<Verification> {
  await control.apply(applications);
  took();
  return control.verify(applications);
}

function changeOf(before: ReadonlyMap<IndicatorId, Vaccination>, steps: readonly Step[]) {
  const put: Application[] = [];
  const gone: IndicatorId[] = [];
  for (const { next } of steps) {
    if (next.state === "active") put.push(next);
    else if (before.has(next.indicator)) gone.push(next.indicator);
  }
  return { put, gone, all: () => inForceAfter(before, steps) };
}

/** What is in force once the steps are taken, in the order in which it came. Mostly something is new, and thousands stay. */
function inForceAfter(
  before: ReadonlyMap<IndicatorId, Vaccination>,
  steps: readonly Step[],
): readonly Vaccination[] {
  const changed = new Map(steps.map(({ next }) => [next.indicator, next]));
  const isMore = steps.every(({ next }) => !before.has(next.indicator));
  const after = isMore ? [...before.values()] : [];
  if (!isMore) {
    for (const [indicator, row] of before) {
      const next = changed.get(indicator);
      if (next === undefined) after.push(row);
      else if (next.state === "active") after.push(next);
    }
  }
  for (const next of changed.values()) {
    if (next.state === "active" && !before.has(next.indicator)) after.push(next);
  }
  return after;
}
