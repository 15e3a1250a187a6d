/** Suricata's records that are no alerts, as traffic. */
import { endpointOf } from "../core/direction.ts";
import { isRecord, type JsonRecord, parseEveTime } from "../core/eve-fields.ts";
import { canonicalName } from "../core/eve-observables.ts";
import { icsRequest } from "../core/ics.ts";
import type { Traffic } from "../core/traffic.ts";
import type { IcsRequest } from "../core/types.ts";
import { lineText } from "./line-text.ts";

/** States of a TCP flow in which the server never spoke. */
const UNANSWERED: ReadonlySet<unknown> = new Set(["new", "syn_sent"]);

/** Tells of the connection or request in one line; of other lines nothing. */
export function eveTraffic(line: string | Uint8Array, tell: (traffic: Traffic) => void): void {
  let event: unknown;
  try {
    event = JSON.parse(typeof line === "string" ? line : lineText(line));
  } catch {
    return;
  }
  const record = isRecord(event) && event.event_type === undefined ? event.event : event;
  if (!isRecord(record)) return;
  const type = record.event_type;
  if (typeof type !== "string") return;
  if (type !== "flow" && !isRecord(record[type])) return;
  const source = endpointOf(record.src_ip, record.src_port);
  const destination = endpointOf(record.dest_ip, record.dest_port);
  if (source === undefined || destination === undefined) return;
  const flow = isRecord(record.flow) ? record.flow : {};
  const time = type === "flow" && typeof flow.start === "string" ? flow.start : record.timestamp;
  const atMs = typeof time === "string" ? parseEveTime(time) : undefined;
  if (atMs === undefined) return;
  const detail = readDetail(type, record, flow);
  if (detail === undefined) return;
  // Of a response the ends are swapped; ports stay where they are.
  const swapped = type === "dnp3" ? isRecord(record.dnp3) && record.dnp3.type === "response" : false;
  if (swapped) return;
  const transport = typeof record.proto === "string" ? record.proto.toLowerCase() : undefined;
  const mac = isRecord(record.ether) ? macOf(record.ether.src_mac) : undefined;
  tell({
    atMs,
    client: source.address,
    server: destination.address,
    ...(destination.port !== undefined && { port: destination.port }),
    ...(transport !== undefined && { transport }),
    ...(mac !== undefined && { mac }),
    ...detail,
  });
}

type Detail = Pick<Traffic, "protocol" | "request" | "name" | "answered">;

function readDetail(type: string, record: JsonRecord, flow: JsonRecord): Detail | undefined {
  switch (type) {
    case "flow": {
      const protocol = typeof record.app_proto === "string" ? record.app_proto.toLowerCase() : "flow";
      const silent = UNANSWERED.has(flow.state) || flow.pkts_toclient === 0;
      return { protocol: protocol === "failed" ? "flow" : protocol, answered: !silent };
    }
    case "modbus":
      return requestOf("modbus", numberIn(record.modbus, "request", "function_raw"));
    case "dnp3":
      return requestOf("dnp3", numberIn(record.dnp3, "application", "function_code"));
    case "mqtt": {
      const message = Object.keys(record.mqtt as JsonRecord)[0];
      const kind = message === "publish" ? 3 : message === "subscribe" ? 8 : undefined;
      return requestOf("mqtt", kind);
    }
    case "enip":
      return requestOf("enip", numberIn(record.enip, "request", "cip", "service_code"));
    case "dns": {
      const dns = record.dns as JsonRecord;
      if (dns.type === "answer" || dns.type === "response") return undefined;
      const first: unknown = Array.isArray(dns.queries) ? (dns.queries as unknown[])[0] : dns;
      return named("dns", isRecord(first) ? first.rrname : undefined);
    }
    case "http":
      return named("http", (record.http as JsonRecord).hostname);
    case "tls":
      return named("tls", (record.tls as JsonRecord).sni);
    default:
      return undefined;
  }
}

function requestOf(protocol: IcsRequest["protocol"], code: number | undefined): Detail {
  const request = code === undefined ? undefined : icsRequest(protocol, code);
  return { protocol, ...(request !== undefined && { request }) };
}

function named(protocol: string, value: unknown): Detail {
  const name = typeof value === "string" ? canonicalName(value) : undefined;
  return { protocol, ...(name !== undefined && { name }) };
}

function numberIn(value: unknown, ...path: readonly string[]): number | undefined {
  let at = value;
  for (const key of path) at = isRecord(at) ? at[key] : undefined;
  return typeof at === "number" ? at : undefined;
}

function macOf(value: unknown): string | undefined {
  return typeof value === "string" && /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(value)
    ? value.toLowerCase()
    : undefined;
}
