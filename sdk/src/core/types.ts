/** The nouns of Anamnesis. Every other file of the core is a verb on these. */
import type { Warninglist } from "./warninglist-types.ts";

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: { readonly [K in Name]: true } };

/** Lower-case hexadecimal with the prefix `0x`. */
export type Hex = `0x${string}`;
/** 32 bytes. */
export type Bytes32 = Brand<Hex, "Bytes32">;
/** 20 bytes, lower case (no EIP-55 checksum): the EVM address of a node key or a member account. */
export type Address = Brand<Hex, "Address">;
/** 65 bytes r ‖ s ‖ v with s ≤ n/2 and v 27 or 28. */
export type Signature = Brand<Hex, "Signature">;
/** SHA-256("anamnesis/indicator/1\0" ‖ JCS([pattern_type, pattern])). */
export type IndicatorId = Brand<Bytes32, "IndicatorId">;
/** SHA-256("anamnesis/response/1\0" ‖ indicatorId ‖ JCS(object)). */
export type ResponseId = Brand<Bytes32, "ResponseId">;
/** What stands on the chain for a record: SHA-256(blind ‖ id). */
export type Subject = Brand<Bytes32, "Subject">;
/** SHA-256("anamnesis/entry/1\0" ‖ salt32 ‖ entry). */
export type Commitment = Brand<Bytes32, "Commitment">;
/** The EIP-712 digest of an attestation. */
export type Uid = Brand<Bytes32, "Uid">;
/** A member's number in the registry, 1–65535, never reused. */
export type MemberNumber = Brand<number, "MemberNumber">;

/** Traffic light protocol 2.0. RED never enters a feed, so it has no place here. */
export type Tlp = "clear" | "green" | "amber" | "amber+strict";

// ── sense ────────────────────────────────────────────────────────────────────────────────────

/** One end of a flow. */
export interface Endpoint {
  /** Canonical text of an IPv4 or IPv6 address (RFC 5952; IPv4-mapped IPv6 is written as IPv4). */
  readonly address: string;
  /** 0–65535. */
  readonly port?: number;
}

/** What an observable can be. JA3 and JA4 are client fingerprints of TLS. */
export type ObservableKind = "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" | "file" | "ja3" | "ja4";

/** A value that can be seen on the wire. `value` is normalised: lower case, canonical, no trailing dot. */
export interface Observable {
  readonly kind: ObservableKind;
  /** For `file`: the SHA-256 as 64 hexadecimal digits. */
  readonly value: string;
}

/** Industrial protocols whose requests are told apart here. */
export type IcsProtocol =
  | "modbus"
  | "dnp3"
  | "s7comm"
  | "enip"
  | "iec104"
  | "opcua"
  | "bacnet"
  | "mqtt"
  | "tristation"
  /** The service control manager of Windows (MS-SCMR): how a service is put on a machine from afar. */
  | "svcctl";

/** Sequences of requests that are one attack (see `SEQUENCES`). */
export type SequenceName = "logic-download";

/** The part of an industrial protocol's request that tells conduct apart, never its payload. */
export interface IcsRequest {
  readonly protocol: IcsProtocol;
  /** The protocol's own number of what is asked for; of Modbus the function code, 1–127. */
  readonly function: number;
  /** `program`: logic, configuration or the state of the controller itself. */
  readonly access: "read" | "write" | "program" | "other";
  /** Of Modbus only; else `none`. */
  readonly table: "coil" | "discrete" | "holding" | "input" | "none";
  /** Of EtherNet/IP: the CIP class that a service is asked of. */
  readonly object?: number;
  /** When it is a further step of one source: what the steps are together. */
  readonly sequence?: SequenceName;
}

/** What raised an alert: the product, or for CEF and LEEF the form that a product of any name speaks. */
export type Engine =
  | "suricata"
  | "snort"
  | "zeek"
  | "wazuh"
  | "crowdsec"
  | "falco"
  | "cef"
  | "leef"
  | "ecs"
  | "fail2ban"
  | "firewall"
  | "baseline"
  | "program"
  | "mapping";

