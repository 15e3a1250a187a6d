/** One control with what waits for it, and when its turn comes. */
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Control } from "../ports.ts";
import type { Lane, VaccinateOptions } from "./vaccinate-types.ts";

/** A control that may be paced rests this many times as long as its last application took: a tenth of a core at most. */
const REST_FACTOR = 10;

/** The lane of a control before anything was asked of it. */
export function openLane(control: Control, options: VaccinateOptions): Lane {
  const phase = options.phases[control.name] ?? "learning";
  const safety = options.safetyControls?.includes(control.name) ?? false;
  return {
    control,
    view: { name: control.name, level: control.level, phase, safety },
    pending: new Set(),
    renewed: new Set(),
    deferred: new Set(),
    because: new Map(),
    isDirty: false,
    appliedAtMs: Number.NEGATIVE_INFINITY,
    tookMs: 0,
    running: undefined,
    onBatch: [],
    fault: undefined,
  };
}

/** Waits until the control may be written again. A control that takes its time lets the quick ones go first. */
export async function turnOf(
  { control, appliedAtMs, tookMs }: Lane,
  lanes: readonly Lane[],
  clock: Clock,
): Promise<void> {
  if (control.paceMs === undefined) return;
  await Promise.all(
    lanes.flatMap((other) => (other.control.paceMs === undefined ? (other.running ?? []) : [])),
  );
  const paceMs = Math.min(control.paceMs, REST_FACTOR * tookMs);
  const restMs = appliedAtMs + paceMs - clock.monotonicMs();
  if (restMs > 0) await delay(Math.min(restMs, paceMs));
}

/** Resolves when the controls that are written at once have ended the batch they are at. */
export async function warned(lanes: readonly Lane[]): Promise<void> {
  const busy = lanes.filter(({ control, running }) => control.paceMs === undefined && running !== undefined);
  await Promise.all(busy.map((lane) => new Promise<void>((resolve) => lane.onBatch.push(resolve))));
}
