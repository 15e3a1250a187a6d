/* What a client asks for (TAXII 2.1 §3.4, §3.5, §5.4): filters and pages. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** A checked query of a list of objects. */
export interface ObjectsQuery {
  /** Added after this time, µs since the epoch. */
  readonly afterUs: number;
  readonly limit: number;
  readonly ids?: readonly string[];
  readonly types?: readonly string[];
  /** Versions named by their times, ms since the epoch; absent: the newest, which is the only one kept. */
  readonly versionsMs?: readonly number[];
  /** False when none of the specification's versions asked for is ours. */
  readonly isOurs: boolean;
}

/** Objects of one page. */
export const PAGE = 1000;
const MAX_VALUES = 1000;
const KNOWN = [
  "added_after",
  "limit",
  "next",
  "match[id]",
  "match[type]",
  "match[version]",
  "match[spec_version]",
];

/** Reads a query. Throws `input.invalid` for what is not described. */
export function parseQuery(query: URLSearchParams): ObjectsQuery {
  for (const name of query.keys())
    if (!KNOWN.includes(name))
      throw new AnamnesisError("input.invalid", `${name} is no filter here; there are ${KNOWN.join(", ")}`);
  const addedAfter = query.get("added_after");
  const next = query.get("next");
  const ids = listOf(query, "match[id]");
  const types = listOf(query, "match[type]");
  const versions = listOf(query, "match[version]")?.filter((word) => !/^(?:first|last|all)$/.test(word));
  const specs = listOf(query, "match[spec_version]");
  const named = (listOf(query, "match[version]")?.length ?? 0) === (versions?.length ?? 0);
  return {
    afterUs: Math.max(
      addedAfter === null ? 0 : parseTime(addedAfter, "added_after"),
      next === null ? 0 : parseNext(next),
    ),
    limit: parseLimit(query.get("limit")),
    ...(ids !== undefined && { ids }),
    ...(types !== undefined && { types }),
    ...(versions !== undefined &&
      named && { versionsMs: versions.map((text) => Math.floor(parseTime(text, "match[version]") / 1000)) }),
    isOurs: specs?.includes("2.1") ?? true,
  };
}

/** Where the page after an object begins. */
export const nextAfter = (addedUs: number): string => addedUs.toString(36);

/** A time as TAXII writes it, with microseconds. */
export function writeTime(us: number): string {
  const text = new Date(Math.floor(us / 1000)).toISOString();
  return `${text.slice(0, -1)}${(us % 1000).toString().padStart(3, "0")}Z`;
}

function parseTime(text: string, name: string): number {
  const [, whole, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  const ms = Date.parse(`${whole}Z`);
  if (whole === undefined || Number.isNaN(ms))
    throw new AnamnesisError(
      "input.invalid",
      `${name} is ${cut(text)}; give a time as 2026-11-25T12:00:00.000000Z`,
    );
  return ms * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

function parseNext(text: string): number {
  const us = /^[0-9a-z]{1,11}$/.test(text) ? Number.parseInt(text, 36) : Number.NaN;
  if (Number.isSafeInteger(us)) return us;
  throw new AnamnesisError("input.invalid", `next is ${cut(text)}; send what the last page gave`);
}

function parseLimit(text: string | null): number {
  if (text === null) return PAGE;
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Math.min(Number(text), PAGE);
  throw new AnamnesisError("input.invalid", `limit is ${cut(text)}; give a whole number from 1`);
}

function listOf(query: URLSearchParams, name: string): readonly string[] | undefined {
  if (!query.has(name)) return undefined;
  const values = query.getAll(name).flatMap((text) => text.split(","));
  if (values.length > MAX_VALUES)
    throw new AnamnesisError("input.invalid", `${name} has ${values.length} values, ${MAX_VALUES} at most`);
  return values;
}

const cut = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 80);
