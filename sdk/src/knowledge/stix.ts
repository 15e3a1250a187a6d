/** STIX 2.1 and 2.0 bundles (OASIS): indicators with what their neighbours say about them. */
import { AnamnesisError, isAnamnesisError } from "../core/errors.ts";
import { parsePattern } from "../core/pattern.ts";
import type { IndicatorKey, Origin, Tlp } from "../core/types.ts";
import { type Knowledge, knowledgeOf, MAX_SOURCE, type Reading, refusal, tlpOf } from "./knowledge.ts";
import { isMembers, listOf, type Members } from "./members.ts";
import { type Reduced, reducePattern } from "./reduce.ts";
import { TLP_IDS } from "./stix-tlp.ts";

/** Pattern types that this project carries, beside STIX's own. */
const OTHER_TYPES: ReadonlySet<string> = new Set([
  "suricata",
  "sigma",
  "yara",
  "snort",
  "x-anamnesis-behaviour",
]);

/** Whether a JSON value is a bundle. */
export function isBundle(value: unknown): value is Members {
  return isMembers(value) && value.type === "bundle";
}

/** Reads a bundle. `nowMs` decides what has expired. Throws `input.invalid` when it is none. */
export function readStix(bundle: unknown, nowMs: number): Knowledge {
  if (!isBundle(bundle) || (bundle.objects !== undefined && !Array.isArray(bundle.objects)))
    throw new AnamnesisError("input.invalid", "a STIX bundle has a list of objects");
  const all = (bundle.objects ?? []) as readonly unknown[];
  const objects = all.filter(isMembers);
  const readings: Reading[] = [];
  if (objects.length < all.length)
    readings.push(refusal("bundle", "malformed", `${all.length - objects.length} of its objects are none`));
  const byId = new Map(objects.map((object) => [String(object.id), object]));
  const around = { byId, indicated: indicatedBy(objects, byId), nowMs };
  for (const object of objects) {
    const isIndicator = object.type === "indicator";
    readings.push(
      isIndicator
        ? readIndicator(object, around)
        : refusal(idOf(object), "not.indicator", `type ${String(object.type)}`),
    );
  }
  return knowledgeOf("stix", readings);
}

interface Surroundings {
  readonly byId: ReadonlyMap<string, Members>;
  /** Relationships and the attack patterns they lead to, by the indicator that `indicates` these. */
  readonly indicated: ReadonlyMap<string, readonly Members[]>;
  readonly nowMs: number;
}

/** The indicator with its author, its markings and, where there is room, what it indicates: a list of objects. */
function sourceOf(object: Members, { byId, indicated }: Surroundings): string | undefined {
  const refs = [object.created_by_ref, ...listOf(object.object_marking_refs)];
  const near = [object, ...refs.map((ref) => byId.get(String(ref))).filter((one) => one !== undefined)];
  const fits = (objects: readonly Members[]) => {
    const text = JSON.stringify(objects);
    return text.length <= MAX_SOURCE ? text : undefined;
  };
  return fits([...near, ...(indicated.get(String(object.id)) ?? [])]) ?? fits(near);
}

