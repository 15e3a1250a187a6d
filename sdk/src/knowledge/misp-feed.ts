/*
 * A MISP feed: a folder of static files that MISP fetches, or that crosses an air gap on a disk. Events by day;
 * what members took back stays in its event as deleted, so that it goes away there, too.
 */
import { stixId } from "../core/ids.ts";
import { parsePattern } from "../core/pattern.ts";
import type { ObservableKind, PatternType, Tlp } from "../core/types.ts";
import type { KnownIndicator } from "../core/views.ts";
import { isTakenBack } from "./stix-write.ts";

/** Files by their names. */
export type MispFeed = ReadonlyMap<string, string>;

interface Typed {
  readonly type: string;
  readonly category: string;
  readonly value: string;
  readonly to_ids: boolean;
}

const NETWORK = "Network activity";
const BY_KIND: Readonly<Partial<Record<ObservableKind, readonly [type: string, category: string]>>> = {
  "ipv4-addr": ["ip-src", NETWORK],
  "ipv6-addr": ["ip-src", NETWORK],
  "domain-name": ["domain", NETWORK],
  url: ["url", NETWORK],
  file: ["sha256", "Payload delivery"],
  ja3: ["ja3-fingerprint-md5", NETWORK],
};
const BY_TYPE: Readonly<Record<PatternType, readonly [type: string, category: string]>> = {
  stix: ["stix2-pattern", "Payload installation"],
  suricata: ["suricata", NETWORK],
  snort: ["snort", NETWORK],
  sigma: ["sigma", "Payload installation"],
  yara: ["yara", "Payload installation"],
  "x-anamnesis-behaviour": ["text", "Other"],
};
const COLOURS: Readonly<Record<Tlp, string>> = {
  clear: "#ffffff",
  green: "#33ff00",
  amber: "#ffc000",
  "amber+strict": "#ffc000",
};
const LIGHTS: readonly Tlp[] = ["clear", "green", "amber", "amber+strict"];
const ORG = { name: "Anamnesis", uuid: uuidOf("misp/org") };

/**
 * The files of a feed: `manifest.json`, `hashes.csv`, and an event for each day on which an indicator was made.
 * `md5`: 32 lower-case hexadecimal digits of a text, as MISP indexes values.
 */
export function writeMispFeed(known: readonly KnownIndicator[], md5: (text: string) => string): MispFeed {
  const days = Map.groupBy(known, ({ object }) => object.created.slice(0, 10));
  const manifest: Record<string, object> = {};
  const hashes: string[] = [];
  const files = new Map<string, string>();
  for (const [date, ofDay] of [...days].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const uuid = uuidOf(`misp/event/${date}`);
    const timestamp = String(ofDay.reduce((newest, one) => Math.max(newest, secondsOf(one)), 0));
    const tlp = LIGHTS[ofDay.reduce((most, one) => Math.max(most, LIGHTS.indexOf(one.tlp)), 0)] as Tlp;
    const head = {
      info: `Anamnesis: attacks first stated on ${date}`,
      date,
      analysis: "2",
      threat_level_id: "2",
      timestamp,
      Orgc: ORG,
      Tag: [tagOf(tlp)],
    };
    manifest[uuid] = head;
    const attributes = ofDay.map((one) => ({ one, typed: typedOf(one) }));
    for (const { one, typed } of attributes)
      if (!isTakenBack(one.status)) hashes.push(`${md5(typed.value)},${uuid}`);
    const event = {
      ...head,
      uuid,
      published: true,
      publish_timestamp: timestamp,
      Attribute: attributes.map(({ one, typed }) => attributeOf(one, typed)),
    };
    files.set(`${uuid}.json`, `${JSON.stringify({ Event: event })}\n`);
  }
  files.set("hashes.csv", hashes.map((line) => `${line}\n`).join(""));
  files.set("manifest.json", `${JSON.stringify(manifest)}\n`);
  return files;
}

function attributeOf(one: KnownIndicator, typed: Typed): object {
  const { object, tlp, status } = one;
  const techniques = (object.external_references ?? []).map(({ external_id }) => external_id);
  const comment = [object.name, `status ${status}`, ...techniques].join("; ");
  return {
    uuid: object.id.slice("indicator--".length),
    ...typed,
    ...(isTakenBack(status) && { deleted: true, to_ids: false }),
    comment,
    timestamp: String(secondsOf(one)),
    disable_correlation: false,
    Tag: [tagOf(tlp)],
  };
}

function typedOf({ object: { pattern, pattern_type } }: KnownIndicator): Typed {
  const form = parsePattern({ patternType: pattern_type, pattern });
  const kind = form?.form === "observable" ? BY_KIND[form.observable.kind] : undefined;
  const [type, category] = kind ?? BY_TYPE[pattern_type];
  const value = kind !== undefined && form?.form === "observable" ? form.observable.value : pattern;
  return { type, category, value, to_ids: type !== "text" };
}

const tagOf = (tlp: Tlp): object => ({ name: `tlp:${tlp}`, colour: COLOURS[tlp] });
const secondsOf = ({ modifiedMs }: KnownIndicator): number => Math.floor(modifiedMs / 1000);

function uuidOf(name: string): string {
  return stixId("bundle", name).slice("bundle--".length);
}
