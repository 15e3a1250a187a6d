/*
 * The canonical text of an entry in one pass: checked as the schema does, its keys written in their order.
 *
 * It says only what it is certain of. Whatever else there is (another prototype, a key too many, a lone
 * surrogate, a value out of range) is left to the schema and to RFC 8785, which also find the words for it.
 */
import { isHexDigits } from "#platform";
import { actionSchema, patternTypeSchema } from "./schema.ts";

const MAX_MS = 253_402_300_799_999; // year 9999, as in the schema
const TLPS = new Set<unknown>(["clear", "green", "amber", "amber+strict"]);
const ACTIONS = new Set<unknown>(actionSchema.options);
const STATES = new Set<unknown>(["applied", "verified", "undone", "refused", "deferred"]);
const PROOFS = new Set<unknown>(["enforced", "staged", "none"]);
const PATTERN_TYPES = new Set<unknown>(patternTypeSchema.options);

type Members = Readonly<Record<string, unknown>>;

/** Canonical text (RFC 8785) of a well-formed entry, or undefined where only schema and library can tell. */
export function quickEntryText(value: unknown): string | undefined {
  if (!isPlain(value)) return undefined;
  const { at, audience, body, kind, tlp } = value;
  if (!isWhole(at, 0, MAX_MS) || !TLPS.has(tlp) || !isPlain(body)) return undefined;
  const members = audience === undefined ? "" : audienceText(audience);
  const text = bodyText(kind, body);
  if (members === undefined || text === undefined || !hasKeys(value, audience === undefined ? 4 : 5))
    return undefined;
  return `{"at":${digits(at)}${members},"body":${text},"kind":"${kind as string}","tlp":"${tlp as string}"}`;
}

function audienceText(audience: unknown): string | undefined {
  if (!Array.isArray(audience) || audience.length > 256) return undefined;
  let text = "";
  for (const member of audience) {
    if (!isWhole(member, 1, 65_535)) return undefined;
    text += text === "" ? member : `,${member}`;
  }
  return `,"audience":[${text}]`;
}

function bodyText(kind: unknown, body: Members): string | undefined {
  switch (kind) {
    case "sighting":
      return sightingText(body);
    case "receipt":
      return receiptText(body);
    case "attestation":
      return attestationText(body);
    case "content":
      return contentText(body);
    default:
      return undefined;
  }
}

function sightingText(body: Members): string | undefined {
  const { count, firstMs, indicator, lastMs } = body;
  if (!isWhole(count, 1) || !isWhole(firstMs, 0, MAX_MS) || !isWhole(lastMs, 0, MAX_MS)) return undefined;
  if (!isHex(indicator, 32) || !hasKeys(body, 4)) return undefined;
  return `{"count":${count},"firstMs":${digits(firstMs)},"indicator":"${indicator}","lastMs":${digits(lastMs)}}`;
}

function receiptText(body: Members): string | undefined {
  const { action, control, expiresAtMs, indicator, kind, proof, reason, state } = body;
  if (!ACTIONS.has(action) || !PROOFS.has(proof) || !STATES.has(state)) return undefined;
  if (!isText(control, 64) || !isText(kind, 32) || !isHex(indicator, 32)) return undefined;
  let keys = 6;
  let expiry = "";
  if (expiresAtMs !== undefined) {
    if (!isWhole(expiresAtMs, 0, MAX_MS)) return undefined;
    expiry = `,"expiresAtMs":${digits(expiresAtMs)}`;
    keys++;
  }
  let why = "";
  if (reason !== undefined) {
    if (!isText(reason, 256)) return undefined;
    why = `,"reason":${quote(reason)}`;
    keys++;
  }
  if (!hasKeys(body, keys)) return undefined;
  const head = `{"action":"${action as string}","control":${quote(control)}${expiry},"indicator":"${indicator}"`;
  return `${head},"kind":${quote(kind)},"proof":"${proof as string}"${why},"state":"${state as string}"}`;
}

function attestationText(body: Members): string | undefined {
  const { basis, confidence, content, signature, stance, subject, validUntil, version } = body;
  if (!isWhole(basis, 1, 3) || !isWhole(confidence, 0, 100) || !isWhole(stance, 1, 3)) return undefined;
  if (!isWhole(validUntil, 0, 2 ** 40 - 1) || !isWhole(version, 1, 2 ** 48 - 1)) return undefined;
  if ((validUntil === 0) !== (stance !== 1)) return undefined;
  if (!isHex(content, 32) || !isHex(subject, 32) || !isHex(signature, 65) || !hasKeys(body, 8))
    return undefined;
  const head = `{"basis":${basis},"confidence":${confidence},"content":"${content}","signature":"${signature}"`;
  return `${head},"stance":${stance},"subject":"${subject}","validUntil":${digits(validUntil)},"version":${digits(version)}}`;
}

