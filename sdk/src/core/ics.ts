/** Industrial protocols by their own numbers: what a request asks for, from whatever spelling a sensor has. */
import { SEQUENCES } from "./sequences.ts";
import type { IcsProtocol, IcsRequest } from "./types.ts";

/** An object as JSON gives it. */
type JsonRecord = { readonly [key: string]: unknown };

/** Every protocol there is here. */
export const ICS_PROTOCOLS = [
  "modbus",
  "dnp3",
  "s7comm",
  "enip",
  "iec104",
  "opcua",
  "bacnet",
  "mqtt",
  "tristation",
  "svcctl",
] as const satisfies readonly IcsProtocol[];

type Access = IcsRequest["access"];
type Table = IcsRequest["table"];

/** Ports on which their servers listen. */
export const ICS_PORTS: ReadonlyMap<number, IcsProtocol> = new Map([
  [502, "modbus"],
  [20_000, "dnp3"],
  [102, "s7comm"],
  [44_818, "enip"],
  [2404, "iec104"],
  [4840, "opcua"],
  [47_808, "bacnet"],
  [1883, "mqtt"],
  [8883, "mqtt"],
  [1502, "tristation"],
]);

/** Modbus Application Protocol 1.1b3 §6; the sensor's words may differ, this does not. */
const MODBUS: Readonly<Record<number, readonly [access: Access, table: Table]>> = {
  1: ["read", "coil"],
  2: ["read", "discrete"],
  3: ["read", "holding"],
  4: ["read", "input"],
  5: ["write", "coil"],
  6: ["write", "holding"],
  15: ["write", "coil"],
  16: ["write", "holding"],
  20: ["read", "none"],
  21: ["write", "none"],
  22: ["write", "holding"],
  23: ["write", "holding"],
  24: ["read", "holding"],
};

/** What the numbers of the other protocols do; a number that is in no list is `other`. */
const OTHERS: Readonly<
  Record<
    Exclude<IcsProtocol, "modbus">,
    Partial<Record<Access, readonly (number | readonly [number, number])[]>>
  >
> = {
  // Application function codes (IEEE 1815 §4): write, select to direct operate; restarts, start and stop,
  // saving and activating configuration, files.
  dnp3: { read: [1, 23], write: [2, [3, 6]], program: [[13, 19], 25, 27, 31] },
  // Function of a Job (ROSCTR 1): variables; download, PI service, stop; upload.
  s7comm: { read: [0x04, 0xf0, [0x1d, 0x1f]], write: [0x05], program: [[0x1a, 0x1c], 0x28, 0x29] },
  // CIP services (ODVA volume 1): attributes and tags; reset, start, stop, create, delete, transfer.
  enip: {
    read: [0x01, 0x03, 0x0e, 0x4c, 0x52],
    write: [0x02, 0x04, 0x10, 0x4d, 0x4e, 0x53],
    program: [[0x05, 0x09], 0x50],
  },
  // Type identifications (IEC 60870-5-101 §7.2.1): commands and set points; reset process; parameters, files.
  iec104: {
    read: [[100, 102]],
    write: [
      [45, 51],
      [58, 64],
    ],
    program: [105, [110, 113], [120, 126]],
  },
  // Numeric ids of service requests (OPC 10000-6, NodeIds.csv): read, browse; write, call.
  opcua: { read: [631, 527], write: [673, 712] },
  // Confirmed services (ASHRAE 135 §21): read property and multiple; write; device control, files, reinitialise.
  bacnet: { read: [12, 14, 26], write: [15, 16, 8, 9], program: [7, 17, 20] },
  // Control packet types (MQTT 3.1.1 §2.2.1): subscribe; publish.
  mqtt: { read: [8], write: [3] },
  // Commands of TriStation 1.12 as CISA's TRITON detectors and public dissectors number them: program and mode.
  // Operation numbers (MS-SCMR §3.1.4): open; the forms of creating a service.
  svcctl: { read: [15, 16], program: [12, 24, 44, 45, 60] },
  tristation: { program: [0x00, 0x01, 0x0a, 0x0b, 0x0c, 0x14, 0x15, 0x16, 0x37, 0x38, 0x3b, 0x50] },
};

/** A request by its number, or undefined when the protocol has no such number. */
export function icsRequest(protocol: IcsProtocol, code: number): IcsRequest | undefined {
  if (!Number.isInteger(code) || code < 0 || code > 0xffff) return undefined;
  if (protocol === "modbus") {
    if (code < 1 || code > 127) return undefined;
    const [access, table] = MODBUS[code] ?? (["other", "none"] as const);
    return { protocol, function: code, access, table };
  }
  for (const [access, codes] of Object.entries(OTHERS[protocol]))
    if (codes.some((one) => (typeof one === "number" ? one === code : code >= one[0] && code <= one[1])))
      return { protocol, function: code, access: access as Access, table: "none" };
  return { protocol, function: code, access: "other", table: "none" };
}

