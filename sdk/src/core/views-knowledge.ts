/* Indicators as they are handed to others, and what becomes of proposals. */
import type {
  Address,
  Attestation,
  IndicatorId,
  MemberNumber,
  Signature,
  Status,
  StixIndicator,
  Subject,
  Tlp,
} from "./types.ts";

/** Why a value did not become a candidate. */
export interface Stopped {
  readonly value: string;
  readonly code: string;
  /** The entry that stopped it, with its source: `asset plc-1 (self.yaml)`. */
  readonly entry: string;
}

/** An indicator as it travels, and how far it may. */
export interface KnownIndicator {
  readonly object: StixIndicator;
  readonly tlp: Tlp;
  /** What members say of it together, by signatures held. */
  readonly status: Status["name"];
  /** Its version: the newest word on it, ms since the epoch. */
  readonly modifiedMs: number;
}

/** A member's word on a record, with what proves it: the fields of the EIP-712 `Attestation`. */
export interface SharedAttestation extends Omit<Attestation, "subject"> {
  readonly member: MemberNumber;
  readonly key: Address;
  readonly signature: Signature;
}

/** A record as it is handed to others: its newest version, and what members say. */
export interface SharedRecord extends KnownIndicator {
  readonly id: IndicatorId;
  readonly subject: Subject | null;
  /** When it was put on this node's shelf, µs since the epoch; no two records have the same. */
  readonly addedUs: number;
  readonly disputed: boolean;
  readonly attestations: readonly SharedAttestation[];
}

/** Which records are asked for. */
export interface SharedQuery {
  /** Put on the shelf after this time, µs since the epoch. */
  readonly afterUs: number;
  readonly limit: number;
  /** Only those with these STIX ids, these versions (ms since the epoch), or these statuses. */
  readonly stixIds?: readonly string[];
  readonly versionsMs?: readonly number[];
  readonly statuses?: readonly Status["name"][];
}

/** Records in the order of the shelf. */
export interface SharedPage {
  readonly records: readonly SharedRecord[];
  /** There are more after the last one. */
  readonly more: boolean;
  /** So many of those passed are AMBER+STRICT and are handed to nobody. */
  readonly withheld: number;
}

/** Indicators as they travel. */
export interface KnowledgePage {
  readonly indicators: readonly KnownIndicator[];
  /** So many of this page are AMBER+STRICT and leave in no file. */
  readonly withheld: number;
  /** Ask again after this one; null at the end. */
  readonly next: IndicatorId | null;
}

/** What became of proposals. */
export interface ProposedView {
  /** They await release now. */
  readonly queued: number;
  /** They are known, or awaited release already. */
  readonly known: number;
  /** They touch Self, a warninglist or what half the world shares. */
  readonly stopped: readonly Stopped[];
}
