/** The carrier of one syslog line: RFC 5424, RFC 3164, and what collectors make of them. */
import { localTime, monthOf, parseIso, undatedTime } from "./time.ts";

/** A line without its carrier. */
export interface SyslogLine {
  /** Facility × 8 + severity, when the line has one. */
  readonly pri?: number;
  /** ms since the epoch; absent when the header has none. */
  readonly atMs?: number;
  /** Whether something like a header was there. */
  readonly carried: boolean;
  readonly host?: string;
  readonly app?: string;
  readonly message: string;
}

/** What undated lines are read by. */
export interface SyslogTimes {
  readonly notAfterMs: number;
  readonly zone: string;
}

/** Takes the header off. A line without one is its own message. Never fails. */
export function parseSyslog(line: string, times: SyslogTimes): SyslogLine {
  let rest = line;
  let pri: number | undefined;
  const lead = /^<(\d{1,3})>/.exec(rest);
  if (lead !== null && Number(lead[1]) <= 191) {
    pri = Number(lead[1]);
    rest = rest.slice(lead[0].length);
    // RFC 5424 asks for one space after the version; some write two.
    const version = /^1 {1,2}(?=\S)/.exec(rest);
    if (version !== null) return parse5424(rest.slice(version[0].length), pri, times);
  }
  const found = parse3164(rest, times);
  return pri === undefined ? found : { ...found, carried: true, pri };
}

function parse5424(text: string, pri: number, times: SyslogTimes): SyslogLine {
  const [time, host, app, , , ...after] = splitWords(text, 6);
  if (after.length === 0) return { pri, carried: true, message: text };
  const rest = after[0] as string;
  const message = rest.slice(structuredDataLength(rest)).replace(/^ ?\ufeff?/, "");
  const atMs = time === "-" ? undefined : parseIso(time as string, times.zone);
  return {
    pri,
    carried: true,
    message,
    ...(atMs !== undefined && { atMs }),
    ...(host !== "-" && host !== undefined && { host }),
    ...(app !== "-" && app !== undefined && { app }),
  };
}

/** The first `count − 1` words, and what follows them. */
function splitWords(text: string, count: number): string[] {
  const words: string[] = [];
  let from = 0;
  while (words.length < count - 1) {
    const blank = text.indexOf(" ", from);
    if (blank < 0) return [...words, text.slice(from)];
    words.push(text.slice(from, blank));
    from = blank + 1;
  }
  return [...words, text.slice(from)];
}

/** Length of `-` or of `[id name="value"]…`; a quote, a backslash and a bracket are escaped inside a value. */
function structuredDataLength(text: string): number {
  if (text.startsWith("-")) return 1;
  let at = 0;
  while (text[at] === "[") {
    let quoted = false;
    for (at++; at < text.length; at++) {
      if (text[at] === "\\" && quoted) at++;
      else if (text[at] === '"') quoted = !quoted;
      else if (text[at] === "]" && !quoted) break;
    }
    at++;
  }
  return Math.min(at, text.length);
}

/** `Jan  1 00:00:01`, `Jan 01 2026 00:00:01`, with a fraction or not. */
const SHORT = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d:\d\d:\d\d(?:\.\d{1,9})?):? /;
/** `2026-01-01T00:00:01.5+01:00`, `2026-01-01 00:00:01,123`. */
const ISO = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?):? /;

function parse3164(text: string, { notAfterMs, zone }: SyslogTimes): SyslogLine {
  // Letters begin the one form and digits the other.
  const isShort = text.charCodeAt(0) >= 0x41;
  const short = isShort ? SHORT.exec(text) : null;
  const iso = isShort ? null : ISO.exec(text);
  const header = short ?? iso;
  if (header === null) return { carried: false, message: text };
  let atMs: number | undefined;
  if (short !== null) {
    const [, month, day, year, clock] = short as unknown as [
      string,
      string,
      string,
      string | undefined,
      string,
    ];
    const parts = { month: monthOf(month), day: Number(day), clock };
    if (parts.month === 0) return { carried: false, message: text };
    atMs =
      year === undefined
        ? undatedTime(parts, notAfterMs, zone)
        : localTime({ ...parts, year: Number(year) }, zone);
  } else atMs = parseIso((iso as RegExpExecArray)[1] as string, zone);
  const rest = text.slice(header[0].length);
  const host = /^([^\s:[\]|=]{1,255}) /.exec(rest);
  const after = host === null ? rest : rest.slice(host[0].length);
  // The tag: a program, its number in brackets, a colon.
  const tag = /^([A-Za-z0-9_./-]{1,64})(?:\[[^\]\s]{1,32}\])?:(?: |$)/.exec(after);
  const time = atMs === undefined ? {} : { atMs };
  if (tag !== null && tag[1] !== "CEF" && tag[1] !== "LEEF") {
    return {
      ...time,
      carried: true,
      ...(host !== null && { host: host[1] as string }),
      app: tag[1] as string,
      message: after.slice(tag[0].length),
    };
  }
  return { ...time, carried: true, ...(host !== null && { host: host[1] as string }), message: after };
}

/** rsyslog's `#ooo` for control characters; one line may hold several events glued with `#012`. */
export function unescapeControls(text: string): string {
  return text.includes("#0")
    ? text.replace(/#0([0-3][0-7])/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text;
}