/** The rule that fired. */
export interface DetectorRule {
  readonly engine: Engine;
  /** Suricata's and Snort's generator; 0 for engines without one. */
  readonly gid: number;
  /** A number for Suricata and Snort; else the engine's own text, as it is: `0042` is not 42. */
  readonly id: number | string;
  readonly rev: number;
  readonly name: string;
  readonly category: string;
}

/** A normalised alert. It stays at the plant. */
export interface Detection {
  /** Unique for one alert at one plant: SHA-256 over detector, stream position and raw line. */
  readonly id: Bytes32;
  /** The sensor's own time, ms since the epoch, UTC. */
  readonly atMs: number;
  /** When this node read the line, ms since the epoch, from its clock port. */
  readonly readAtMs: number;
  /** The detector's name in the configuration. */
  readonly detector: string;
  readonly rule: DetectorRule;
  /** 0–100, 100 worst; null when the detector gave none. */
  readonly severity: number | null;
  readonly action: "allowed" | "blocked" | "unknown";
  /** Who attacks; absent when unknown, and then nothing may be blocked from it. */
  readonly attacker?: Endpoint;
  readonly victim?: Endpoint;
  /** Transport protocol in lower case: tcp, udp, icmp … */
  readonly transport?: string;
  /** Application protocol in lower case: modbus, http, dns … */
  readonly appProtocol?: string;
  /** As text: it may exceed 2^53. Unique inside one sensor run only. */
  readonly flowId?: string;
  readonly communityId?: string;
  /** Candidates before negative selection, attacker side only. */
  readonly observables: readonly Observable[];
  readonly ics?: IcsRequest;
  /** ATT&CK technique ids as the detector gave them, upper case. */
  readonly attackIds: readonly string[];
  /** What was not as it should be and was mended; absent when nothing was. */
  readonly flags?: readonly DetectionFlag[];
}

/** `time.read`: the alert has no time of its own, the time of reading stands for it; `severity.clipped`: it was beyond its scale. */
export type DetectionFlag = "time.read" | "severity.clipped";

/** Why a line of a detector is not usable. */
export type LineReason =
  | "line.notJson"
  | "line.notObject"
  | "line.tooLong"
  | "line.encoding"
  | "line.fields"
  | "line.timestamp"
  | "line.unknownType"
  /** More or fewer columns than the header names. */
  | "line.columns"
  /** A row before any header. */
  | "line.header"
  /** The stream ended inside a record. */
  | "line.unfinished"
  /** Read by no format that is known here. */
  | "line.unknownFormat"
  /** Bytes of a connection that cannot be cut into messages (RFC 6587). */
  | "line.framing"
  /** It came faster than it could be kept, from a sender that nothing slows down. */
  | "line.overflow"
  /** From somebody who may not send here. */
  | "line.sender";

/** What one line of a detector became. */
export type LineOutcome =
  | { readonly kind: "detection"; readonly detection: Detection }
  /** Understood and not an alert (context: flow, dns, modbus …). */
  | { readonly kind: "context"; readonly eventType: string }
  /** The same bytes again within the window (a re-sent or re-read file). */
  | { readonly kind: "duplicate" }
  /**
   * Not usable: the code says why, the example is trimmed to 200 characters and free of payload.
   * `count` of them when they are not told one by one.
   */
  | {
      readonly kind: "rejected";
      readonly reason: LineReason;
      readonly example: string;
      readonly count?: number;
    };

// ── indicators and responses ─────────────────────────────────────────────────────────────────

/** STIX 2.1 pattern-type-ov, and one type of ours for conduct (the vocabulary is open). */
export type PatternType = "stix" | "suricata" | "sigma" | "yara" | "snort" | "x-anamnesis-behaviour";

