/** The baseline: classes of conduct that no plant wants, and what makes one request of them one attack. */
import { MODBUS_WRITES } from "./compile.ts";
import { functionsOf, sequenceOf } from "./sequences.ts";
import type {
  ActorRole,
  Behaviour,
  BehaviourClass,
  IcsProtocol,
  IcsRequest,
  PurdueLevel,
  TargetRole,
} from "./types.ts";

/** A baseline class: innate at every plant, never a record by itself. */
export interface BaselineClass {
  readonly class: BehaviourClass;
  readonly protocol: IcsProtocol;
  readonly access: "write" | "program";
  /** Who must not, and to whom. */
  readonly roles: readonly [ActorRole, TargetRole];
  readonly title: string;
  /** Why it is an attack when a machine without the role does it. */
  readonly reason: string;
  /** Purdue levels at which a sensor may raise it by itself. */
  readonly levels: readonly PurdueLevel[];
  /** ATT&CK for ICS by function; `other` for the rest of the class. */
  readonly attackIds: Readonly<Record<number, readonly string[]>> & { readonly other: readonly string[] };
  /** A capture on which it is tested: of this project, or of a published collection. */
  readonly capture: string;
}

const CELL: readonly PurdueLevel[] = [0, 1, 2];
const COMMAND = { other: ["T0855"] } as const;

/** Every class there is. To add one is to add a line here, its capture and its test. */
export const BASELINE: readonly BaselineClass[] = [
  {
    class: "modbus-write-by-non-writer",
    protocol: "modbus",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "Modbus write by a host that is no writer",
    reason: "Modbus knows no login: whoever reaches port 502 can move the process",
    levels: CELL,
    attackIds: { 5: ["T0855"], 15: ["T0855"], other: ["T0855", "T0836"] },
    capture: "fixtures/attacks/modbus-write.pcap",
  },
  {
    class: "dnp3-write-by-non-writer",
    protocol: "dnp3",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "DNP3 control by a host that is no writer",
    reason: "select, operate and direct operate switch breakers and valves at an outstation",
    levels: CELL,
    attackIds: COMMAND,
    capture: "ITI__directoperate_and_response.pcap",
  },
  {
    class: "dnp3-program-by-non-engineer",
    protocol: "dnp3",
    access: "program",
    roles: ["non-engineer", "controller"],
    title: "DNP3 restart, stop or file change by a host that is no engineering station",
    reason: "a restart or a new configuration takes an outstation away from its operators",
    levels: CELL,
    attackIds: { 13: ["T0816"], 14: ["T0816"], 27: ["T0809"], other: [] },
    capture: "ITI__file_delete.pcap",
  },
  {
    class: "s7comm-write-by-non-writer",
    protocol: "s7comm",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "S7 variable write by a host that is no writer",
    reason: "S7comm writes need no password on most controllers in service",
    levels: CELL,
    attackIds: { other: ["T0855", "T0836"] },
    capture: "ITI__snap7_s300_everything.pcapng",
  },
  {
    class: "s7comm-program-by-non-engineer",
    protocol: "s7comm",
    access: "program",
    roles: ["non-engineer", "controller"],
    title: "S7 stop, start or download by a host that is no engineering station",
    reason: "only engineering stops a controller or loads its blocks",
    levels: CELL,
    attackIds: { 40: ["T0858"], 41: ["T0858", "T0816"], other: ["T0843"] },
    capture: "ITI__snap7_s300_stop.pcapng",
  },
  {
    class: "enip-write-by-non-writer",
    protocol: "enip",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "CIP write by a host that is no writer",
    reason: "attributes and tags are the process's set points",
    levels: CELL,
    attackIds: { other: ["T0855", "T0836"] },
    capture: "fixtures/protocols/enip-write.pcap",
  },
  {
    class: "enip-program-by-non-engineer",
    protocol: "enip",
    access: "program",
    roles: ["non-engineer", "controller"],
    title: "CIP stop, reset or download by a host that is no engineering station",
    reason: "a download replaces the logic that keeps the process safe",
    levels: CELL,
    attackIds: { 5: ["T0816"], 6: ["T0858"], 7: ["T0858"], 9: [], other: ["T0843"] },
    capture: "CL5000EIP-Software_Download.pcap",
  },
  {
    class: "iec104-write-by-non-writer",
    protocol: "iec104",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "IEC 104 command by a host that is no writer",
    reason: "single and double commands open breakers; the protocol has no login",
    levels: CELL,
    attackIds: COMMAND,
    capture: "ITI__TestDissectIec104.pcap",
  },
  {
    class: "iec104-program-by-non-engineer",
    protocol: "iec104",
    access: "program",
    roles: ["non-engineer", "controller"],
    title: "IEC 104 reset, parameter or file by a host that is no engineering station",
    reason: "a reset process command restarts a remote terminal unit",
    levels: CELL,
    attackIds: { 105: ["T0816"], 110: ["T0836"], 111: ["T0836"], 112: ["T0836"], 113: ["T0836"], other: [] },
    capture: "fixtures/protocols/iec104-program.pcap",
  },
  {
    class: "opcua-write-by-non-writer",
    protocol: "opcua",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "OPC UA write or method call by a host that is no writer",
    reason: "a session that was stolen or needs no user writes like an operator",
    levels: [0, 1, 2, 3],
    attackIds: COMMAND,
    capture: "fixtures/protocols/opcua-write.pcap",
  },
  {
    class: "bacnet-write-by-non-writer",
    protocol: "bacnet",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "BACnet write by a host that is no writer",
    reason: "cooling and ventilation follow whoever writes the present value",
    levels: CELL,
    attackIds: { other: ["T0855", "T0836"] },
    capture: "fixtures/protocols/bacnet-write.pcap",
  },
  {
    class: "bacnet-program-by-non-engineer",
    protocol: "bacnet",
    access: "program",
    roles: ["non-engineer", "controller"],
    title: "BACnet device control by a host that is no engineering station",
    reason: "one request silences a device or starts it anew",
    levels: CELL,
    attackIds: { 17: ["T0814"], 20: ["T0816"], other: [] },
    capture: "fixtures/protocols/bacnet-program.pcap",
  },
  {
    class: "mqtt-write-by-non-writer",
    protocol: "mqtt",
    access: "write",
    roles: ["non-writer", "controller"],
    title: "MQTT publish to a controller by a host that is no writer",
    reason: "topics are commands where devices subscribe to them",
    levels: [0, 1, 2, 3],
    attackIds: COMMAND,
    capture: "fixtures/protocols/mqtt-write.pcap",
  },
  {
    class: "tristation-program-by-non-engineer",
    protocol: "tristation",
    access: "program",
    roles: ["non-engineer", "safety-system"],
    title: "TriStation command to a safety controller by a host that is no engineering station",
    reason: "who reprograms the safety system takes away the last barrier",
    levels: CELL,
    attackIds: { other: ["T0843", "T0858"] },
    capture: "fixtures/protocols/tristation-program.pcap",
  },
  {
    class: "svcctl-program-by-outsider",
    protocol: "svcctl",
    access: "program",
    roles: ["outsider", "ot-host"],
    title: "Remote service created on an OT machine from outside the OT network",
    reason: "ransomware moves from office to plant by putting a service of its own on the next machine",
    levels: [2, 3, 3.5],
    attackIds: { other: ["T0866", "T0867"] },
    capture: "fixtures/protocols/svcctl-program-smb.pcap",
  },
];

