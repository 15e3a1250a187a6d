/** Times and records in the words of the page. */
import type { IndicatorView } from "../../sdk/src/core/views.ts";

/** 14:03:07 today, with the date on other days. */
export function clock(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  const at = new Date(ms);
  const time = at.toLocaleTimeString([], {
    hour12: false,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString()} ${time}`;
}

/** 3 s, 12 min, 5 h, 2 d. */
export function span(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(Math.max(0, ms))} ms`;
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** The beginning of an id, enough to ask for it. */
export const short = (id: string): string => id.slice(0, 14);

const KINDS: Readonly<Record<string, string>> = {
  "ipv4-addr": "address",
  "ipv6-addr": "address",
  "domain-name": "domain",
  url: "URL",
  file: "file",
  ja3: "TLS client (JA3)",
  ja4: "TLS client (JA4)",
};

/** What a record is about, in words. */
export function about({ form, pattern }: IndicatorView): string {
  if (form === null) return pattern;
  if (form.form === "observable") {
    const { kind, value } = form.observable;
    return `${KINDS[kind] ?? kind} ${value}`;
  }
  const { behaviour } = form;
  const functions = behaviour.functions.join(", ");
  const [actor, target] = behaviour.roles;
  return `${behaviour.protocol} function ${functions} by a ${actor} to a ${target}`;
}

/** The one word for what stands at this plant, or that nothing does. */
export const here = (state: string): string => (state === "none" ? "nothing in force" : state);

/** The tone of a state. */
export function toneOf(state: string): "good" | "watch" | "bad" | "none" {
  if (state === "protected" || state === "attested") return "good";
  if (state === "warned" || state === "watched" || state === "proposed") return "watch";
  return state === "refuted" || state === "alarm" ? "bad" : "none";
}
