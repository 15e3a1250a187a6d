/** Single fields of Suricata's EVE, each from its own spelling to ours. */
import { icsFromMetadata, icsRequest } from "./ics.ts";
import type { IcsRequest } from "./types.ts";

/** An object as JSON gives it. */
export type JsonRecord = { readonly [key: string]: unknown };

/** Whether a value is a JSON object (no array, no null). */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

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
  const dayMs = parseDay(text);
  const hour = digitsAt(text, 11, 2);
  const minute = digitsAt(text, 14, 2);
  const second = digitsAt(text, 17, 2);
  if (dayMs === undefined || (text[10] !== "T" && text[10] !== " ")) return undefined;
  if (text[13] !== ":" || text[16] !== ":") return undefined;
  // 60 is a leap second: the same instant as the second after it.
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return undefined;

  let at = 19;
  let milliseconds = 0;
  if (text[at] === ".") {
    const start = ++at;
    for (; isDigit(text, at); at++) {
      if (at < start + 3) milliseconds = milliseconds * 10 + text.charCodeAt(at) - 48;
    }
    if (at === start) return undefined;
    for (let missing = start + 3 - at; missing > 0; missing--) milliseconds *= 10;
  }
  const offset = offsetMinutes(text, at);
  if (offset === undefined) return undefined;
  return dayMs + hour * 3_600_000 + minute * 60_000 + second * 1000 + milliseconds - offset * 60_000;
}

/** The last day asked for: the lines of a log are rarely of two. */
let lastDay = { text: "", ms: 0 };

/** Midnight UTC of `YYYY-MM-DD`, or undefined when there is no such day. */
function parseDay(text: string): number | undefined {
  const day = text.slice(0, 10);
  if (day === lastDay.text) return lastDay.ms;
  const [y, m, d] = [digitsAt(day, 0, 4), digitsAt(day, 5, 2), digitsAt(day, 8, 2)];
  if (y < 1 || m < 1 || m > 12 || d < 1 || day[4] !== "-" || day[7] !== "-") return undefined;
  const date = new Date(0);
  date.setUTCFullYear(y, m - 1, d);
  if (date.getUTCDate() !== d) return undefined;
  lastDay = { text: day, ms: date.getTime() };
  return lastDay.ms;
}

function offsetMinutes(text: string, at: number): number | undefined {
  const sign = text[at];
  if (sign === "Z") return text.length === at + 1 ? 0 : undefined;
  if (sign !== "+" && sign !== "-") return undefined;
  const colon = text[at + 3] === ":" ? 1 : 0;
  const hours = digitsAt(text, at + 1, 2);
  const minutes = digitsAt(text, at + 3 + colon, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || text.length !== at + 5 + colon)
    return undefined;
  return (sign === "-" ? -1 : 1) * (hours * 60 + minutes);
}

/** Whether a decimal digit stands at a place of a text. */
export function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** `count` decimal digits from `at` as a number, or −1. */
export function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const code = text.charCodeAt(i);
    if (!(code >= 48 && code <= 57)) return -1;
    value = value * 10 + code - 48;
  }
  return value;
}

const BY_PRIORITY: readonly (number | null)[] = [null, 90, 60, 30, 10];
const BY_WORD: ReadonlyMap<string, number> = new Map([
  ["critical", 90],
  ["major", 60],
  ["minor", 30],
  ["informational", 10],
]);

/** What a rule says about its alerts. */
export interface Assessment {
  /** 0–100, 100 worst; null when the rule gives none. */
  readonly severity: number | null;
  /** ATT&CK technique ids, upper case, each once, in the rule's order. */
  readonly attackIds: readonly string[];
  /** The industrial request that the rule matches, when its author says so. */
  readonly ics?: IcsRequest;
}

/**
 * Severity and ATT&CK techniques of an alert.
 *
 * `alert.severity` counts the other way round (1 is worst, 255 is unset); the rule author's
 * `signature_severity` wins.
 */
export function eveAssessment(alert: JsonRecord): Assessment {
  const stated = assessMetadata(alert.metadata);
  if (stated.severity !== null) return stated;
  const severity = typeof alert.severity === "number" ? (BY_PRIORITY[alert.severity] ?? null) : null;
  return { ...stated, severity };
}

const UNSTATED: Assessment = { severity: null, attackIds: [] };
/** A scanner gives the same object for the same text. */
const assessed = new WeakMap<JsonRecord, Assessment>();

function assessMetadata(metadata: unknown): Assessment {
  if (!isRecord(metadata)) return UNSTATED;
  let assessment = assessed.get(metadata);
  if (assessment === undefined) {
    const word = listOf(metadata.signature_severity)[0];
    const attackIds = new Set<string>();
    for (const value of listOf(metadata.mitre_technique_id)) {
      const id = typeof value === "string" ? value.toUpperCase() : "";
      if (/^T\d{4}(\.\d{3})?$/.test(id)) attackIds.add(id);
    }
    const severity = typeof word === "string" ? (BY_WORD.get(word.toLowerCase()) ?? null) : null;
    const ics = icsFromMetadata(metadata);
    assessment = { severity, attackIds: [...attackIds], ...(ics !== undefined && { ics }) };
    assessed.set(metadata, assessment);
  }
  return assessment;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

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
  const { function_code: name } = request;
  return modbusRequest(request.function_raw ?? (typeof name === "string" ? NAMES[name] : undefined));
}

/** The DNP3 request of an alert by its application function code, or undefined when it shows none. */
export function eveDnp3(dnp3: unknown): IcsRequest | undefined {
  if (!isRecord(dnp3)) return undefined;
  const request = isRecord(dnp3.request) ? dnp3.request : dnp3.type === "response" ? {} : dnp3;
  const code = isRecord(request.application) ? request.application.function_code : undefined;
  return typeof code === "number" ? icsRequest("dnp3", code) : undefined;
}

/** A Modbus request by its function code, or undefined when that is none (1–127). */
export function modbusRequest(raw: unknown): IcsRequest | undefined {
  return typeof raw === "number" ? icsRequest("modbus", raw) : undefined;
}
