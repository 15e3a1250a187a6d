/**
 * Requests of industrial protocols of which no capture is published that may be kept here: written byte by byte
 * after the standards. In each capture a machine without the role reads, then does what it may not, and
 * after it a machine with the role does the same.
 */
import type { BehaviourClass, IcsProtocol } from "@anamnesis/sdk/core/types";
import { big, bytesOf, type Conversation, captureOf, little, type Message } from "./frames.ts";
import { svcctlOverSmb, svcctlOverTcp } from "./svcctl.ts";

/** A capture made by code. */
export interface MadeCapture {
  /** `fixtures/protocols/NAME.pcap`. */
  readonly name: string;
  readonly class: BehaviourClass;
  readonly protocol: IcsProtocol;
  /** What the stranger does, by the protocol's numbers, in order; all of it falls into the class. */
  readonly functions: readonly number[];
  readonly object?: number;
  bytes(): Buffer;
}

/** The machines of these captures; plant A of the recordings. */
export const ENDS = {
  controller: "10.1.2.10",
  writer: "10.1.2.20",
  engineer: "10.1.2.30",
  stranger: "10.1.2.66",
  outsider: "10.1.5.50",
} as const;

/** A request and its answer. */
const exchange = (request: Buffer, answer?: Buffer): Message[] => [
  { from: "client", bytes: request },
  ...(answer === undefined ? [] : [{ from: "server", bytes: answer } as const]),
];

/** The stranger reads and does it; whoever may does it, too. */
function captured(
  transport: Conversation["transport"],
  port: number,
  allowed: string,
  parts: {
    readonly open?: readonly Message[];
    readonly read: readonly Message[];
    readonly act: readonly Message[];
  },
): Buffer {
  const { open = [], read, act } = parts;
  const common = { transport, port, server: ENDS.controller };
  return captureOf([
    { ...common, client: ENDS.stranger, messages: [...open, ...read, ...act] },
    { ...common, client: allowed, messages: [...open, ...act] },
  ]);
}

/** EtherNet/IP: a CIP request in an unconnected SendRRData (ODVA volume 2 §2-4). */
function cip(message: string, session = 1): Buffer {
  const data = bytesOf(message);
  const body = bytesOf("00000000 0000 0200 0000 0000 b200", little(data.length, 2), data);
  return encapsulated(0x6f, session, body);
}

function encapsulated(command: number, session: number, body: Buffer): Buffer {
  return bytesOf(little(command, 2), little(body.length, 2), little(session, 4), Buffer.alloc(16), body);
}

/** BACnet/IP: an APDU in an original unicast (ASHRAE 135 annex J). */
function bacnet(apdu: string, expectsReply: boolean): Buffer {
  const data = bytesOf(apdu);
  return bytesOf("81 0a", big(6 + data.length), 0x01, expectsReply ? 0x04 : 0x00, data);
}

/** OPC UA: a message of a channel without security (OPC 10000-6 §6.7.2), its body beginning with the NodeId of its type. */
function opcua(sequence: number, type: number, body: Buffer): Buffer {
  const data = bytesOf(
    little(1, 4),
    little(1, 4),
    little(sequence, 4),
    little(sequence, 4),
    "01 00",
    little(type, 2),
    body,
  );
  return bytesOf(Buffer.from("MSGF"), little(8 + data.length, 4), data);
}

/** No token, a time, a handle, nothing asked for in addition. */
const UA_REQUEST = bytesOf(
  "0000",
  little(0, 8),
  little(1, 4),
  little(0, 4),
  "ffffffff",
  little(1000, 4),
  "000000",
);
const UA_ANSWER = bytesOf(little(0, 8), little(1, 4), little(0, 4), "00 ffffffff 000000");
/** ns=2;i=1001. */
const UA_NODE = bytesOf("01 02", little(1001, 2));
const UA_HELLO = (kind: string, text: Buffer = Buffer.alloc(0)): Buffer =>
  bytesOf(
    Buffer.from(`${kind}F`),
    little(28 + text.length, 4),
    little(0, 4),
    little(65_535, 4),
    little(65_535, 4),
    little(0, 4),
    little(0, 4),
    text,
  );
const UA_URL = Buffer.from("opc.tcp://10.1.2.10:4840");

/** MQTT 3.1.1: a fixed header and its body. */
function mqtt(first: number, body: Buffer): Buffer {
  return bytesOf(first, body.length, body);
}
const mqttText = (text: string): Buffer => bytesOf(big(text.length), Buffer.from(text));

/** IEC 104: an I frame with one ASDU of one object (IEC 60870-5-104 §5). */
function iec104(sent: number, type: number, cause: number, element: string): Buffer {
  const asdu = bytesOf(type, 0x01, cause, 0x00, "0100 000000", element);
  return bytesOf(0x68, 4 + asdu.length, little(sent << 1, 2), little(sent << 1, 2), asdu);
}

/** TriStation 1.12 over UDP: type 5, then the function, as CISA's TRITON rules place them. */
function tristation(code: number): Buffer {
  return bytesOf("0500 0800 0000", code, "00 00 00 00 00");
}

/** Steps of a logic download to the controller, each with who takes it: a service of a class of CIP. */
export function cipCapture(
  steps: readonly { readonly client: string; readonly function: number; readonly object: number }[],
): Buffer {
  return captureOf(
    steps.map(({ client, function: service, object }) => ({
      transport: "tcp",
      port: 44_818,
      client,
      server: ENDS.controller,
      messages: exchange(
        cip(Buffer.from([service, 2, 0x20, object, 0x24, 1]).toString("hex")),
        cip(Buffer.from([service | 0x80, 0, 0, 0]).toString("hex")),
      ),
    })),
  );
}