/** Protocols of which a plant's writers are known; of Modbus the table is told apart as well. */
type WrittenProtocol = "dnp3" | "s7comm" | "enip" | "iec104" | "opcua" | "bacnet" | "mqtt";
/** Protocols that change a controller's program, configuration or state. */
type ProgramProtocol = "dnp3" | "s7comm" | "enip" | "iec104" | "bacnet" | "tristation";

/** The baseline classes of behaviour. A bare class is innate and never a shared record. */
export type BehaviourClass =
  | "modbus-write-by-non-writer"
  | `${WrittenProtocol}-write-by-non-writer`
  | `${ProgramProtocol}-program-by-non-engineer`
  | "svcctl-program-by-outsider";

/** Who does it: a machine that is no writer, no engineering station, or not of the OT network. */
export type ActorRole = "non-writer" | "non-engineer" | "outsider";
/** To whom: a controller, a safety system, or any machine of the OT network. */
export type TargetRole = "controller" | "safety-system" | "ot-host";

/** Conduct: a baseline class plus the discriminators that make it one attack. No addresses, no values. */
export type Behaviour = ModbusBehaviour | ProtocolBehaviour;

/** Conduct in Modbus. */
export interface ModbusBehaviour {
  readonly class: "modbus-write-by-non-writer";
  readonly protocol: "modbus";
  /** Modbus function codes, ascending, at least one. */
  readonly functions: readonly number[];
  readonly table: "coil" | "holding";
  /** The role pair, from → to. */
  readonly roles: readonly ["non-writer", "controller"];
}

/** Conduct in another industrial protocol. */
export interface ProtocolBehaviour {
  readonly class: Exclude<BehaviourClass, "modbus-write-by-non-writer">;
  readonly protocol: Exclude<IcsProtocol, "modbus">;
  /** The protocol's own numbers, ascending, at least one. */
  readonly functions: readonly number[];
  /** Of EtherNet/IP, when it is known: the CIP class. */
  readonly object?: number;
  /** When several requests are the attack; `functions` are then those of its steps. */
  readonly sequence?: SequenceName;
  /** The role pair, from → to. */
  readonly roles: readonly [ActorRole, TargetRole];
}

/** The transferable attack signature: what the id is computed from. */
export interface IndicatorKey {
  readonly patternType: PatternType;
  /** In normal form: equal attacks have equal bytes. */
  readonly pattern: string;
}

/** The formats in which others write down what they know. */
export type KnowledgeFormat = "stix" | "misp" | "zeek-intel" | "suricata" | "sigma" | "yara";

/** Where a proposal comes from: kept with it wherever it travels, and what an export is made of. */
export interface Origin {
  readonly format: KnowledgeFormat;
  /** Its own id there: a STIX id, a UUID, a sid, a rule's name. At most 128 characters. */
  readonly id: string;
  /** Who wrote it, as named there. At most 256 characters. */
  readonly author?: string;
  /** Under what it may be used, as stated there. At most 512 characters. */
  readonly licence?: string;
  /** The objects, attribute, line or rule, as they were written. At most 16,384 characters. */
  readonly source: string;
}

/** One thing to look for, said by somebody outside. One object may hold several: each alone means the attack. */
export interface Proposal {
  readonly key: IndicatorKey;
  readonly name: string;
  /** 0–100, how sure its author is; null when nothing is said. */
  readonly confidence: number | null;
  /** ATT&CK technique ids, upper case. */
  readonly attackIds: readonly string[];
  readonly tlp: Tlp;
  /** End of validity, ms since the epoch. */
  readonly validUntilMs?: number;
  readonly origin: Origin;
}

/** What an indicator means to a control. */
export type IndicatorForm =
  | { readonly form: "observable"; readonly observable: Observable }
  | { readonly form: "behaviour"; readonly behaviour: Behaviour };

/** What release policies list: `observable`, or the class of a behaviour. */
export type ReleaseClass = "observable" | BehaviourClass;

