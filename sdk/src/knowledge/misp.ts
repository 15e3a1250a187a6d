/** MISP events and attributes, as its REST interface and its feeds give them. */
import { AnamnesisError, isAnamnesisError } from "../core/errors.ts";
import type { IndicatorKey, Tlp } from "../core/types.ts";
import { type Knowledge, knowledgeOf, MAX_SOURCE, type Reading, refusal, tlpOf } from "./knowledge.ts";
import { isMembers, type Members, objectsOf, textOf } from "./members.ts";
import { type Reduced, reducePattern } from "./reduce.ts";

/** What an attribute keeps of the event around it: enough to write the event again. */
interface Event {
  readonly kept: Members;
  readonly info: string;
  readonly author?: string;
  readonly tags: readonly string[];
}

/** What names an event; its galaxies say in pages what their tags say in a line. */
const KEPT: readonly string[] = [
  "uuid",
  "info",
  "date",
  "timestamp",
  "threat_level_id",
  "analysis",
  "Org",
  "Orgc",
];

const HASHES: Readonly<Record<string, string>> = {
  md5: "MD5",
  sha1: "'SHA-1'",
  sha256: "'SHA-256'",
  sha512: "'SHA-512'",
};

const RULES: Readonly<Record<string, IndicatorKey["patternType"]>> = {
  snort: "snort",
  yara: "yara",
  sigma: "sigma",
};

/** Whether a JSON value looks like MISP's. */
export function isMisp(value: unknown): boolean {
  return eventsOf(value).some(({ attributes }) => attributes.length > 0);
}

/** Reads events. `nowMs` is not asked: an attribute has no end of its own. Throws `input.invalid` when there is none. */
export function readMisp(value: unknown): Knowledge {
  const events = eventsOf(value);
  if (events.length === 0)
    throw new AnamnesisError("input.invalid", "no MISP event and no attribute is in it");
  return knowledgeOf(
    "misp",
    events.flatMap(({ event, attributes }) => attributes.map((attribute) => readAttribute(attribute, event))),
  );
}

function eventsOf(value: unknown): readonly { event: Event; attributes: readonly Members[] }[] {
  if (Array.isArray(value)) return value.flatMap(eventsOf);
  if (!isMembers(value)) return [];
  if (value.response !== undefined) return eventsOf(value.response);
  const holder = isMembers(value.Event)
    ? value.Event
    : isMembers(value.Object)
      ? { Object: [value.Object] }
      : value;
  const direct = objectsOf(holder.Attribute);
  const nested = objectsOf(holder.Object).flatMap((object) => objectsOf(object.Attribute));
  if (direct.length + nested.length === 0 && holder === value) return [];
  const tags = tagsOf(holder);
  const kept: Members = {
    ...Object.fromEntries(KEPT.flatMap((name) => (name in holder ? [[name, holder[name]]] : []))),
    ...(tags.length > 0 && { Tag: tags.map((name) => ({ name })) }),
  };
  const org = isMembers(holder.Orgc) ? holder.Orgc.name : undefined;
  const event: Event = {
    kept,
    info: textOf(holder.info),
    ...(typeof org === "string" && { author: org.slice(0, 256) }),
    tags,
  };
  return [{ event, attributes: [...direct, ...nested] }];
}

