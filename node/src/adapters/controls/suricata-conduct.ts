/**
 * Conduct in protocols of which Suricata 7 shows no exact request, mostly as rules on bytes. They only alert: bytes at
 * a place are no parser, and what they match is no exact set of requests.
 */
import { conductSets } from "@anamnesis/sdk/core/compile";
import { type Sequence, sequenceOf } from "@anamnesis/sdk/core/sequences";
import type { IcsProtocol, ProtocolBehaviour, Self } from "@anamnesis/sdk/core/types";
import type { Compiled, Refusal } from "../../ports.ts";
import { refuse } from "./observable-plan.ts";

/** Makes a rule from its parts, as suricata-rules does. */
type MakeRule = (
  header: string,
  message: string,
  match: string,
  place: number,
  target: string,
  metadata?: string,
  limit?: string,
) => string;

/** How a request looks on the wire. */
interface Wire {
  /** Or the name of Suricata's parser. */
  readonly transport: "tcp" | "udp" | "dcerpc";
  readonly port: number | "any";
  /** The match for one function, or undefined when it cannot be told from other traffic. */
  readonly match: (code: number, object: number | undefined) => string | undefined;
}

/** Packets alone: places count from their beginning, and the first of a flow would be met once more when it ends. */
const PACKET = "dsize:>1;";

const WIRES: Partial<Record<IcsProtocol, Wire>> = {
  // TPKT, COTP data, S7 header of a Job (ROSCTR 1), then the function; a stop names P_PROGRAM.
  s7comm: {
    transport: "tcp",
    port: 102,
    match: (code) =>
      `${PACKET} content:"|03 00|"; depth:2; content:"|02 f0 80 32 01|"; offset:4; depth:5; content:"|${hex(code)}|"; offset:17; depth:1;${
        code === 0x29 ? ' content:"P_PROGRAM"; distance:0;' : ""
      }`,
  },
  // A service with a path of two words to a class (segment 20); without its class a service number is everywhere.
  enip: {
    transport: "tcp",
    port: 44_818,
    match: (code, object) =>
      object === undefined || object > 0xff
        ? undefined
        : `content:"|${hex(code)}|"; content:"|20 ${hex(object)}|"; distance:1; within:2;`,
  },
  // Link header (10 bytes), transport, application control, function (IEEE 1815).
  dnp3: {
    transport: "tcp",
    port: 20_000,
    match: (code) => `${PACKET} content:"|05 64|"; depth:2; content:"|${hex(code)}|"; offset:12; depth:1;`,
  },
  // Start byte, length, four octets of control, type identification (IEC 60870-5-104 §5).
  iec104: {
    transport: "tcp",
    port: 2404,
    match: (code) => `${PACKET} content:"|68|"; depth:1; content:"|${hex(code)}|"; offset:6; depth:1;`,
  },
  // BVLC for IP, NPDU version 1 without a route, an unsegmented confirmed request, then its service (ASHRAE 135 §20, annex J).
  bacnet: {
    transport: "udp",
    port: 47_808,
    match: (code) =>
      `content:"|81|"; depth:1; content:"|01|"; offset:4; depth:1; byte_test:1,!&,0x28,5; byte_test:1,!&,0xf8,6; content:"|${hex(code)}|"; offset:9; depth:1;`,
  },
  // A whole message of a channel that hides nothing, then the request's NodeId in four bytes (OPC 10000-6 §5.2.2.9, §6.7).
  opcua: {
    transport: "tcp",
    port: 4840,
    match: (code) =>
      `${PACKET} content:"MSGF"; depth:4; content:"|01 00 ${hex(code & 0xff)} ${hex(code >> 8)}|"; offset:24; depth:4;`,
  },
  // The type is the upper half of a packet's first byte (MQTT 3.1.1 §2.2).
  mqtt: {
    transport: "tcp",
    port: 1883,
    match: (code) =>
      code > 15 ? undefined : `${PACKET} pcre:"/^[\\x${code.toString(16)}0-\\x${code.toString(16)}f]/s";`,
  },
  // The interface of the service control manager, over TCP or in SMB.
  svcctl: {
    transport: "dcerpc",
    port: "any",
    match: (code) =>
      `flow:to_server; dcerpc.iface:367abb81-9844-35f1-ad32-98f038001003; dcerpc.opnum:${code};`,
  },
  // Type 5 (a command), then the function.
  tristation: {
    transport: "udp",
    port: 1502,
    match: (code) => `content:"|05 00|"; depth:2; content:"|${hex(code)}|"; offset:6; depth:1;`,
  },
};