/** Zeek's names of functions (its `base/protocols` scripts), by protocol. */
const NAMES: Partial<Record<IcsProtocol, Readonly<Record<string, number>>>> = {
  modbus: {
    READ_COILS: 1,
    READ_DISCRETE_INPUTS: 2,
    READ_HOLDING_REGISTERS: 3,
    READ_INPUT_REGISTERS: 4,
    WRITE_SINGLE_COIL: 5,
    WRITE_SINGLE_REGISTER: 6,
    READ_EXCEPTION_STATUS: 7,
    DIAGNOSTICS: 8,
    GET_COMM_EVENT_COUNTER: 11,
    GET_COMM_EVENT_LOG: 12,
    WRITE_MULTIPLE_COILS: 15,
    WRITE_MULTIPLE_REGISTERS: 16,
    REPORT_SLAVE_ID: 17,
    READ_FILE_RECORD: 20,
    WRITE_FILE_RECORD: 21,
    MASK_WRITE_REGISTER: 22,
    READ_WRITE_MULTIPLE_REGISTERS: 23,
    READ_FIFO_QUEUE: 24,
    ENCAP_INTERFACE_TRANSPORT: 43,
  },
  svcctl: {
    OpenSCManagerW: 15,
    OpenServiceW: 16,
    CreateServiceW: 12,
    CreateServiceA: 24,
    CreateServiceWOW64A: 44,
    CreateServiceWOW64W: 45,
    CreateWowService: 60,
  },
  dnp3: {
    CONFIRM: 0,
    READ: 1,
    WRITE: 2,
    SELECT: 3,
    OPERATE: 4,
    DIRECT_OPERATE: 5,
    DIRECT_OPERATE_NR: 6,
    COLD_RESTART: 13,
    WARM_RESTART: 14,
    INITIALIZE_DATA: 15,
    INITIALIZE_APPL: 16,
    START_APPL: 17,
    STOP_APPL: 18,
    SAVE_CONFIG: 19,
    ENABLE_UNSOLICITED: 20,
    DISABLE_UNSOLICITED: 21,
    ASSIGN_CLASS: 22,
    DELAY_MEASURE: 23,
    RECORD_CURRENT_TIME: 24,
    OPEN_FILE: 25,
    CLOSE_FILE: 26,
    DELETE_FILE: 27,
    GET_FILE_INFO: 28,
    AUTHENTICATE_FILE: 29,
    ABORT_FILE: 30,
    ACTIVATE_CONFIG: 31,
  },
};

/** A request by its name, decimal digits or `0x` digits, as sensors write it; undefined for anything else. */
export function icsRequestNamed(protocol: IcsProtocol, text: string): IcsRequest | undefined {
  const code = NAMES[protocol]?.[text];
  if (code !== undefined) return icsRequest(protocol, code);
  return /^(?:0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text) ? icsRequest(protocol, Number(text)) : undefined;
}

const CONNECTION_MANAGER = 0x06;

/** A CIP service with the class that it is asked of, each as decimal or `0x` digits; a class that is none is left out. */
export function cipRequest(service: string, object: string): IcsRequest | undefined {
  const request = icsRequestNamed("enip", service);
  if (request === undefined || !/^(?:0x[0-9a-f]{1,4}|\d{1,5})$/i.test(object)) return request;
  const code = Number(object);
  // From 0x4b on a service means what its class says: those of the connection manager open and close connections.
  return code === CONNECTION_MANAGER && request.function >= 0x4b
    ? { ...request, access: "other", object: code }
    : { ...request, object: code };
}

/**
 * A request as a rule's author names it in the rule's own metadata: `ics_protocol s7comm,
 * ics_function 41`, for CIP `ics_object 142`, and `ics_sequence logic-download` when the rule asks for more
 * than one step, since most engines have no parser that says it.
 */
export function icsFromMetadata(metadata: JsonRecord): IcsRequest | undefined {
  const one = (name: string): unknown => {
    const value = metadata[name];
    return Array.isArray(value) ? (value as unknown[])[0] : value;
  };
  const protocol = ICS_PROTOCOLS.find((each) => each === one("ics_protocol"));
  const code = one("ics_function");
  if (protocol === undefined || typeof code !== "string") return undefined;
  const request = icsRequestNamed(protocol, code);
  const sequence = SEQUENCES.find((each) => each.name === one("ics_sequence"));
  if (request !== undefined && sequence?.protocol === protocol)
    return { ...request, sequence: sequence.name };
  const object = one("ics_object");
  return protocol === "enip" && typeof object === "string" ? cipRequest(code, object) : request;
}
