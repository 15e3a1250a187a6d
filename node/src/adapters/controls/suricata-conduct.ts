/**
 * Conduct in protocols that Suricata 7 has no parser for, as rules on bytes. They only alert: bytes at
 * a place are no parser, and what they match is no exact set of requests.
 */
import { conductSets } from "@anamnesis/sdk/core/compile";
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
  metadata: string,
) => string;

/** How a request looks on the wire. */
interface Wire {
  readonly transport: "tcp" | "udp";
  readonly port: number;
  /** The match for one function, or undefined when it cannot be told from other traffic. */
  readonly match: (code: number, object: number | undefined) => string | undefined;
}

const WIRES: Partial<Record<IcsProtocol, Wire>> = {
  // TPKT, COTP data, S7 header of a Job (ROSCTR 1), then the function; a stop names P_PROGRAM.
  s7comm: {
    transport: "tcp",
    port: 102,
    match: (code) =>
      `content:"|03 00|"; depth:2; content:"|02 f0 80 32 01|"; offset:4; depth:5; content:"|${hex(code)}|"; offset:17; depth:1;${
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
    match: (code) => `content:"|05 64|"; depth:2; content:"|${hex(code)}|"; offset:12; depth:1;`,
  },
  // Start byte, length, four octets of control, type identification (IEC 60870-5-104 §5).
  iec104: {
    transport: "tcp",
    port: 2404,
    match: (code) => `content:"|68|"; depth:1; content:"|${hex(code)}|"; offset:6; depth:1;`,
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
  const { protocol, functions, object } = behaviour;
  const wire = WIRES[protocol];
  const unsupported = (what: string): Refusal =>
    refuse("plan.unsupported", `a Suricata rule cannot tell ${what} from other traffic`);
  if (wire === undefined) return unsupported(`${protocol} functions`);
  const header = `alert ${wire.transport} [${sets.allowed.map((each) => `!${each}`).join(",")}] any -> [${sets.targets.join(",")}] ${wire.port}`;
  const rules: string[] = [];
  for (const code of functions) {
    const match = code > 0xff ? undefined : wire.match(code, object);
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
  if (rules.length > 8) return refuse("plan.unsupported", "more than eight functions in one record");
  return { action: "alert", statement: rules.join("\n"), blocks: [], consequences: [] };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
