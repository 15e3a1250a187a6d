/* Records in the words of an operator. */
import type { IndicatorForm } from "@anamnesis/sdk/core/types";

const KINDS = {
  "ipv4-addr": "address",
  "ipv6-addr": "address",
  "domain-name": "domain",
  url: "URL",
  file: "file",
  ja3: "JA3",
  ja4: "JA4",
} as const;

/** A record in a few words: `address 203.0.113.7`, `Modbus writes (function 6, holding)`. */
export function nameForm(form: IndicatorForm): string {
  if (form.form === "observable") return `${KINDS[form.observable.kind]} ${form.observable.value}`;
  const { behaviour } = form;
  const functions = behaviour.functions.join(", ");
  if (behaviour.protocol === "modbus") return `Modbus writes (function ${functions}, ${behaviour.table})`;
  return `${behaviour.class.replaceAll("-", " ")} (function ${functions})`;
}

/** At most that many characters, the rest as one. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** 4.2 ms, 482 ms, 1.34 s. Two clocks may differ by less than a millisecond: never less than nothing. */
export function formatMs(ms: number): string {
  const some = Math.max(0, ms);
  if (some < 99.95) return `${some.toFixed(1)} ms`;
  return some < 999.5 ? `${some.toFixed(0)} ms` : `${(some / 1000).toFixed(2)} s`;
}
