import type { Log } from "../ports.ts";
import type { Vaccinations } from "../state/vaccinations.ts";
import type { Lane } from "./vaccinate-types.ts";

/** Says what was found at start that should not be so. */
export async function reportDrift(lane: Lane, vaccinations: Vaccinations, log: Log): Promise<void> {
  const { control } = lane;
  try {
    const { missing, extra } = await control.verify([...vaccinations.active(control.name).values()]);
    if (missing.length + extra.length > 0) {
      log.warn("control.drift", { control: control.name, missing: missing.length, extra: extra.length });
    }
  } catch (error) {
    log.warn("control.drift", { control: control.name, message: String(error) });
  }
}
