/** Single fields of Suricata's EVE, each from its own spelling to ours. */
import type { IcsRequest } from "./types.ts";

/** An object as JSON gives it. */
export type JsonRecord = { readonly [key: string]: unknown };

/** Whether a value is a JSON object (no array, no null). */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Milliseconds since the epoch of an EVE timestamp, rounded down, or undefined when it is none.
 *
 * `YYYY-MM-DDThh:mm:ss[.fraction]` and an offset `Z`, `±hhmm` or `±hh:mm`. The offset is the
 * sensor's and is honoured; text without one says no instant and is refused. `-0000` is UTC (RFC 3339 §4.3).
 *
 * @example
 * parseEveTime("2026-03-01T05:00:00.123456-0500") // 1772359200123
 */
export function parseEveTime(text: string): number | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (DAYS[month - 1] as number)) return undefined;
  // 60 is a leap second: the same instant as the second after it.
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return undefined;
  if (text[4] !== "-" || text[7] !== "-" || text[13] !== ":" || text[16] !== ":") return undefined;
  if (text[10] !== "T" && text[10] !== " ") return undefined;

  let at = 19;
  let milliseconds = 0;
  if (text[at] === ".") {
    const start = ++at;
    while (isDigit(text, at)) at++;
    if (at === start) return undefined;
    milliseconds = Number(text.slice(start, Math.min(at, start + 3)).padEnd(3, "0"));
  }
  const offset = offsetMinutes(text, at);
  if (offset === undefined) return undefined;
  if (day > 28 && new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second) + milliseconds - offset * 60_000;
}

function offsetMinutes(text: string, at: number): number | undefined {
  const sign = text[at];
  if (sign === "Z") return text.length === at + 1 ? 0 : undefined;
  if (sign !== "+" && sign !== "-") return undefined;
  const colon = text[at + 3] === ":" ? 1 : 0;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 3 + colon, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || text.length !== at + 5 + colon)
    return undefined;
  return (sign === "-" ? -1 : 1) * (hours * 60 + minutes);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** `count` decimal digits from `at` as a number, or −1. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const code = text.charCodeAt(i);
    if (!(code >= 48 && code <= 57)) return -1;
    value = value * 10 + code - 48;
  }
  return value;
}

const BY_PRIORITY: readonly (number | null)[] = [null, 90, 60, 30, 10];
const BY_WORD: { readonly [word: string]: number } = {
  critical: 90,
  major: 60,
  minor: 30,
  informational: 10,
};

/**
 * Severity 0–100, 100 worst, or null when the rule gives none.
 *
 * `alert.severity` counts the other way round (1 is worst, 255 is unset); the rule author's
 * `signature_severity` wins.
 */
export function eveSeverity(alert: JsonRecord): number | null {
  const word = firstText(alert, "signature_severity");
  const stated = word === undefined ? undefined : BY_WORD[word.toLowerCase()];
  if (stated !== undefined) return stated;
  return typeof alert.severity === "number" ? (BY_PRIORITY[alert.severity] ?? null) : null;
}

/** ATT&CK technique ids of the rule's metadata, upper case, each once, in the rule's order. */
export function eveAttackIds(alert: JsonRecord): readonly string[] {
  const ids: string[] = [];
  for (const value of metadata(alert, "mitre_technique_id")) {
    if (typeof value !== "string") continue;
    const id = value.toUpperCase();
    if (/^T\d{4}(\.\d{3})?$/.test(id) && !ids.includes(id)) ids.push(id);
  }
  return ids;
}

function firstText(alert: JsonRecord, key: string): string | undefined {
  const value = metadata(alert, key)[0];
  return typeof value === "string" ? value : undefined;
}

function metadata(alert: JsonRecord, key: string): readonly unknown[] {
  const value = isRecord(alert.metadata) ? alert.metadata[key] : undefined;
  return Array.isArray(value) ? value : typeof value === "string" ? [value] : [];
}

type Table = IcsRequest["table"];

/** What each public function does (Modbus Application Protocol 1.1b3 §6); the sensor's words may differ, this does not. */
const FUNCTIONS: { readonly [code: number]: readonly [access: IcsRequest["access"], table: Table] } = {
  1: ["read", "coil"],
  2: ["read", "discrete"],
  3: ["read", "holding"],
  4: ["read", "input"],
  5: ["write", "coil"],
  6: ["write", "holding"],
  15: ["write", "coil"],
  16: ["write", "holding"],
  20: ["read", "none"],
  21: ["write", "none"],
  22: ["write", "holding"],
  23: ["write", "holding"],
  24: ["read", "holding"],
};

/** Suricata's names, for records without `function_raw`. */
const NAMES: { readonly [name: string]: number } = {
  RdCoils: 1,
  RdDiscreteInputs: 2,
  RdHoldRegs: 3,
  RdInputRegs: 4,
  WrSingleCoil: 5,
  WrSingleReg: 6,
  WrMultCoils: 15,
  WrMultRegs: 16,
  RdFileRec: 20,
  WrFileRec: 21,
  MaskWrReg: 22,
  RdWrMultRegs: 23,
  RdFIFOQueue: 24,
};

/** The Modbus request of an alert, or undefined when it names no function (1–127). */
export function eveModbus(modbus: unknown): IcsRequest | undefined {
  const request = isRecord(modbus) ? modbus.request : undefined;
  if (!isRecord(request)) return undefined;
  const raw = request.function_raw ?? NAMES[String(request.function_code)];
  if (typeof raw !== "number" || !Number.isInteger(raw) || raw < 1 || raw > 127) return undefined;
  const known = FUNCTIONS[raw];
  return {
    protocol: "modbus",
    function: raw,
    access: known?.[0] ?? "other",
    table: known?.[1] ?? "none",
  };
}
