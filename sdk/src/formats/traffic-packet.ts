/** tshark's packets as traffic: requests of industrial protocols, and the opening of TCP connections. */
import { endpointOf } from "../core/direction.ts";
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import { cipRequest, ICS_PORTS, icsRequestNamed } from "../core/ics.ts";
import type { Traffic } from "../core/traffic.ts";
import type { IcsProtocol, IcsRequest } from "../core/types.ts";
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
  ["opcua", "opcua", "opcua.servicenodeid.numeric"],
  ["mqtt", "mqtt", "mqtt.msgtype"],
  ["svcctl", "svcctl", "svcctl.opnum"],
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
  // A response comes from the server's port, and says the same function; services of Windows have no port of their own.
  if (port === undefined) return;
  if (protocol === "svcctl" ? one("dcerpc.pkt_type") !== "0" : ICS_PORTS.get(port) !== protocol) return;
  const requests = protocol === "enip" ? cipRequests(layers) : [icsRequestNamed(protocol, one(field) ?? "")];
  const mac = one("eth.src");
  for (const request of requests)
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

/** Requests that one packet may hold, different ones. */
const MOST_REQUESTS = 32;

/**
 * The CIP requests of a packet: one, one inside another, or a list of them. Each is a node with its service and,
 * in it or below it, the class of its path; the class of a connection's own path stands beside no service.
 */
function cipRequests(layers: JsonRecord): readonly (IcsRequest | undefined)[] {
  const found = new Map<string, IcsRequest | undefined>();
  let open: string | undefined;
  const note = (service: string, object: string): void => {
    if (found.size < MOST_REQUESTS) found.set(`${service} ${object}`, cipRequest(service, object));
  };
  const own = (node: JsonRecord, name: string): readonly string[] => {
    const value = node[`cip.${name}`] ?? node[`cip_cip_${name}`];
    return (Array.isArray(value) ? (value as unknown[]) : [value]).filter((each) => typeof each === "string");
  };
  const visit = (node: unknown, depth: number): void => {
    if (depth > 10) return;
    if (Array.isArray(node)) for (const each of node.slice(0, 64) as unknown[]) visit(each, depth + 1);
    if (!isRecord(node)) return;
    const services = own(node, "service");
    const paths = own(node, "epath").flatMap((path) => classOfPath(path) ?? []);
    const classes = paths.length > 0 ? paths : own(node, "class");
    if (services.length === 0 && open !== undefined && classes[0] !== undefined) {
      note(open, classes[0]);
      open = undefined;
    }
    const isPaired = services.length === classes.length || services.length === 1;
    services.forEach((service, index) => {
      const object = isPaired ? classes[index] : undefined;
      if (object !== undefined) note(service, object);
      else {
        if (open !== undefined) note(open, "");
        open = service;
      }
    });
    for (const each of Object.values(node)) if (typeof each === "object") visit(each, depth + 1);
  };
  visit(layers.cip, 0);
  visit(layers.cipcm, 0);
  if (open !== undefined) note(open, "");
  return [...found.values()];
}

/** The class with which a path of octets as `20:8e:24:01` begins, `0x` digits (ODVA volume 1, appendix C). */
function classOfPath(path: string): string | undefined {
  const [, low, wide, high] = /^(?:20:([0-9a-f]{2})|21:00:([0-9a-f]{2}):([0-9a-f]{2}))/.exec(path) ?? [];
  return low !== undefined ? `0x${low}` : wide !== undefined ? `0x${high}${wide}` : undefined;
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
