/* What the answers of a plant are made from. */
import type { DoctorView, EvidenceSelection, HealthView, PlantApi } from "../api.ts";
import type { Config } from "../config.ts";
import type { Clock, Control, Log, Signer } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import type { AnswerRecords } from "./answer-records.ts";
import type { Archiver } from "./archive.ts";
import type { Exported } from "./archive-types.ts";
import type { OrderCommands } from "./orders.ts";
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
  readonly archive: Archiver["status"];
  readonly commands: Pick<PlantApi, "release" | "hold" | "attest" | "publish" | "propose">;
  readonly orders: OrderCommands;
}

/** Ports of the answers. */
export interface AnswerPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly config: Config;
  readonly rooms: Rooms;
  readonly key: Signer["address"];
  readonly controls: readonly Control[];
  readonly vaccinate: Pick<Vaccinate, "ableTo" | "stateOf" | "faults" | "awaiting">;
  /** The member account whose signature over the configuration was checked, or null. */
  readonly configSignedBy: () => Signer["address"] | null;
  /** Makes the projection anew beside the one in use. */
  readonly rebuild: PlantApi["rebuild"];
  /** Makes a bundle of evidence. */
  exportEvidence(
    selection: EvidenceSelection,
    need: AnswerRecords["need"],
    onStep: (step: string) => void,
  ): Promise<Exported>;
  readonly running?: Running;
}