function readIndicator(object: Members, around: Surroundings): Reading {
  const id = idOf(object);
  if (object.revoked === true) return refusal(id, "revoked", "its author took it back");
  const validUntilMs = timeOf(object.valid_until);
  if (validUntilMs !== undefined && validUntilMs <= around.nowMs)
    return refusal(id, "expired", `valid until ${String(object.valid_until)}`);
  if (typeof object.pattern !== "string" || object.pattern.trim() === "")
    return refusal(id, "malformed", "an indicator needs a pattern");
  const source = sourceOf(object, around);
  if (source === undefined)
    return refusal(id, "too.large", `its object has more than ${MAX_SOURCE} characters`);
  const { tlp, licence } = markingOf(object, around.byId);
  if (tlp === "red") return refusal(id, "tlp.red", "TLP:RED leaves no room");
  let indicators: readonly Reduced[];
  try {
    indicators = indicatorsOf(
      typeof object.pattern_type === "string" ? object.pattern_type : "stix",
      object.pattern,
    );
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    return refusal(id, "malformed", error.message);
  }
  const author = around.byId.get(String(object.created_by_ref))?.name ?? object.created_by_ref;
  const origin: Origin = {
    format: "stix",
    id,
    ...(typeof author === "string" && { author: author.slice(0, 256) }),
    ...(licence !== undefined && { licence: licence.slice(0, 512) }),
    source,
  };
  const attackIds = new Set([
    ...referencesOf(object),
    ...(around.indicated.get(id) ?? []).flatMap(referencesOf),
  ]);
  return indicators.map(({ key, form }) => ({
    key,
    form,
    name: typeof object.name === "string" && object.name !== "" ? object.name.slice(0, 512) : id,
    confidence: confidenceOf(object.confidence),
    attackIds: [...attackIds].slice(0, 32),
    tlp,
    ...(validUntilMs !== undefined && { validUntilMs }),
    origin,
  }));
}

/** @throws AnamnesisError `input.invalid` for a pattern or a type that is not carried, `entry.malformed` for a behaviour that is none */
function indicatorsOf(type: string, pattern: string): readonly Reduced[] {
  if (type === "stix") return reducePattern(pattern);
  if (!OTHER_TYPES.has(type))
    throw new AnamnesisError(
      "input.invalid",
      `pattern_type ${type} is not one of stix, ${[...OTHER_TYPES].join(", ")}`,
    );
  const key: IndicatorKey = { patternType: type as IndicatorKey["patternType"], pattern: pattern.trim() };
  return [{ key, form: parsePattern(key) ?? null }];
}

/** The strictest of its markings; statements are taken as the licence. Unmarked is TLP:CLEAR in STIX. */
function markingOf(object: Members, byId: ReadonlyMap<string, Members>) {
  const refs = listOf(object.object_marking_refs).map(String);
  const order: readonly (Tlp | "red")[] = ["clear", "green", "amber", "amber+strict", "red"];
  let tlp: Tlp | "red" = "clear";
  let licence: string | undefined;
  for (const ref of refs) {
    const marking = byId.get(ref);
    const definition = isMembers(marking?.definition) ? marking.definition : {};
    const named = typeof definition.tlp === "string" ? tlpOf(definition.tlp) : undefined;
    const light =
      TLP_IDS.get(ref) ?? named ?? (typeof marking?.name === "string" ? tlpOf(marking.name) : undefined);
    if (light !== undefined && order.indexOf(light) > order.indexOf(tlp)) tlp = light;
    if (typeof definition.statement === "string") licence = definition.statement;
  }
  return { tlp, licence };
}

function indicatedBy(
  objects: readonly Members[],
  byId: ReadonlyMap<string, Members>,
): ReadonlyMap<string, readonly Members[]> {
  const found = new Map<string, Members[]>();
  for (const object of objects) {
    if (object.type !== "relationship" || object.relationship_type !== "indicates") continue;
    const target = byId.get(String(object.target_ref));
    if (target?.type !== "attack-pattern") continue;
    const source = String(object.source_ref);
    found.set(source, [...(found.get(source) ?? []), object, target]);
  }
  return found;
}

/** ATT&CK technique ids among an object's references. */
function referencesOf({ external_references }: Members): string[] {
  if (!Array.isArray(external_references)) return [];
  return external_references.filter(isMembers).flatMap(({ source_name, external_id }) => {
    const isAttack = typeof source_name === "string" && /^mitre-(?:ics-|mobile-)?attack$/.test(source_name);
    const isId = typeof external_id === "string" && /^T\d{4}(?:\.\d{3})?$/i.test(external_id);
    return isAttack && isId ? [external_id.toUpperCase()] : [];
  });
}

function confidenceOf(value: unknown): number | null {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 100
    ? (value as number)
    : null;
}

function timeOf(value: unknown): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

const idOf = (object: Members): string =>
  typeof object.id === "string" ? object.id.slice(0, 128) : "without id";
