/** ArcSight's Common Event Format, bare or in syslog, with the prefixes that vendors write. */
import { accuse, clientByPorts, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import { remember } from "../core/remember.ts";
import { indexSelf } from "../core/self-index.ts";
import type { LineOutcome } from "../core/types.ts";
import { headerFields, keyValues, type Members, memberOf } from "./cef-fields.ts";
import { attackIdsOf, detected, portOf, rejected, type Source } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { lineText, sampleLines } from "./line-text.ts";
import { byTen } from "./severity.ts";
import { parseSyslog, type SyslogLine, unescapeControls } from "./syslog-line.ts";
import { localTime, monthOf, parseEpoch, parseIso } from "./time.ts";

const BEGIN = /^CEF: ?\d\|/;
/** At most a program's name before it: further in, it is somebody's text. */
const PREFIX = /^(?:[\w./-]{1,64}(?:\[\w{1,32}\])?:? )?CEF: ?\d\|/;
/** Behind a header of nobody's kind. */
const FAR_PREFIX = /^(?:[^\s|"'=]{1,64} ){0,8}CEF: ?\d\|/;
/** A header that lost its `CEF:`. */
const BARE = /^\d\|[^|]{1,128}\|[^|]{1,128}\|[^|]{0,128}\|[^|]{1,256}\|/;

/** Common Event Format. */
export const cef: Format = {
  name: "cef",
  title: "CEF (Common Event Format)",
  detect({ head }) {
    const lines = sampleLines(head.slice(0, 65_536));
    const fitting = lines.filter(
      (line) => cefStart(parseSyslog(line, { notAfterMs: 0, zone: "UTC" })) >= 0,
    ).length;
    return fitting === 0
      ? NO_MATCH
      : { score: Math.round(60 + (36 * fitting) / lines.length), why: "lines with CEF:0|vendor|product|" };
  },
  createReader({ detector, zone = "UTC" }) {
    return {
      push: (line, at) => [readCef({ detector, at, text: lineText(line) }, zone)],
      end: () => [],
    };
  },
};

/** Where the CEF header of a message begins, or −1. */
export function cefStart({ message, carried }: Pick<SyslogLine, "message" | "carried">): number {
  if (BEGIN.test(message)) return 0;
  const head = message.slice(0, 1024);
  const found = head.includes("CEF:") ? (carried ? PREFIX : FAR_PREFIX).exec(head) : null;
  if (found !== null) return found[0].search(/CEF: ?\d\|$/);
  return BARE.test(message) ? 0 : -1;
}

/** The outcome of one line that holds a CEF event. */
export function readCef(source: Source, zone: string): LineOutcome {
  const { text, at } = source;
  const carrier: SyslogLine = text.startsWith("CEF:")
    ? { carried: false, message: text }
    : parseSyslog(text, { notAfterMs: at.fileMs ?? at.readAtMs, zone });
  const start = cefStart(carrier);
  if (start < 0) return rejected("line.fields", text);
  const { fields, rest } = headerFields(carrier.message, start, 7);
  if (fields.length < 7) return rejected("line.fields", text);
  const [, vendor, product, , id, name, severity] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const values = keyValues(unescapeControls(rest));
  const get = (key: string) => memberOf(values, key);
  const scaled = byTen(severity);
  const act = get("act") ?? get("deviceAction") ?? "";
  const atMs = timeOf(values, zone) ?? carrier.atMs;
  return detected(
    {
      engine: "cef",
      id: `${vendor}|${product}|${id}`,
      name: name || id,
      category: get("cat") ?? "",
      atMs,
      severity: scaled.severity,
      clipped: scaled.clipped === true,
      action: actionOf(act, name),
      ends: cefEnds(values, source),
      transport: get("proto"),
      appProtocol: appProtocolOf(values),
      attackIds: attackIdsOf(techniques(values)),
    },
    source,
  );
}

function actionOf(act: string, name: string): "allowed" | "blocked" | "unknown" {
  if (act !== "") return actionNamed(act);
  return saysBlocked(name) ? "blocked" : "unknown";
}

const actionNamed = remember((act) => {
  if (/block|drop|den[iy]|reject|prevent|quarantin/i.test(act)) return "blocked";
  return /allow|permit|accept|pass|detect|alert/i.test(act) ? "allowed" : "unknown";
});
const saysBlocked = remember((name) => /\bblocked\b/i.test(name));

/** `src` and `dst` are of the packet, and a mirrored alert has them the other way round; the port says who serves. */
function cefEnds(values: Members, { at }: Source): Ends {
  const get = (key: string, ...others: readonly string[]): string | undefined => {
    const value = memberOf(values, key);
    if (value !== undefined && value !== "") return value;
    const [next, ...rest] = others;
    return next === undefined ? undefined : get(next, ...rest);
  };
  // Radiflow writes one port, the server's, as `pt`.
  const source = endpointOf(get("src", "sourceAddress", "c6a2"), portOf(get("spt", "sourcePort")));
  const destination = endpointOf(
    get("dst", "destinationAddress", "c6a3"),
    portOf(get("dpt", "destinationPort")),
  );
  const self = indexSelf(at.self);
  // A gateway that reports its own address has translated somebody else's.
  const reporter = endpointOf(get("dvc", "UNIFIdeviceIp"));
  if (reporter !== undefined && reporter.address === source?.address) return {};
  const served = portOf(get("pt"));
  if (served !== undefined && source !== undefined && destination !== undefined) {
    const controllers = [
      self.controller(source.address) !== undefined,
      self.controller(destination.address) !== undefined,
    ];
    if (controllers[0] === controllers[1]) {
      // Nothing tells which of the two serves: the server of a mirrored alert must not be accused.
      return nameEnds(source, destination, undefined, self);
    }
    const [client, server] = controllers[0] ? [destination, source] : [source, destination];
    return accuse(client, { ...server, port: served }, client === source, client === source);
  }
  if (source !== undefined && destination === undefined) {
    const direction = get("deviceDirection");
    return direction === "1" || self.isOwn(source.address) ? {} : accuse(source, undefined);
  }
  return nameEnds(source, destination, clientByPorts(source, destination), self);
}

const APP_BY_PORT: { readonly [port: number]: string } = {
  502: "modbus",
  102: "s7comm",
  20000: "dnp3",
  44818: "enip",
  2404: "iec104",
};

function appProtocolOf(values: Members): string | undefined {
  const stated = memberOf(values, "app") ?? memberOf(values, "PtName");
  if (stated !== undefined) return stated;
  const port = portOf(memberOf(values, "dpt") ?? memberOf(values, "pt"));
  return port === undefined ? undefined : APP_BY_PORT[port];
}

/** Values of `csN`, `flexStringN`, … whose label says that they are techniques. */
function techniques(values: Members): readonly string[] {
  const found: string[] = [];
  for (const key of values.keys) {
    if (!key.endsWith("Label") || !isTechnique(memberOf(values, key) as string)) continue;
    const own = memberOf(values, key.slice(0, -5));
    if (own !== undefined) found.push(own);
  }
  return found;
}

const isTechnique = remember((label) => /att&?ck|technique/i.test(label));
const TIME_KEYS: readonly string[] = ["rt", "start", "end", "deviceReceiptTime", "UNIFIutcTime"];

function timeOf(values: Members, zone: string): number | undefined {
  for (const key of TIME_KEYS) {
    const value = memberOf(values, key);
    if (value === undefined) continue;
    const ms =
      parseEpoch(value) ?? parseNamed(value, zone) ?? parseIso(value, key === "UNIFIutcTime" ? "UTC" : zone);
    if (ms !== undefined) return ms;
  }
  return undefined;
}

/** `MMM dd yyyy HH:mm:ss[.SSS] [zzz]`; of zone names only UTC and GMT are one thing everywhere. */
function parseNamed(text: string, zone: string): number | undefined {
  const match =
    /^([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ([A-Za-z]{1,5}|[+-]\d\d:?\d\d))?$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [, month, day, year, clock, named] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string | undefined,
  ];
  const own =
    named === undefined ? zone : /^(?:UTC|GMT|Z)$/.test(named) ? "UTC" : /^[+-]/.test(named) ? named : zone;
  return localTime({ year: Number(year), month: monthOf(month), day: Number(day), clock }, own);
}