/** Their names, as release policies and standing changes list them. */
export const BEHAVIOUR_CLASSES = BASELINE.map((each) => each.class) as [BehaviourClass, ...BehaviourClass[]];

/** The class that a request falls in, or undefined when no class covers it. */
export function baselineOf(request: IcsRequest): BaselineClass | undefined {
  return BASELINE.find(({ protocol, access }) => protocol === request.protocol && access === request.access);
}

/**
 * The behaviour of one request by a machine without the role: one function, so that the same attack
 * gives the same record at every plant and from every detector. A request that completes a sequence is
 * the sequence. Undefined when no class covers it.
 */
export function behaviourOf(request: IcsRequest): Behaviour | undefined {
  const baseline = baselineOf(request);
  if (baseline === undefined) return undefined;
  if (baseline.protocol === "modbus") {
    for (const table of ["coil", "holding"] as const)
      if (MODBUS_WRITES[table].includes(request.function))
        return {
          class: "modbus-write-by-non-writer",
          protocol: "modbus",
          functions: [request.function],
          table,
          roles: ["non-writer", "controller"],
        };
    return undefined;
  }
  if (request.sequence !== undefined)
    return {
      class: baseline.class,
      protocol: baseline.protocol,
      functions: functionsOf(sequenceOf(request.sequence)),
      sequence: request.sequence,
      roles: baseline.roles,
    } as Behaviour;
  return {
    class: baseline.class,
    protocol: baseline.protocol,
    functions: [request.function],
    ...(request.object !== undefined && { object: request.object }),
    roles: baseline.roles,
  } as Behaviour;
}

/** ATT&CK for ICS technique ids of a behaviour, upper case, each once. */
export function attackIdsOfBehaviour(behaviour: Behaviour): readonly string[] {
  const baseline = BASELINE.find((each) => each.class === behaviour.class);
  if (baseline === undefined) return [];
  return [
    ...new Set(behaviour.functions.flatMap((code) => baseline.attackIds[code] ?? baseline.attackIds.other)),
  ];
}
