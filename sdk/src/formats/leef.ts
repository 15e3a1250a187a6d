/** IBM's Log Event Extended Format 1.0 and 2.0, bare or in syslog. */
import { classifyAddress } from "../core/address.ts";
import { accuse, clientByPorts, endpointOf, nameEnds } from "../core/direction.ts";
import { remember } from "../core/remember.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome } from "../core/types.ts";
import { headerFields, type Members, memberOf } from "./cef-fields.ts";
import { detected, portOf, rejected, type Source } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { lineText, sampleLines } from "./line-text.ts";
import { byTen } from "./severity.ts";
import { parseSyslog, type SyslogLine } from "./syslog-line.ts";
import { localTime, monthOf, parseEpoch, parseIso } from "./time.ts";

/** At most a program's name before it: further in, it is somebody's text. */
const PREFIX = /^(?:[\w./-]{1,64}(?:\[\w{1,32}\])?:? )?LEEF: ?[12]\.0\|/;
const VERSION = /LEEF: ?([12])\.0\|$/;

/** Log Event Extended Format. */
export const leef: Format = {
  name: "leef",
  title: "LEEF (Log Event Extended Format)",
  detect({ head }) {
    const lines = sampleLines(head.slice(0, 65_536));
    const fitting = lines.filter(
      (line) => leefStart(parseSyslog(line, { notAfterMs: 0, zone: "UTC" })) >= 0,
    ).length;
    return fitting === 0
      ? NO_MATCH
      : { score: Math.round(60 + (37 * fitting) / lines.length), why: "lines with LEEF:1.0| or LEEF:2.0|" };
  },
  createReader({ detector, zone = "UTC" }) {
    return {
      push: (line, at) => [readLeef({ detector, at, text: lineText(line) }, zone)],
      end: () => [],
    };
  },
};

/** Where the LEEF header of a message begins, or −1. */
export function leefStart({ message }: Pick<SyslogLine, "message">): number {
  const head = message.slice(0, 256);
  return head.includes("LEEF:") ? (PREFIX.exec(head)?.[0].search(VERSION) ?? -1) : -1;
}

/** The outcome of one line that holds a LEEF event. */
export function readLeef(source: Source, zone: string): LineOutcome {
  const { text, at } = source;
  const carrier: SyslogLine = text.startsWith("LEEF:")
    ? { carried: false, message: text }
    : parseSyslog(text, { notAfterMs: at.fileMs ?? at.readAtMs, zone });
  const { message } = carrier;
  const start = leefStart(carrier);
  if (start < 0) return rejected("line.fields", text);
  const second = message.slice(start, start + 7).includes("2");
  const stated = second ? delimiterOf(headerFields(message, start, 6).fields[5]) : undefined;
  const { fields, rest } = headerFields(message, start, stated === undefined ? 5 : 6);
  if (fields.length < 5) return rejected("line.fields", text);
  const values = attributes(rest, stated ?? "\t");
  const get = (key: string) => memberOf(values, key);
  const [, vendor, product, , id] = fields as [string, string, string, string, string];
  const scaled = byTen(get("sev"));
  return detected(
    {
      engine: "leef",
      id: `${vendor}|${product}|${id}`,
      name: get("eventName") ?? get("name") ?? id,
      category: get("cat") ?? "",
      atMs: timeOf(values, zone) ?? carrier.atMs,
      severity: scaled.severity,
      clipped: scaled.clipped === true,
      action: isBlock(get("action") ?? "") ? "blocked" : "unknown",
      ends: endsOf(values, source),
      transport: get("proto"),
      appProtocol: get("app"),
    },
    source,
  );
}

const isBlock = remember((action) => /block|drop|den[iy]|reject/i.test(action));

function endsOf(values: Members, { at }: Source) {
  const get = (key: string) => memberOf(values, key);
  // Through address translation: who it was before, and whom it reached after.
  const source = translated(values, "srcPreNAT") ?? endpointOf(get("src"), portOf(get("srcPort")));
  const destination = translated(values, "dstPostNAT") ?? endpointOf(get("dst"), portOf(get("dstPort")));
  const self = indexSelf(at.self);
  if (source !== undefined && destination === undefined)
    return self.isOwn(source.address) ? {} : accuse(source, undefined);
  return nameEnds(source, destination, clientByPorts(source, destination), self);
}

/** An end by its translated address; devices that translate nothing write zeros there. */
function translated(values: Members, key: string): Endpoint | undefined {
  const address = memberOf(values, key);
  if (address === undefined) return undefined;
  const end = endpointOf(address, portOf(memberOf(values, `${key}Port`)));
  return end === undefined || classifyAddress(end.address) === "unspecified" ? undefined : end;
}

/** Header field 6 of version 2: a character, `x5E`, `0x5E`, or nothing for a tab. Undefined: there is no such field. */
function delimiterOf(field: string | undefined): string | undefined {
  if (field === undefined) return undefined;
  if (field === "") return "\t";
  const hex = /^(?:0?x)([0-9a-f]{1,4})$/i.exec(field);
  if (hex !== null) return String.fromCharCode(Number.parseInt(hex[1] as string, 16));
  return field.length === 1 ? field : undefined;
}

function attributes(text: string, delimiter: string): Members {
  const keys: string[] = [];
  const values: string[] = [];
  for (const pair of text.split(delimiter, 256)) {
    const equals = pair.indexOf("=");
    const key = equals > 0 ? pair.slice(0, equals).trim() : "";
    if (equals <= 0 || key.length > 64) continue;
    keys.push(key);
    values.push(pair.slice(equals + 1).trim());
  }
  return { keys, values };
}

/** `devTime` in epoch milliseconds, in the usual `MMM dd yyyy HH:mm:ss`, or in the ISO-like forms of `devTimeFormat`. */
function timeOf(values: Members, zone: string): number | undefined {
  const text = memberOf(values, "devTime");
  if (text === undefined) return undefined;
  const epoch = parseEpoch(text);
  if (epoch !== undefined) return epoch;
  const named =
    /^([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ([+-]\d{4}|UTC|GMT))?$/.exec(text);
  if (named === null) return parseIso(text.replace(/ ([+-]\d{4})$/, "$1"), zone);
  const [, month, day, year, clock, own] = named as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  const stated = own === undefined ? zone : own.startsWith("U") || own.startsWith("G") ? "UTC" : own;
  return localTime({ year: Number(year), month: monthOf(month), day: Number(day), clock }, stated);
}
