/** MISP warninglists as they are published (list.json): values that are no sign of an attack. */
import { spanOf } from "./address.ts";
import { AnamnesisError, isAnamnesisError } from "./errors.ts";
import { compileSafeRegex } from "./safe-regex.ts";
import type { ObservableKind } from "./types.ts";
import type { Warninglist, WarninglistScope, WarninglistType } from "./warninglist-types.ts";

/** Bounds: bytes of a file, entries of a list; entries that each value is tried against, one by one. */
export const WARNINGLIST_LIMITS = { bytes: 64 << 20, entries: 1_100_000, slowEntries: 2_000 } as const;

const TYPES: readonly string[] = ["cidr", "hostname", "string", "substring", "regex"];

const SCOPES: readonly (readonly [RegExp, WarninglistScope])[] = [
  [/^ip-(?:src|dst)\b|^domain\|ip$/, "address"],
  [/^(?:domain|hostname)\b/, "name"],
  [/^(?:url|uri|link)$/, "url"],
  [/(?:^|\|)sha256$/, "file"],
  [/^ja3-fingerprint-md5$/, "ja3"],
  [/^ja4/, "ja4"],
];

const ALL_SCOPES: readonly WarninglistScope[] = ["address", "name", "url", "file", "ja3", "ja4"];

/** The scope that an observable of a kind is looked up in. */
export function scopeOf(kind: ObservableKind): WarninglistScope {
  if (kind === "ipv4-addr" || kind === "ipv6-addr") return "address";
  return kind === "domain-name" ? "name" : kind;
}

/**
 * Reads a list.json of MISP.
 *
 * A list without `matching_attributes` is about everything. Throws `config.invalid` with one line
 * that names the file, the entry (counted from 1) and what is expected.
 */
export function parseWarninglist(text: string, file: string): Warninglist {
  const fail = (what: string): never => {
    throw new AnamnesisError("config.invalid", `${file}: ${what}`);
  };
  if (text.length > WARNINGLIST_LIMITS.bytes) return fail(`is larger than ${WARNINGLIST_LIMITS.bytes} bytes`);
  const read = parseJson(text, fail);
  const { name, type, version, list, matching_attributes: attributes = [] } = read;
  if (typeof name !== "string" || name === "" || name.length > 500) return fail("name: expected a text");
  if (typeof type !== "string" || !TYPES.includes(type))
    return fail(`type: expected ${TYPES.join(", ")}, not ${JSON.stringify(type)?.slice(0, 40)}`);
  if (!Array.isArray(list)) return fail("list: expected a list of texts");
  if (list.length > WARNINGLIST_LIMITS.entries)
    return fail(`list: ${list.length} entries, at most ${WARNINGLIST_LIMITS.entries} are taken`);
  if ((type === "substring" || type === "regex") && list.length > WARNINGLIST_LIMITS.slowEntries)
    return fail(
      `list: ${list.length} entries, at most ${WARNINGLIST_LIMITS.slowEntries} of type ${type} are taken`,
    );
  if (!Array.isArray(attributes) || attributes.some((one) => typeof one !== "string"))
    return fail("matching_attributes: expected a list of texts");
  const entries = (list as readonly unknown[]).map((entry, i) => {
    const flaw = entryFlaw(entry, type as WarninglistType);
    return flaw === undefined ? (entry as string).trim() : fail(`entry ${i + 1}: ${flaw}`);
  });
  const scopes = new Set(
    attributes.length === 0
      ? ALL_SCOPES
      : (attributes as readonly string[]).flatMap((one) =>
          SCOPES.filter(([shape]) => shape.test(one)).map(([, scope]) => scope),
        ),
  );
  return {
    name,
    file,
    type: type as WarninglistType,
    version: typeof version === "number" && Number.isFinite(version) ? version : 0,
    scopes,
    entries,
  };
}

function parseJson(text: string, fail: (what: string) => never): Record<string, unknown> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return fail("is not JSON; expected a list.json of MISP");
  }
  if (typeof read !== "object" || read === null || Array.isArray(read))
    return fail("expected a list.json of MISP: an object with name, type and list");
  return read as Record<string, unknown>;
}

function entryFlaw(entry: unknown, type: WarninglistType): string | undefined {
  if (typeof entry !== "string") return "expected a text";
  const value = entry.trim();
  if (value === "" || value.length > 2048) return "expected 1 to 2048 characters";
  const shown = JSON.stringify(value.slice(0, 60));
  if (type === "substring" && value.length < 3) return `${shown} is in nearly every value`;
  try {
    if (type === "regex") compileSafeRegex(value);
    else if (type === "cidr") spanOf(value);
    return undefined;
  } catch (error) {
    if (isAnamnesisError(error)) return error.message;
    throw error;
  }
}
