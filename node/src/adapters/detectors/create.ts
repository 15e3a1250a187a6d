/** From a detector's setting to the detector that it means. */

import type { Self } from "@anamnesis/sdk/core/types";
import type { BaselineSetting } from "@anamnesis/sdk/formats/baseline";
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import type { Clock, Detector, Log } from "../../ports.ts";
import { createDirectory } from "./directory.ts";
import { createFormattedFile } from "./formatted-file.ts";
import { createListener, type ListenSetting } from "./listen.ts";
import { createMqtt, type MqttSetting } from "./mqtt.ts";

/** A detector as the configuration names it; exactly one of its sources is there. */
export interface DetectorSource {
  readonly name: string;
  readonly format: string;
  readonly zone: string;
  readonly mapping?: Mapping;
  readonly baseline?: BaselineSetting | undefined;
  readonly path?: string | undefined;
  readonly directory?: string | undefined;
  readonly files?: string | undefined;
  readonly listen?: Pick<ListenSetting, "transport" | "host" | "port"> | undefined;
  readonly from: readonly string[];
  readonly framing: ListenSetting["framing"];
  readonly tls?: ListenSetting["tls"] | undefined;
  readonly http?: true | undefined;
  readonly mqtt?: MqttSetting | undefined;
}

/** Creates the detectors; what programs publish over HTTP needs none. */
export function createDetectors(
  settings: readonly DetectorSource[],
  surroundings: {
    readonly clock: Clock;
    readonly log: Log;
    readonly self: () => Self;
    readonly plant: string;
  },
): Detector[] {
  return settings.flatMap((setting) => createDetector(setting, surroundings) ?? []);
}

function createDetector(
  setting: DetectorSource,
  surroundings: {
    readonly clock: Clock;
    readonly log: Log;
    readonly self: () => Self;
    readonly plant: string;
  },
): Detector | undefined {
  const { name, format, zone, mapping, baseline, path, directory, files, listen, mqtt } = setting;
  const options = {
    name,
    format,
    zone,
    ...(mapping !== undefined && { mapping }),
    ...(baseline !== undefined && { baseline }),
    ...surroundings,
  };
  if (path !== undefined) return createFormattedFile({ ...options, path });
  if (directory !== undefined && files !== undefined)
    return createDirectory({ ...options, directory, files });
  if (listen !== undefined) {
    const { from, framing, tls } = setting;
    return createListener(options, { ...listen, from, framing, ...(tls !== undefined && { tls }) });
  }
  return mqtt === undefined
    ? undefined
    : createMqtt(options, mqtt, `anamnesis-${surroundings.plant}-${name}`);
}