function contentText(body: Members): string | undefined {
  const { indicator, object, result, type } = body;
  if (type === "indicator") {
    const text = indicatorText(object);
    return text === undefined || !hasKeys(body, 2) ? undefined : `{"object":${text},"type":"indicator"}`;
  }
  if (!isHex(indicator, 32) || !hasKeys(body, 3)) return undefined;
  if (type === "response") {
    const text = courseOfActionText(object);
    return text && `{"indicator":"${indicator}","object":${text},"type":"response"}`;
  }
  if (type !== "validation") return undefined;
  const text = resultText(result);
  return text && `{"indicator":"${indicator}","result":${text},"type":"validation"}`;
}

function indicatorText(object: unknown): string | undefined {
  if (!isPlain(object)) return undefined;
  const { created, external_references, id, indicator_types, modified, name } = object;
  const { pattern, pattern_type, spec_version, type, valid_from } = object;
  if (type !== "indicator" || spec_version !== "2.1" || !PATTERN_TYPES.has(pattern_type)) return undefined;
  if (!isText(created, 40) || !isText(modified, 40) || !isText(valid_from, 40)) return undefined;
  if (!isText(id, 64) || !isText(name, 512) || !isText(pattern, 16_384) || pattern === "") return undefined;
  const types = listText(indicator_types, 8, (each) => (isText(each, 64) ? quote(each) : undefined));
  const references =
    external_references === undefined ? "" : listText(external_references, 32, referenceText);
  if (types === undefined || references === undefined) return undefined;
  if (!hasKeys(object, external_references === undefined ? 10 : 11)) return undefined;
  const refers = references && `,"external_references":${references}`;
  return (
    `{"created":${quote(created)}${refers},"id":${quote(id)},"indicator_types":${types}` +
    `,"modified":${quote(modified)},"name":${quote(name)},"pattern":${quote(pattern)}` +
    `,"pattern_type":"${pattern_type as string}","spec_version":"2.1","type":"indicator","valid_from":${quote(valid_from)}}`
  );
}

function referenceText(reference: unknown): string | undefined {
  if (!isPlain(reference)) return undefined;
  const { external_id, source_name } = reference;
  if (!isText(external_id, 64) || !isText(source_name, 64) || !hasKeys(reference, 2)) return undefined;
  return `{"external_id":${quote(external_id)},"source_name":${quote(source_name)}}`;
}

function courseOfActionText(object: unknown): string | undefined {
  if (!isPlain(object)) return undefined;
  const { name, spec_version, type, x_anamnesis_action: action } = object;
  if (type !== "course-of-action" || spec_version !== "2.1" || !ACTIONS.has(action)) return undefined;
  if (!isText(name, 512) || !hasKeys(object, 4)) return undefined;
  return `{"name":${quote(name)},"spec_version":"2.1","type":"course-of-action","x_anamnesis_action":"${action as string}"}`;
}

function resultText(result: unknown): string | undefined {
  if (!isPlain(result)) return undefined;
  const { dataset, events, hits, hours } = result;
  if (!isHex(dataset, 32) || !isWhole(events, 0) || !isWhole(hits, 0) || !hasKeys(result, 4))
    return undefined;
  if (typeof hours !== "number" || !Number.isFinite(hours) || hours < 0) return undefined;
  return `{"dataset":"${dataset}","events":${events},"hits":${hits},"hours":${hours}}`;
}

function listText(
  list: unknown,
  max: number,
  textOf: (value: unknown) => string | undefined,
): string | undefined {
  if (!Array.isArray(list) || list.length > max) return undefined;
  let text = "";
  for (const value of list) {
    const one = textOf(value);
    if (one === undefined) return undefined;
    text += text === "" ? one : `,${one}`;
  }
  return `[${text}]`;
}

/** Made by writing it down or by JSON.parse: JSON sees the members that the checks see. */
function isPlain(value: unknown): value is Members {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** With the names above all present, one more would be a name nobody knows. */
function hasKeys(value: Members, count: number): boolean {
  return Object.keys(value).length === count;
}

function isWhole(value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max && value.isWellFormed();
}

/** A text as JSON; its strings are those of RFC 8785 where no surrogate is alone. */
const quote = (text: string): string => JSON.stringify(text);

function isHex(value: unknown, bytes: number): value is string {
  return (
    typeof value === "string" &&
    value.length === 2 + 2 * bytes &&
    value.startsWith("0x") &&
    isHexDigits(value.slice(2))
  );
}

/** A whole number ≥ 0 in digits. Times are too large for the engine's quick way, their halves are not. */
function digits(value: number): string {
  const millions = Math.floor(value / 1e6);
  return millions === 0 ? `${value}` : `${millions}${String(value - millions * 1e6 + 1e6).slice(1)}`;
}
