/** Every format there is, and which of them a stream is in. */
import { AnamnesisError } from "../core/errors.ts";
import { cef } from "./cef.ts";
import { crowdsec } from "./crowdsec.ts";
import { ecs } from "./ecs.ts";
import { eve } from "./eve.ts";
import { falco } from "./falco.ts";
import { fastlog } from "./fastlog.ts";
import type { Format, Match, Sample } from "./format.ts";
import { leef } from "./leef.ts";
import { mapping } from "./mapping.ts";
import { own } from "./own.ts";
import { snort3 } from "./snort3.ts";
import { syslog } from "./syslog.ts";
import { tshark } from "./tshark.ts";
import { wazuh } from "./wazuh.ts";
import { zeekJson } from "./zeek-json.ts";
import { zeekTsv } from "./zeek-tsv.ts";

/** All of them; of equal scores the first wins. */
export const FORMATS: readonly Format[] = [
  eve,
  zeekTsv,
  zeekJson,
  snort3,
  fastlog,
  cef,
  leef,
  wazuh,
  crowdsec,
  falco,
  ecs,
  tshark,
  own,
  syslog,
  mapping,
];

/** Names as they stand in plant.yaml. */
export const FORMAT_NAMES: readonly string[] = FORMATS.map(({ name }) => name);

/** A format by its name; throws `input.invalid` for a name that is none. */
export function formatNamed(name: string): Format {
  const format = FORMATS.find((each) => each.name === name);
  if (format === undefined)
    throw new AnamnesisError(
      "input.invalid",
      `${name.slice(0, 60)} is no format; give one of ${FORMAT_NAMES.join(", ")}`,
    );
  return format;
}

/** A format with how well it fits. */
export interface Guess extends Match {
  readonly format: Format;
}

/** The formats that a sample may be in, best first; empty when it is in none. */
export function detectFormats(sample: Sample): readonly Guess[] {
  return FORMATS.map((format) => ({ format, ...format.detect(sample) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
}