/** STIX 2.1 Indicator as it travels in a content entry. */
export interface StixIndicator {
  readonly type: "indicator";
  readonly spec_version: "2.1";
  readonly id: string;
  readonly created: string;
  readonly modified: string;
  readonly name: string;
  readonly indicator_types: readonly string[];
  readonly pattern: string;
  readonly pattern_type: PatternType;
  readonly valid_from: string;
  readonly valid_until?: string;
  readonly external_references?: readonly { source_name: string; external_id: string }[];
  /** Whose knowledge it was before it became the consortium's. */
  readonly x_anamnesis_origin?: Origin;
}

/** Ascending in force. deny refuses single commands, block drops flows or addresses, isolate cuts an asset. */
export type ActionClass = "observe" | "alert" | "deny" | "block" | "isolate";

/** STIX 2.1 Course of Action as it travels, bound to one indicator. Everything in it is part of its id. */
export interface StixCourseOfAction {
  readonly type: "course-of-action";
  readonly spec_version: "2.1";
  readonly name: string;
  /** The strongest action class this response asks for. */
  readonly x_anamnesis_action: ActionClass;
}

// ── agreement ────────────────────────────────────────────────────────────────────────────────

/** 1 support, 2 refute, 3 withdraw. */
export type Stance = 1 | 2 | 3;
/** 1 observed, 2 validated, 3 analyst. */
export type Basis = 1 | 2 | 3;

/** A member's signed stance, the EIP-712 struct `Attestation`. */
export interface Attestation {
  readonly subject: Subject;
  readonly stance: Stance;
  readonly basis: Basis;
  /** 0–100. */
  readonly confidence: number;
  /** Seconds since the epoch, u40; 0 iff the stance is not support. */
  readonly validUntil: number;
  /** Milliseconds since the epoch, u48, strictly growing per (member, subject). */
  readonly version: number;
  /** The commitment of the content entry it stands on, or 32 zero bytes. */
  readonly content: Bytes32;
}

/** The EIP-712 struct `FeedHead`. */
export interface FeedHead {
  /** The node key's address. */
  readonly feed: Address;
  /** Number of leaves, u64. */
  readonly size: number;
  /** RFC 9162 Merkle tree hash of the leaves. */
  readonly root: Bytes32;
}

/** A head with its signature by the feed's own key. */
export interface SignedHead extends FeedHead {
  readonly signature: Signature;
}

/** The last accepted stance of one member on one subject: one storage slot on the chain. */
export interface Register {
  readonly member: MemberNumber;
  readonly stance: Stance;
  readonly basis: Basis;
  readonly confidence: number;
  readonly validUntil: number;
  readonly version: number;
  readonly uid: Uid;
}

/** M members, W witnesses, R refutes, and the batch limit of `attest`. */
export interface Parameters {
  readonly members: number;
  readonly witnesses: number;
  readonly refutes: number;
  readonly maxBatch: number;
}

/** What the registers of one subject say at one moment, first match wins (see `status`). */
export type StatusName = "none" | "withdrawn" | "dormant" | "proposed" | "attested" | "refuted";

/** The status of a subject with the counts it was computed from. */
export interface Status {
  readonly name: StatusName;
  /** At least one but fewer than R members refute. */
  readonly disputed: boolean;
  readonly supports: number;
  readonly witnesses: number;
  readonly refutes: number;
}

// ── feed entries ─────────────────────────────────────────────────────────────────────────────

/** Content: an indicator, a response bound to one, or the figures of a validation run. */
export type ContentBody =
  | { readonly type: "indicator"; readonly object: StixIndicator }
  | { readonly type: "response"; readonly indicator: IndicatorId; readonly object: StixCourseOfAction }
  | { readonly type: "validation"; readonly indicator: IndicatorId; readonly result: ValidationResult };

/** An attestation as it travels: digests only. */
export interface AttestationBody extends Attestation {
  readonly signature: Signature;
}

