/** tshark's packets as traffic: requests of industrial protocols, and the opening of TCP connections. */
import { endpointOf } from "../core/direction.ts";
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import { ICS_PORTS, icsRequestNamed } from "../core/ics.ts";
import type { Traffic } from "../core/traffic.ts";
import type { IcsProtocol } from "../core/types.ts";
import { portOf } from "./detected.ts";
import { parseEpoch, parseIso } from "./time.ts";

/** The field that says what a request asks for, by the layer it is in. */
const FUNCTIONS: readonly (readonly [layer: string, protocol: IcsProtocol, field: string])[] = [
  ["modbus", "modbus", "modbus.func_code"],
  ["dnp3", "dnp3", "dnp3.al.func"],
  ["s7comm", "s7comm", "s7comm.param.func"],
  ["iec60870_asdu", "iec104", "iec60870_asdu.typeid"],
  ["cip", "enip", "cip.service"],
  ["bacapp", "bacnet", "bacapp.confirmed_service"],
];

/** Tells of the request in one packet; of other packets nothing. */
export function packetTraffic(
  record: JsonRecord,
  layers: JsonRecord | undefined,
  tell: (traffic: Traffic) => void,
): void {
  if (layers === undefined) {
    flatTraffic(record, tell);
    return;
  }
  const values = flatten(layers);
  // Elasticsearch's form of a field begins with its layer once more: ip.src is ip_ip_src.
  const one = (name: string): string | undefined =>
    values.get(name) ?? values.get(`${name.slice(0, name.indexOf("."))}_${name.replaceAll(".", "_")}`);
  const time = one("frame.time_epoch") ?? textIn(record.timestamp);
  const atMs = time === undefined ? undefined : (parseEpoch(time) ?? parseIso(time, "UTC"));
  const port = portOf(one("tcp.dstport") ?? one("udp.dstport"));
  const client = endpointOf(one("ip.src") ?? one("ipv6.src"));
  const server = endpointOf(one("ip.dst") ?? one("ipv6.dst"), port);
  if (atMs === undefined || client === undefined || server === undefined) return;
  const found = FUNCTIONS.find(([layer]) => layer in layers);
  if (found === undefined) return;
  const [, protocol, field] = found;
  // A response comes from the server's port, and says the same function.
  if (port === undefined || ICS_PORTS.get(port) !== protocol) return;
  const request = icsRequestNamed(protocol, one(field) ?? "");
  const mac = one("eth.src");
  tell({
    atMs,
    client: client.address,
    server: server.address,
    port,
    transport: "udp" in layers ? "udp" : "tcp",
    protocol,
    ...(request !== undefined && { request }),
    ...(mac !== undefined && { mac }),
  });
}

/** Fields as objects: ts, src, dst, fc. */
function flatTraffic(record: JsonRecord, tell: (traffic: Traffic) => void): void {
  const time = textIn(record.ts);
  const atMs = time === undefined ? undefined : (parseEpoch(time) ?? parseIso(time, "UTC"));
  const client = endpointOf(record.src);
  const server = endpointOf(record.dst);
  const request = icsRequestNamed("modbus", textIn(record.fc) ?? "");
  if (atMs === undefined || client === undefined || server === undefined || request === undefined) return;
  tell({ atMs, client: client.address, server: server.address, port: 502, protocol: "modbus", request });
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

/** Every field of a packet by its name, the first of equal ones; tshark nests them by layer, and EK underlines them. */
function flatten(layers: JsonRecord): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const visit = (node: unknown, key: string, depth: number): void => {
    if (values.size > 2048 || depth > 8) return;
    if (Array.isArray(node)) for (const each of node.slice(0, 16) as unknown[]) visit(each, key, depth + 1);
    else if (isRecord(node)) for (const [name, each] of Object.entries(node)) visit(each, name, depth + 1);
    else if (typeof node === "string" && !values.has(key)) values.set(key, node);
  };
  visit(layers, "", 0);
  return values;
}