/** Every capture that is made here. */
export const MADE: readonly MadeCapture[] = [
  {
    name: "enip-write",
    class: "enip-write-by-non-writer",
    protocol: "enip",
    functions: [0x10],
    object: 0x04,
    // Attribute 3 of assembly instance 100: read, then set.
    bytes: () =>
      captured("tcp", 44_818, ENDS.writer, {
        open: exchange(
          encapsulated(0x65, 0, bytesOf("0100 0000")),
          encapsulated(0x65, 1, bytesOf("0100 0000")),
        ),
        read: exchange(cip("0e 03 2004 2464 3003"), cip("8e 00 00 00 e803")),
        act: exchange(cip("10 03 2004 2464 3003 d007"), cip("90 00 00 00")),
      }),
  },
  {
    name: "iec104-program",
    class: "iec104-program-by-non-engineer",
    protocol: "iec104",
    functions: [105],
    // A general interrogation, then a reset of the process.
    bytes: () =>
      captured("tcp", 2404, ENDS.engineer, {
        open: exchange(bytesOf("68 04 07 00 00 00"), bytesOf("68 04 0b 00 00 00")),
        read: exchange(iec104(0, 100, 6, "14"), iec104(0, 100, 7, "14")),
        act: exchange(iec104(1, 105, 6, "01"), iec104(1, 105, 7, "01")),
      }),
  },
  {
    name: "opcua-write",
    class: "opcua-write-by-non-writer",
    protocol: "opcua",
    functions: [673],
    // The value of one node: read, then written.
    bytes: () =>
      captured("tcp", 4840, ENDS.writer, {
        open: exchange(UA_HELLO("HEL", bytesOf(little(UA_URL.length, 4), UA_URL)), UA_HELLO("ACK")),
        read: exchange(
          opcua(
            1,
            631,
            bytesOf(
              UA_REQUEST,
              little(0, 8),
              little(3, 4),
              little(1, 4),
              UA_NODE,
              little(13, 4),
              "ffffffff 0000 ffffffff",
            ),
          ),
          opcua(1, 634, bytesOf(UA_ANSWER, little(1, 4), "01 06", little(1000, 4), "ffffffff")),
        ),
        act: exchange(
          opcua(
            2,
            673,
            bytesOf(UA_REQUEST, little(1, 4), UA_NODE, little(13, 4), "ffffffff 01 06", little(1700, 4)),
          ),
          opcua(2, 676, bytesOf(UA_ANSWER, little(1, 4), little(0, 4), "ffffffff")),
        ),
      }),
  },
  {
    name: "bacnet-write",
    class: "bacnet-write-by-non-writer",
    protocol: "bacnet",
    functions: [15],
    // The present value of analog output 1: read, then written with priority 8.
    bytes: () =>
      captured("udp", 47_808, ENDS.writer, {
        read: exchange(
          bacnet("00 04 01 0c 0c00400001 1955", true),
          bacnet("30 01 0c 0c00400001 1955 3e 44 41a00000 3f", false),
        ),
        act: exchange(
          bacnet("00 04 02 0f 0c00400001 1955 3e 44 42480000 3f 4908", true),
          bacnet("20 02 0f", false),
        ),
      }),
  },
  {
    name: "bacnet-program",
    class: "bacnet-program-by-non-engineer",
    protocol: "bacnet",
    functions: [17, 20],
    // The vendor's name is read; then communication is disabled, and the device started anew.
    bytes: () =>
      captured("udp", 47_808, ENDS.engineer, {
        read: exchange(
          bacnet("00 04 01 0c 0c020003e8 1979", true),
          bacnet("30 01 0c 0c020003e8 1979 3e 75 05 00 61626364 3f", false),
        ),
        act: [
          ...exchange(bacnet("00 04 02 11 1901", true), bacnet("20 02 11", false)),
          ...exchange(bacnet("00 04 03 14 0900", true), bacnet("20 03 14", false)),
        ],
      }),
  },
  {
    name: "mqtt-write",
    class: "mqtt-write-by-non-writer",
    protocol: "mqtt",
    functions: [3],
    // A subscription, then a command to a valve.
    bytes: () =>
      captured("tcp", 1883, ENDS.writer, {
        open: exchange(
          mqtt(0x10, bytesOf(mqttText("MQTT"), "04 02 003c", mqttText("panel"))),
          mqtt(0x20, bytesOf("0000")),
        ),
        read: exchange(
          mqtt(0x82, bytesOf(big(1), mqttText("valve/1/state"), 0)),
          mqtt(0x90, bytesOf(big(1), 0)),
        ),
        act: exchange(mqtt(0x30, bytesOf(mqttText("valve/1/set"), Buffer.from("100")))),
      }),
  },
  {
    name: "tristation-program",
    class: "tristation-program-by-non-engineer",
    protocol: "tristation",
    functions: [0x01, 0x37, 0x0b],
    // A read, then start of a download, its program, and its end.
    bytes: () =>
      captured("udp", 1502, ENDS.engineer, {
        read: exchange(tristation(0x13)),
        act: [0x01, 0x37, 0x0b].flatMap((code) => exchange(tristation(code))),
      }),
  },
  {
    name: "svcctl-program",
    class: "svcctl-program-by-outsider",
    protocol: "svcctl",
    functions: [12],
    bytes: () =>
      captureOf([ENDS.outsider, ENDS.stranger].map((client) => svcctlOverTcp(client, ENDS.writer))),
  },
  {
    name: "svcctl-program-smb",
    class: "svcctl-program-by-outsider",
    protocol: "svcctl",
    functions: [12],
    bytes: () =>
      captureOf([ENDS.outsider, ENDS.stranger].map((client) => svcctlOverSmb(client, ENDS.writer))),
  },
];
