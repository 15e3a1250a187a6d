/** One line of Suricata's fast.log or Snort's alert_fast, taken apart without backtracking. */

import { endpointOf } from "../core/direction.ts";
import { remember } from "../core/remember.ts";
import type { Endpoint } from "../core/types.ts";
import { splitEnd } from "./detected.ts";
import { localTime, parseIso, undatedTime } from "./time.ts";

/** What the rule says: the same text in all of its alerts. */
interface FastRule {
  readonly gid: number;
  readonly sid: number;
  readonly rev: number;
  readonly message: string;
  readonly category: string;
  readonly priority: number;
  readonly transport: string;
}

/** The parts of a line. */
export interface FastLine {
  readonly time: string;
  readonly rule: FastRule;
  readonly action: "blocked" | "allowed";
  readonly source: Endpoint | undefined;
  readonly destination: Endpoint | undefined;
}

const PROTOCOLS: { readonly [number: string]: string } = {
  "1": "icmp",
  "6": "tcp",
  "17": "udp",
  "58": "ipv6-icmp",
  "132": "sctp",
};

/**
 * `TIME  [Drop] [**] [gid:sid:rev] MESSAGE [**] [Classification: …] [Priority: n] {PROTO} a:p -> b:p`,
 * or undefined. The message is an attacker's at times: what stands after it is searched from the end.
 */
export function parseFastLine(line: string): FastLine | undefined {
  const open = line.indexOf("[**]");
  if (open < 0 || open > 64 || line.length > 8192) return undefined;
  const close = line.lastIndexOf("[**]");
  const unbrace = line.indexOf("}", Math.max(close, line.lastIndexOf("{")));
  if (unbrace < 0) return undefined;
  const rule = ruleOf(line.slice(open, unbrace));
  if (rule === undefined) return undefined;
  const head = line.slice(0, open).trim();
  const blank = head.search(/\s/);
  const arrow = line.indexOf(" -> ", unbrace);
  return {
    time: blank < 0 ? head : head.slice(0, blank),
    rule,
    action:
      head.includes("[") && /\[(?:Drop|Block)\]|\[drop\]/.test(head) && !head.includes("wDrop")
        ? "blocked"
        : "allowed",
    source: end(arrow < 0 ? line.slice(unbrace + 1) : line.slice(unbrace + 1, arrow)),
    destination: arrow < 0 ? undefined : end(line.slice(arrow + 4)),
  };
}

/** `[**] [gid:sid:rev] MESSAGE [**] [Classification: …] [Priority: n] {PROTO`, or undefined. */
const ruleOf = remember((text): FastRule | undefined => {
  const id = /^\[\*\*\]\s*\[(\d{1,10}):(\d{1,10}):(\d{1,10})\]/.exec(text.slice(0, 64));
  const close = text.lastIndexOf("[**]");
  const brace = text.lastIndexOf("{");
  if (id === null || close <= 0 || brace < close) return undefined;
  const tail = text.slice(close + 4);
  const priority = /\[Priority: (\d{1,3})\]/.exec(tail);
  const protocol = text.slice(brace + 1).toLowerCase();
  return {
    gid: Number(id[1]),
    sid: Number(id[2]),
    rev: Number(id[3]),
    message: text.slice(id[0].length, close).trim(),
    category: /\[Classification: ([^\]]{0,200})\]/.exec(tail)?.[1] ?? "",
    priority: priority === null ? 0 : Number(priority[1]),
    transport: PROTOCOLS[protocol] ?? protocol,
  };
});

function end(text: string): Endpoint | undefined {
  const split = splitEnd(text.trim().slice(0, 100));
  return split === undefined ? undefined : endpointOf(split.address, split.port);
}

/** `MM/DD/YYYY-hh:mm:ss.ffffff`, `YY/MM/DD-…` (Snort with `-y`), `MM/DD-…`, or ISO 8601; local to `zone`. */
export function parseSnortTime(text: string, notAfterMs: number, zone: string): number | undefined {
  const dash = text.indexOf("-");
  const date = dash < 0 ? undefined : dateOf(text.slice(0, dash));
  if (date === undefined) return parseIso(text, zone);
  const { year, month, day } = date;
  const clock = text.slice(dash + 1);
  return year === undefined
    ? undatedTime({ month, day, clock }, notAfterMs, zone)
    : localTime({ year, month, day, clock }, zone);
}

const dateOf = remember((text) => {
  const match = /^(\d\d)\/(\d\d)(?:\/(\d{2}|\d{4}))?$/.exec(text);
  if (match === null) return undefined;
  const [first, second] = [Number(match[1]), Number(match[2])];
  const third = match[3];
  if (third?.length === 2) return { year: 2000 + first, month: second, day: Number(third) };
  return { year: third === undefined ? undefined : Number(third), month: first, day: second };
});