/** STIX 2.1 Sighting, cumulative: the last entry of a feed for an indicator wins. */
export interface SightingBody {
  readonly indicator: IndicatorId;
  /** ms since the epoch, the sensor's time. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
}

/** What happened to one application of a response on one control. */
export type ReceiptState = "applied" | "verified" | "undone" | "refused" | "deferred";

/** A control's receipt, signed by being in the feed. */
export interface ReceiptBody {
  readonly indicator: IndicatorId;
  readonly control: string;
  readonly kind: string;
  readonly action: ActionClass;
  readonly state: ReceiptState;
  /** enforced: an engine acknowledged; staged: a file was read back. */
  readonly proof: "enforced" | "staged" | "none";
  /** An error code or a short reason: `expired`, `refuted`, `withdrawn`, `operator` … */
  readonly reason?: string;
  /** ms since the epoch; absent when nothing is in force. */
  readonly expiresAtMs?: number;
}

/** One entry of a feed, before its canonical form. */
export type Entry = {
  /** Milliseconds since the epoch, the writer's clock. */
  readonly at: number;
  readonly tlp: Tlp;
  /** Only these members may read it; absent: every member. */
  readonly audience?: readonly MemberNumber[];
} & (
  | { readonly kind: "content"; readonly body: ContentBody }
  | { readonly kind: "attestation"; readonly body: AttestationBody }
  | { readonly kind: "sighting"; readonly body: SightingBody }
  | { readonly kind: "receipt"; readonly body: ReceiptBody }
);

/** The figures behind basis *validated*: what it was run against and what it hit. */
export interface ValidationResult {
  /** Benign records of the fitting protocol the predicate was evaluated over. */
  readonly events: number;
  /** Hours of real time these records span, two decimals; never claimed for sped-up traffic. */
  readonly hours: number;
  readonly hits: number;
  /** SHA-256 of the benign record set's index. */
  readonly dataset: Bytes32;
}

// ── self ─────────────────────────────────────────────────────────────────────────────────────

/** Purdue level: 0–2 process and control, 3 operations, 3.5 industrial DMZ, 4–5 enterprise. */
export type PurdueLevel = 0 | 1 | 2 | 3 | 3.5 | 4 | 5;

/** "This HMI may write this PLC": addresses and ranges on both sides. */
export interface Conduit {
  readonly name: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly protocol: "modbus";
  /** Function codes; empty: every one. */
  readonly functions: readonly number[];
  readonly comment?: string;
  /** When its traffic was last seen, ms since the epoch. */
  readonly seenMs?: number;
}

/** What belongs to the plant and must never be blocked. Addresses are single addresses or CIDR ranges. */
export interface Self {
  readonly assets: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    /** As 00:1b:1b:00:00:01. */
    readonly macs?: readonly string[];
    readonly domains?: readonly string[];
    readonly files?: readonly string[];
  }[];
  /** Own and needed names, matched by suffix. */
  readonly domains: readonly string[];
  readonly roles: {
    /** The network the controllers live in. */
    readonly otNetwork: readonly string[];
    /** Who may write to controllers. */
    readonly writers: readonly string[];
    readonly controllers: readonly string[];
    readonly engineeringStations?: readonly string[];
    readonly safetySystems?: readonly string[];
  };
  /** Who may write where; who one begins at is a writer. */
  readonly conduits?: readonly Conduit[];
  /** Public services the plant needs. */
  readonly services: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly domains: readonly string[];
  }[];
  /** SHA-256 values of the plant's own files. */
  readonly files: readonly string[];
  /** When an operator last confirmed it, ms since the epoch. Older than 30 days: alert only. */
  readonly confirmedAtMs: number;
  /** What the operator noted of a value, by the value in lower case. */
  readonly comments?: Readonly<Record<string, string>>;
  /** When a value was last seen in the plant's own traffic, ms since the epoch, by the value in lower case. */
  readonly seenMs?: Readonly<Record<string, number>>;
  /** Published lists of what is no sign of an attack. */
  readonly warninglists?: readonly Warninglist[];
}
