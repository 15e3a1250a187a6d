/** ArcSight's Common Event Format, bare or in syslog, with the prefixes that vendors write. */
import { accuse, clientByPorts, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import { indexSelf } from "../core/self-index.ts";
import type { LineOutcome } from "../core/types.ts";
import { headerFields, keyValues } from "./cef-fields.ts";
import { attackIdsOf, detected, portOf, rejected, type Source } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { lineText, sampleLines } from "./line-text.ts";
import { byTen } from "./severity.ts";
import { parseSyslog, type SyslogLine, unescapeControls } from "./syslog-line.ts";
import { localTime, monthOf, parseEpoch, parseIso } from "./time.ts";

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
  const found = (carried ? PREFIX : FAR_PREFIX).exec(message.slice(0, 1024));
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
  const get = (key: string) => values.get(key);
  const scaled = byTen(severity);
  const act = (get("act") ?? get("deviceAction") ?? "").toLowerCase();
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
      attackIds: attackIdsOf(...labelled(values, /att&?ck|technique/i)),
    },
    source,
  );
}

function actionOf(act: string, name: string): "allowed" | "blocked" | "unknown" {
  if (/block|drop|den[iy]|reject|prevent|quarantin/.test(act)) return "blocked";
  if (act !== "") return /allow|permit|accept|pass|detect|alert/.test(act) ? "allowed" : "unknown";
  return /\bblocked\b/i.test(name) ? "blocked" : "unknown";
}

/** `src` and `dst` are of the packet, and a mirrored alert has them the other way round; the port says who serves. */
function cefEnds(values: ReadonlyMap<string, string>, { at }: Source): Ends {
  const get = (...keys: string[]) =>
    keys.map((key) => values.get(key)).find((value) => value !== undefined && value !== "");
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

function appProtocolOf(values: ReadonlyMap<string, string>): string | undefined {
  const stated = values.get("app") ?? values.get("PtName");
  if (stated !== undefined) return stated;
  const port = portOf(values.get("dpt") ?? values.get("pt"));
  return port === undefined ? undefined : APP_BY_PORT[port];
}

/** Values of `csN`, `flexStringN`, … whose label matches. */
function labelled(values: ReadonlyMap<string, string>, label: RegExp): string[] {
  const found: string[] = [];
  for (const [key, value] of values) {
    if (!key.endsWith("Label") || !label.test(value)) continue;
    const own = values.get(key.slice(0, -5));
    if (own !== undefined) found.push(own);
  }
  return found;
}

function timeOf(values: ReadonlyMap<string, string>, zone: string): number | undefined {
  for (const key of ["rt", "start", "end", "deviceReceiptTime", "UNIFIutcTime"]) {
    const value = values.get(key);
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
