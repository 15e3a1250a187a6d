/** Every engine's scale to 0–100, 100 worst. Scales run both ways; `null` is "the detector gave none". */
import { remember } from "../core/remember.ts";

/** A severity and whether it was beyond its scale. */
export interface Scaled {
  readonly severity: number | null;
  readonly clipped?: boolean;
}

/** Suricata and Snort: priority 1 is worst; 0 and 255 are unset. */
export function byPriority(priority: number): number | null {
  return [null, 90, 60, 30, 10][priority] ?? null;
}

/** Wazuh and OSSEC: rule.level 0–15, 16 for custom rules. */
export function byWazuhLevel(level: number): Scaled {
  return clip((level * 100) / 15, level > 16);
}

const WORDS: ReadonlyMap<string, number> = new Map([
  ["unknown", -1],
  ["informational", 5],
  ["info", 5],
  ["low", 25],
  ["medium", 50],
  ["high", 75],
  ["very-high", 95],
  ["very high", 95],
  ["critical", 95],
]);

/** CEF header 7 and LEEF `sev`: 0–10 or a word. */
export function byTen(text: string | undefined): Scaled {
  return text === undefined ? { severity: null } : scaleOfTen(text);
}

const scaleOfTen = remember((text): Scaled => {
  if (text.trim() === "") return { severity: null };
  const word = WORDS.get(text.trim().toLowerCase());
  if (word !== undefined) return { severity: word < 0 ? null : word };
  const number = /^\s*\d{1,6}(\.\d{1,3})?\s*$/.test(text) ? Number(text) : Number.NaN;
  return Number.isNaN(number) ? { severity: null } : clip(number * 10, number > 10);
});

/** A scale that is 0–100 already. */
export function byHundred(value: unknown): Scaled {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) return { severity: null };
  return clip(value, value > 100);
}

const FALCO: ReadonlyMap<string, number> = new Map([
  ["emergency", 100],
  ["alert", 95],
  ["critical", 90],
  ["error", 75],
  ["warning", 50],
  ["notice", 40],
  ["informational", 20],
  ["info", 20],
  ["debug", 5],
]);

/** Falco's priority words. */
export function byFalco(word: unknown): number | null {
  return typeof word === "string" ? (FALCO.get(word.toLowerCase()) ?? null) : null;
}

/** Syslog's PRI: severity is its lowest three bits, 0 worst (RFC 5424 §6.2.1). */
export function byPri(pri: number): number {
  return Math.round(((7 - (pri & 7)) * 100) / 7);
}

function clip(value: number, clipped: boolean): Scaled {
  const severity = Math.round(Math.min(100, Math.max(0, value)));
  return clipped ? { severity, clipped } : { severity };
}
