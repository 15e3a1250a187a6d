/* What the answers of a plant are made from. */
import type { DoctorView, HealthView, PlantApi } from "../api.ts";
import type { Config } from "../config.ts";
import type { Clock, Control, Signer } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import type { Vaccinate } from "./vaccinate-types.ts";

/** What only a running node knows or does. */
export interface Running {
  readonly alarms: () => HealthView["alarms"];
  readonly armed: () => boolean;
  readonly connected: () => readonly Signer["address"][];
  readonly chain: () => Omit<HealthView["chain"], "block" | "recordedHash">;
  readonly ignored: () => Readonly<Record<string, number>>;
  readonly rejected: () => Readonly<Record<string, number>>;
  readonly validation: () => DoctorView["validation"];
  readonly commands: Pick<PlantApi, "release" | "hold" | "attest" | "publish">;
}

/** Ports of the answers. */
export interface AnswerPorts {
  readonly clock: Clock;
  readonly config: Config;
  readonly rooms: Rooms;
  readonly key: Signer["address"];
  readonly controls: readonly Control[];
  readonly vaccinate: Pick<Vaccinate, "ableTo" | "stateOf" | "faults">;
  /** The member account whose signature over the configuration was checked, or null. */
  readonly configSignedBy: () => Signer["address"] | null;
  /** Makes the projection anew beside the one in use. */
  readonly rebuild: PlantApi["rebuild"];
  readonly running?: Running;
}
