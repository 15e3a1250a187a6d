/** Every format's spelling of a time to milliseconds since the epoch, UTC; undefined when it is none. */
import { digitsAt, isDigit, parseEveTime } from "../core/eve-fields.ts";
import { localToUtc } from "./zone.ts";

/** Times after the year 9999 or before 1900 are no times of an alert. */
const EARLIEST_MS = Date.UTC(1900, 0);
const LATEST_MS = Date.UTC(10_000, 0);
/** From here on a number counts milliseconds: as seconds it would be the year 5138. */
const MILLISECONDS_FROM = 1e11;

/** Epoch seconds with a fraction, or milliseconds, or (from 1e17) nanoseconds, as a number or its text. */
export function parseEpoch(value: unknown): number | undefined {
  const number = typeof value === "string" && value.length < 40 && isDecimal(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
  const size = Math.abs(number);
  const ms =
    size >= 1e17
      ? number / 1e6
      : size >= 1e14
        ? number / 1e3
        : size >= MILLISECONDS_FROM
          ? number
          : number * 1000;
  return inRange(Math.floor(ms + 1e-4));
}

/** `-? digits (. digits)?` */
function isDecimal(text: string): boolean {
  let at = text.startsWith("-") ? 1 : 0;
  const whole = at;
  while (isDigit(text, at)) at++;
  if (at === whole || at === text.length) return at > whole;
  const fraction = at + 1;
  if (text[at] !== ".") return false;
  for (at = fraction; isDigit(text, at); ) at++;
  return at > fraction && at === text.length;
}

function inRange(ms: number): number | undefined {
  return ms >= EARLIEST_MS && ms < LATEST_MS ? ms : undefined;
}

/** ISO 8601 with an offset, or without one in `zone`. */
export function parseIso(text: string, zone: string): number | undefined {
  if (text.length > 64) return undefined;
  const stated = parseEveTime(text);
  if (stated !== undefined) return stated;
  const local = parseEveTime(`${text.replace(",", ".")}Z`);
  return local === undefined ? undefined : localToUtc(local, zone);
}

/** Go's `2026-11-24 23:32:35.865088935 +0000 UTC`, with a monotonic reading or not, and RFC 3339. */
export function parseGo(text: string): number | undefined {
  if (text.length > 96) return undefined;
  const match =
    text[10] === " " ? /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) ([+-]\d{4})(?: |$)/.exec(text) : null;
  return match === null ? parseEveTime(text) : parseEveTime(`${match[1]}${match[2]}`);
}

/** A Go duration in ms: `3h59m52.195s`, `-38341h22m`, `1.5h`; undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  const match = text.length > 48 ? null : /^(-?)((?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+)$/.exec(text);
  if (match === null) return text === "0" ? 0 : undefined;
  let ms = 0;
  for (const [, amount, unit] of (match[2] as string).matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g))
    ms += Number(amount) * (UNITS[unit as string] as number);
  return match[1] === "-" ? -ms : ms;
}

const UNITS: { readonly [unit: string]: number } = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** The month of a three-letter English name, 1–12, or 0. */
export function monthOf(name: string): number {
  return MONTHS.indexOf(name.toLowerCase()) + 1;
}

/** A time in `zone` from its parts; undefined when there is no such day or hour. */
export function localTime(
  parts: { readonly year: number; readonly month: number; readonly day: number; readonly clock: string },
  zone: string,
): number | undefined {
  const dayMs = dayOf(parts.year, parts.month, parts.day);
  const clockMs = parseClock(parts.clock);
  return dayMs === undefined || clockMs < 0 ? undefined : localToUtc(dayMs + clockMs, zone);
}

/** The days asked for lately: of an undated line more than one is tried. */
const days = new Map<number, number>();

function dayOf(year: number, month: number, day: number): number | undefined {
  const key = (year * 100 + month) * 100 + day;
  const known = days.get(key);
  if (known !== undefined) return known;
  if (!(year >= 1900 && year < 10_000 && month >= 1 && month <= 12 && day >= 1)) return undefined;
  const ms = Date.UTC(year, month - 1, day);
  if (new Date(ms).getUTCDate() !== day) return undefined;
  if (days.size >= 64) days.clear();
  days.set(key, ms);
  return ms;
}

/** `hh:mm:ss[.fraction]` in ms, rounded down, or −1. 60 seconds are a leap second. */
function parseClock(text: string): number {
  const [hour, minute, second] = [digitsAt(text, 0, 2), digitsAt(text, 3, 2), digitsAt(text, 6, 2)];
  if (text[2] !== ":" || text[5] !== ":" || hour < 0 || minute < 0 || second < 0) return -1;
  if (hour > 23 || minute > 59 || second > 60) return -1;
  const whole = hour * 3_600_000 + minute * 60_000 + second * 1000;
  if (text.length === 8) return whole;
  const places = text.length - 9;
  const fraction = text[8] === "." && places >= 1 && places <= 9 ? digitsAt(text, 9, places) : -1;
  return fraction < 0 ? -1 : whole + Math.floor((fraction * 1000) / 10 ** places);
}

/**
 * The same without a year: the newest that does not lie in the future of `notAfterMs`, with a day's
 * grace for clocks and zones that differ. 29 February is looked for in the last leap year.
 */
export function undatedTime(
  parts: { readonly month: number; readonly day: number; readonly clock: string },
  notAfterMs: number,
  zone: string,
): number | undefined {
  const latest = yearOf(notAfterMs + 86_400_000);
  for (let year = latest; year > latest - 9; year--) {
    const ms = localTime({ ...parts, year }, zone);
    if (ms !== undefined && ms <= notAfterMs + 86_400_000) return ms;
  }
  return undefined;
}

let lastYear = { year: 0, from: 0, to: 0 };

function yearOf(ms: number): number {
  if (ms >= lastYear.from && ms < lastYear.to) return lastYear.year;
  const year = new Date(ms).getUTCFullYear();
  lastYear = { year, from: Date.UTC(year, 0), to: Date.UTC(year + 1, 0) };
  return year;
}