/** Compiles conduct to alerts; `plan.unsupported` for protocols and functions that bytes do not tell. */
export function compileProtocol(
  behaviour: ProtocolBehaviour,
  self: Self,
  rule: MakeRule,
): Compiled | Refusal {
  const sets = conductSets(behaviour, self);
  if ("refused" in sets) return sets;
  const { protocol, functions, object, sequence } = behaviour;
  const wire = WIRES[protocol];
  const unsupported = (what: string): Refusal =>
    refuse("plan.unsupported", `a Suricata rule cannot tell ${what} from other traffic`);
  if (wire === undefined) return unsupported(`${protocol} functions`);
  const header = `alert ${wire.transport} [${sets.allowed.map((each) => `!${each}`).join(",")}] any -> [${sets.targets.join(",")}] ${wire.port}`;
  if (sequence !== undefined) return compileSequence(sequenceOf(sequence), wire, header, rule);
  const rules: string[] = [];
  for (const code of functions) {
    const match = code > 0xff && protocol !== "opcua" ? undefined : wire.match(code, object);
    if (match === undefined) return unsupported(`${protocol} function ${code} without its class`);
    const place = rules.length;
    const ofObject = object === undefined ? "" : `, ics_object ${object}`;
    rules.push(
      rule(
        header,
        `${behaviour.class.replaceAll("-", " ")}, function ${code}`,
        match,
        place,
        "target:dest_ip; ",
        `, ics_protocol ${protocol}, ics_function ${code}${ofObject}`,
      ),
    );
  }
  // Whoever speaks to a safety system and may not is worth a look, whatever is said; it names no request, so no record.
  if (protocol === "tristation")
    rules.push(
      rule(
        header,
        "a word to a safety system by a host that is no engineering station",
        "",
        rules.length,
        "target:dest_ip; ",
      ),
    );
  if (rules.length > 8) return refuse("plan.unsupported", "more than eight functions in one record");
  return { action: "alert", statement: rules.join("\n"), blocks: [], consequences: [] };
}

/**
 * Two different steps of one source, in the order of the attack and within its time: the first is noted
 * and silent, whatever it is; the second alerts.
 */
function compileSequence(
  { name, protocol, steps, withinSeconds }: Sequence,
  wire: Wire,
  header: string,
  rule: MakeRule,
): Compiled | Refusal {
  const matches = steps.map((step) => wire.match(step.function, step.object));
  const rules: string[] = [];
  const add = (message: string, match: string, more?: readonly [target: string, metadata: string]): void => {
    const place = rules.length;
    if (more === undefined) rules.push(rule(header, message, `${match} noalert;`, place, "", "", ""));
    else rules.push(rule(header, message, match, place, ...more));
  };
  const bit = (index: number): string => `anamnesis.@ID.${index}`;
  matches.forEach((match, index) => {
    if (index < matches.length - 1)
      add(
        `${name}, step ${index + 1}`,
        `${match} xbits:set,${bit(index)},track ip_src,expire ${withinSeconds};`,
      );
  });
  matches.forEach((match, index) => {
    for (let before = 0; before < index; before++)
      add(
        `${name}, step ${index + 1} after ${before + 1}`,
        `${match} xbits:isset,${bit(before)},track ip_src;`,
        [
          "target:dest_ip; ",
          `, ics_protocol ${protocol}, ics_function ${steps[index]?.function}, ics_sequence ${name}`,
        ],
      );
  });
  return matches.includes(undefined) || rules.length > 8
    ? refuse("plan.unsupported", `a Suricata rule cannot tell the steps of ${name} from other traffic`)
    : { action: "alert", statement: rules.join("\n"), blocks: [], consequences: [] };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
