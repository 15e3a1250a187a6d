/** One line of Suricata's fast.log or Snort's alert_fast, taken apart without backtracking. */

import { endpointOf } from "../core/direction.ts";
import type { Endpoint } from "../core/types.ts";
import { splitEnd } from "./detected.ts";
import { localTime, parseIso, undatedTime } from "./time.ts";

/** The parts of a line. */
export interface FastLine {
  readonly time: string;
  readonly gid: number;
  readonly sid: number;
  readonly rev: number;
  readonly message: string;
  readonly category: string;
  readonly priority: number;
  readonly action: "blocked" | "allowed";
  readonly transport: string;
  readonly source?: Endpoint;
  readonly destination?: Endpoint;
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
  const id = /^\s*\[(\d{1,10}):(\d{1,10}):(\d{1,10})\]/.exec(line.slice(open + 4, open + 64));
  const close = line.lastIndexOf("[**]");
  if (id === null || close <= open) return undefined;
  const tail = line.slice(close + 4);
  const brace = tail.lastIndexOf("{");
  const unbrace = tail.indexOf("}", brace);
  if (brace < 0 || unbrace < 0) return undefined;
  const [from, to] = tail.slice(unbrace + 1).split(" -> ", 2);
  const priority = /\[Priority: (\d{1,3})\]/.exec(tail);
  const head = line.slice(0, open);
  const protocol = tail.slice(brace + 1, unbrace).toLowerCase();
  const source = end(from);
  const destination = end(to);
  return {
    time: (head.trim().split(/\s/, 1)[0] ?? "").trim(),
    gid: Number(id[1]),
    sid: Number(id[2]),
    rev: Number(id[3]),
    message: line.slice(open + 4 + id[0].length, close).trim(),
    category: /\[Classification: ([^\]]{0,200})\]/.exec(tail)?.[1] ?? "",
    priority: priority === null ? 0 : Number(priority[1]),
    action: /\[(?:Drop|wDrop|Block)\]|\[drop\]/.test(head) && !head.includes("wDrop") ? "blocked" : "allowed",
    transport: PROTOCOLS[protocol] ?? protocol,
    ...(source !== undefined && { source }),
    ...(destination !== undefined && { destination }),
  };
}

function end(text: string | undefined): Endpoint | undefined {
  const split = text === undefined ? undefined : splitEnd(text.trim().slice(0, 100));
  return split === undefined ? undefined : endpointOf(split.address, split.port);
}

/** `MM/DD/YYYY-hh:mm:ss.ffffff`, `YY/MM/DD-…` (Snort with `-y`), `MM/DD-…`, or ISO 8601; local to `zone`. */
export function parseSnortTime(text: string, notAfterMs: number, zone: string): number | undefined {
  const match = /^(\d\d)\/(\d\d)(?:\/(\d{2}|\d{4}))?-(\d\d:\d\d:\d\d(?:\.\d{1,9})?)$/.exec(text);
  if (match === null) return parseIso(text, zone);
  const [, first, second, third, clock] = match as unknown as [
    string,
    string,
    string,
    string | undefined,
    string,
  ];
  if (third === undefined)
    return undatedTime({ month: Number(first), day: Number(second), clock }, notAfterMs, zone);
  const [year, month, day] = third.length === 4 ? [third, first, second] : [`20${first}`, second, third];
  return localTime({ year: Number(year), month: Number(month), day: Number(day), clock }, zone);
}
