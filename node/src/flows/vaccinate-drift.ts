import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Clock, Log } from "../ports.ts";
import type { Vaccinations } from "../state/vaccinations.ts";
import type { Lane } from "./vaccinate-types.ts";

/** How often a control at rest is asked whether it still holds what it should, ms. */
const LOOK_MS = 30_000;

/**
 * Finds out what was changed behind our back, and shows it as the control's fault until a look finds
 * everything as it should be. It is not put right at once: whoever undid something by hand in an
 * emergency must not find it back a moment later. The next change, or a restart, writes everything.
 */
export function watchDrift(vaccinations: Vaccinations, clock: Clock, log: Log) {
  const lookedAtMs = new Map<Lane, number>();
  const shown = new Map<Lane, AnamnesisError>();

  async function find(lane: Lane): Promise<AnamnesisError | undefined> {
    const { control } = lane;
    try {
      const { missing, extra } = await control.verify([...vaccinations.active(control.name).values()]);
      if (missing.length + extra.length === 0) return undefined;
      const message = `${control.name} was changed by somebody else: ${missing.length} are missing and ${extra.length} are too many${extra.length > 0 ? `, as ${extra[0]?.slice(0, 80)}` : ""}; they are put right with the next change or a restart`;
      return new AnamnesisError("control.verify", message, {
        details: { control: control.name, missing: missing.length, extra: extra.length },
      });
    } catch (error) {
      if (isAnamnesisError(error)) return error;
      return new AnamnesisError("control.io", `${control.name} failed: ${String(error)}`, { cause: error });
    }
  }

  /** Says what was found at start that should not be so. */
  async function report(lane: Lane): Promise<void> {
    lookedAtMs.set(lane, clock.monotonicMs());
    const drift = await find(lane);
    if (drift !== undefined)
      log.warn("control.drift", { control: lane.control.name, code: drift.code, message: drift.message });
  }

  /** The same for a control at rest, when it is time. */
  async function look(lane: Lane): Promise<void> {
    const nowMs = clock.monotonicMs();
    if (nowMs - (lookedAtMs.get(lane) ?? Number.NEGATIVE_INFINITY) < LOOK_MS) return;
    lookedAtMs.set(lane, nowMs);
    const before = shown.get(lane);
    if (lane.running !== undefined || lane.isDirty || (lane.fault !== undefined && lane.fault !== before))
      return;
    const drift = await find(lane);
    // Something was written meanwhile: what was found is of the past.
    if (lane.running !== undefined || lane.isDirty) return;
    if (drift !== undefined && drift.message !== before?.message)
      log.warn("control.drift", { control: lane.control.name, code: drift.code, message: drift.message });
    if (drift === undefined && before !== undefined)
      log.info("control.recovered", { control: lane.control.name });
    lane.fault = drift;
    if (drift === undefined) shown.delete(lane);
    else shown.set(lane, drift);
  }

  return { report, look };
}