function readAttribute(attribute: Members, event: Event): Reading {
  const type = textOf(attribute.type);
  const value = textOf(attribute.value).trim();
  const id = (textOf(attribute.uuid) || `${type} ${value}`).slice(0, 128);
  if (attribute.deleted === true) return refusal(id, "revoked", "deleted there");
  if (attribute.to_ids !== true && attribute.to_ids !== "1" && attribute.to_ids !== 1)
    return refusal(id, "not.detection", `${type}: to_ids is not set`);
  const tags = [...event.tags, ...tagsOf(attribute)];
  const tlp = tags.map(tlpOf).reduce<Tlp | "red">(stricter, "clear");
  if (tlp === "red") return refusal(id, "tlp.red", "TLP:RED leaves no room");
  const source = JSON.stringify({ Event: event.kept, Attribute: attribute });
  if (source.length > MAX_SOURCE)
    return refusal(id, "too.large", `${source.length} characters, ${MAX_SOURCE} at most`);
  let indicators: readonly Reduced[] | undefined;
  try {
    indicators = indicatorsOf(type, value);
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    return refusal(id, "malformed", error.message);
  }
  if (indicators === undefined) return refusal(id, "not.indicator", `type ${type}`);
  const attackIds = new Set(
    tags.flatMap(
      (tag) => /mitre-attack-pattern=.*?\b(T\d{4}(?:\.\d{3})?)\b/i.exec(tag)?.[1]?.toUpperCase() ?? [],
    ),
  );
  return indicators.map(({ key, form }) => ({
    key,
    form,
    name: ([event.info, textOf(attribute.comment)].filter((text) => text !== "").join(": ") || type).slice(
      0,
      512,
    ),
    confidence: null,
    attackIds: [...attackIds].slice(0, 32),
    tlp,
    origin: { format: "misp", id, ...(event.author !== undefined && { author: event.author }), source },
  }));
}

/** An attribute as STIX patterns; undefined for a type that names nothing to look for. */
function indicatorsOf(type: string, value: string): readonly Reduced[] | undefined {
  const rule = RULES[type];
  if (rule !== undefined) return [{ key: { patternType: rule, pattern: value }, form: null }];
  const [first = "", second = ""] = type.includes("|") ? value.split("|", 2) : [value];
  switch (type) {
    case "ip-src":
    case "ip-dst":
      return reducePattern(`[${addressPath(value)} = ${quoted(value)}]`);
    case "ip-src|port":
    case "ip-dst|port": {
      const end = type.slice(3, 6);
      return reducePattern(
        `[network-traffic:${end}_ref.value = ${quoted(first)} AND network-traffic:${end}_port = ${portOf(second)}]`,
      );
    }
    case "domain":
    case "hostname":
      return reducePattern(`[domain-name:value = ${quoted(value)}]`);
    case "domain|ip":
      return reducePattern(
        `[domain-name:value = ${quoted(first)} AND domain-name:resolves_to_refs[*].value = ${quoted(second)}]`,
      );
    case "url":
      return reducePattern(`[url:value = ${quoted(value)}]`);
    case "filename":
      return reducePattern(`[file:name = ${quoted(value)}]`);
    case "email-src":
      return reducePattern(`[email-message:from_ref.value = ${quoted(value)}]`);
    case "ja3-fingerprint-md5":
      return reducePattern(`[x-ja3:value = ${quoted(value)}]`);
    default:
      return hashes(type, first, second);
  }
}

function hashes(type: string, first: string, second: string): readonly Reduced[] | undefined {
  const [name, algorithm] = type.startsWith("filename|")
    ? [first, type.slice("filename|".length)]
    : ["", type];
  const property = HASHES[algorithm];
  if (property === undefined) return undefined;
  const hash = `file:hashes.${property} = ${quoted(name === "" ? first : second)}`;
  return reducePattern(name === "" ? `[${hash}]` : `[file:name = ${quoted(name)} AND ${hash}]`);
}

/** @throws AnamnesisError `input.invalid` */
function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new AnamnesisError("input.invalid", `${text} is no port`);
  return port;
}

const addressPath = (value: string): string => (value.includes(":") ? "ipv6-addr:value" : "ipv4-addr:value");

/** A text of a STIX pattern. */
export function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function stricter(a: Tlp | "red", b: Tlp | "red" | undefined): Tlp | "red" {
  const order: readonly (Tlp | "red" | undefined)[] = [
    undefined,
    "clear",
    "green",
    "amber",
    "amber+strict",
    "red",
  ];
  return b !== undefined && order.indexOf(b) > order.indexOf(a) ? b : a;
}

function tagsOf(holder: Members): readonly string[] {
  return [
    ...objectsOf(holder.Tag),
    ...objectsOf(holder.Galaxy).flatMap(({ GalaxyCluster }) => objectsOf(GalaxyCluster)),
  ].flatMap(({ name, tag_name }) => [name, tag_name].filter((tag): tag is string => typeof tag === "string"));
}
