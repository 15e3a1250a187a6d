/** Zeek's logs of connections and of protocols, as traffic. */
import { endpointOf } from "../core/direction.ts";
import { canonicalName } from "../core/eve-observables.ts";
import { cipRequest, icsRequest, icsRequestNamed } from "../core/ics.ts";
import type { Traffic } from "../core/traffic.ts";
import type { IcsProtocol, IcsRequest } from "../core/types.ts";
import { portOf } from "./detected.ts";
import { timeOf, type ZeekRecord } from "./zeek-record.ts";

/** States of a connection in which the responder never spoke (Zeek's `conn_state`). */
const UNANSWERED: ReadonlySet<unknown> = new Set(["S0", "REJ", "SH", "RSTOS0"]);

/** Tells of the connection or request in one record; of other logs, of responses and of undated records nothing. */
export function zeekTraffic(log: string, record: ZeekRecord, tell: (traffic: Traffic) => void): void {
  const read = LOGS[log];
  if (read === undefined) return;
  const client = endpointOf(record.text("id.orig_h"));
  const server = endpointOf(record.text("id.resp_h"), portOf(record.text("id.resp_p")));
  const atMs = timeOf(record);
  if (client === undefined || server === undefined || atMs === undefined || atMs === null) return;
  const detail = read(record);
  if (detail === undefined) return;
  const transport = record.text("proto") ?? TRANSPORT[detail.protocol];
  const mac = record.text("orig_l2_addr");
  tell({
    atMs,
    client: client.address,
    server: server.address,
    ...(server.port !== undefined && { port: server.port }),
    ...(transport !== undefined && { transport }),
    ...(mac !== undefined && /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(mac) && { mac: mac.toLowerCase() }),
    ...detail,
  });
}

type Detail = Pick<Traffic, "protocol" | "request" | "name" | "answered">;

const TRANSPORT: Readonly<Record<string, string>> = { modbus: "tcp", s7comm: "tcp", http: "tcp", tls: "tcp" };

const LOGS: Readonly<Record<string, (record: ZeekRecord) => Detail | undefined>> = {
  conn: (record) => ({
    protocol: serviceOf(record.text("service")),
    answered: !UNANSWERED.has(record.text("conn_state")),
  }),
  // Without pdu_type (Zeek before 5.1) a row is a request, or an exception as a name of its own.
  modbus: (record) => {
    const name = record.text("func") ?? "";
    if (record.text("pdu_type") === "RESP" || name.endsWith("_EXCEPTION")) return undefined;
    return requestOf("modbus", icsRequestNamed("modbus", name));
  },
  dnp3: (record) => {
    const name = record.text("fc_request");
    return name === undefined ? undefined : requestOf("dnp3", icsRequestNamed("dnp3", name));
  },
  s7comm: (record) => {
    // Function numbers mean these functions in a Job only.
    if (isReply(record) || record.text("rosctr_code") !== "1") return undefined;
    return requestOf("s7comm", icsRequestNamed("s7comm", record.text("function_code") ?? ""));
  },
  cip: (record) => {
    if (isReply(record)) return undefined;
    return requestOf(
      "enip",
      cipRequest(record.text("cip_service_code") ?? "", record.text("class_id") ?? ""),
    );
  },
  dce_rpc: (record) =>
    record.text("endpoint") === "svcctl"
      ? requestOf("svcctl", icsRequestNamed("svcctl", record.text("operation") ?? ""))
      : undefined,
  opcua_binary: (record) =>
    isReply(record)
      ? undefined
      : requestOf("opcua", icsRequestNamed("opcua", record.text("identifier") ?? "")),
  bacnet: (record) => {
    if (isReply(record)) return undefined;
    const code = BACNET[(record.text("pdu_service") ?? "").toLowerCase()];
    return requestOf("bacnet", code === undefined ? undefined : icsRequest("bacnet", code));
  },
  mqtt_publish: (record) =>
    record.text("from_client") === "F" || record.text("from_client") === "false"
      ? undefined
      : requestOf("mqtt", icsRequest("mqtt", 3)),
  mqtt_subscribe: () => requestOf("mqtt", icsRequest("mqtt", 8)),
  dns: (record) => named("dns", record.text("query")),
  http: (record) => named("http", record.text("host")),
  ssl: (record) => named("tls", record.text("server_name")),
};

/** Names that the BACnet parser of ICSNPP gives confirmed services (ASHRAE 135 §21). */
const BACNET: Readonly<Record<string, number>> = {
  atomic_write_file: 7,
  add_list_element: 8,
  remove_list_element: 9,
  read_property: 12,
  read_property_multiple: 14,
  write_property: 15,
  write_property_multiple: 16,
  device_communication_control: 17,
  reinitialize_device: 20,
  read_range: 26,
};

function isReply(record: ZeekRecord): boolean {
  const origin = record.text("is_orig");
  return origin === "F" || origin === "false";
}

function requestOf(protocol: IcsProtocol, request: IcsRequest | undefined): Detail {
  return { protocol, ...(request !== undefined && { request }) };
}

function named(protocol: string, value: string | undefined): Detail {
  const name = value === undefined ? undefined : canonicalName(value);
  return { protocol, ...(name !== undefined && { name }) };
}

function serviceOf(service: string | undefined): string {
  const first = service?.split(",")[0]?.toLowerCase();
  if (first === undefined || first === "") return "flow";
  return first.startsWith("dnp3") ? "dnp3" : first === "ssl" ? "tls" : first;
}
