/**
 * The two files of an audit: the bundle that proves, and the trust file that it is held against.
 *
 * A bundle is one JSON text in canonical form (RFC 8785): keys in order, no white space, hexadecimal
 * in lower case. Every list has one order, and every byte of it is checked, so that two bundles that
 * say the same are the same bytes and a bundle that was touched is refused.
 */
import type {
  Address,
  Attestation,
  Bytes32,
  Entry,
  Hex,
  IndicatorId,
  MemberNumber,
  Parameters,
  PatternType,
  Status,
  StixCourseOfAction,
  Subject,
} from "../core/types.ts";

/** What the first field of a bundle says. */
export const BUNDLE_FORMAT = "anamnesis/evidence/1";
/** What the first field of a trust file says. */
export const TRUST_FORMAT = "anamnesis/trust/1";

// ── the bundle ───────────────────────────────────────────────────────────────────────────────

/** One file that proves records without a network. */
export interface EvidenceBundle {
  readonly format: typeof BUNDLE_FORMAT;
  /** Where the records live; the same as in the trust file. */
  readonly chain: ChainIdentity;
  /**
   * Block headers as RLP, ascending by number: that of every snapshot, and those that lead from the
   * trusted validators to the ones that sealed it.
   */
  readonly headers: readonly Hex[];
  /** What is proved, by block, ascending; at least one. */
  readonly snapshots: readonly Snapshot[];
}

/** Names one consortium on one chain. */
export interface ChainIdentity {
  readonly chainId: number;
  readonly genesisHash: Bytes32;
  /** The ImmuneMemory. */
  readonly memory: Address;
  /** The MemberRegistry, which is the EIP-712 domain's contract as well. */
  readonly registry: Address;
}

/** Records and feeds with all that proves them at one block. */
export interface Snapshot {
  readonly block: { readonly hash: Bytes32; readonly number: number };
  /** Content entries that attestations below commit to, ascending by commitment. */
  readonly contents: readonly SaltedEntry[];
  /** Ascending by address. */
  readonly feeds: readonly FeedEvidence[];
  /** Public keys of the nodes, 33 bytes each, ascending as text: of all that signed below, and of any other that is to be shown. */
  readonly keys: readonly Hex[];
  /** Members ever admitted: the registry proves all of them, from 1 to this. */
  readonly memberCount: number;
  readonly proof: StateProof;
  /** Ascending by subject. */
  readonly records: readonly RecordEvidence[];
}

/** An entry of a feed with the salt that hides it in its commitment. */
export interface SaltedEntry {
  readonly entry: Entry;
  readonly salt: Bytes32;
}

/**
 * Nodes of three Merkle Patricia tries, each once, in the order in which a walk from the root meets
 * them: depth first, smaller nibbles first.
 */
export interface StateProof {
  /** Of the state trie: to the two contracts' accounts. */
  readonly accounts: readonly Hex[];
  /** Of the memory's storage: to the registers of every active member for every record. */
  readonly memory: readonly Hex[];
  /** Of the registry's storage: to parameters, counts, every member and the keys above. */
  readonly registry: readonly Hex[];
}

/** What a record's id is the hash of: it tells the id, and nothing has to be believed. */
export type RecordName =
  | { readonly pattern: string; readonly patternType: PatternType; readonly type: "indicator" }
  | { readonly indicator: IndicatorId; readonly object: StixCourseOfAction; readonly type: "response" };

/** A record: what it is, and what the active members say of it. */
export interface RecordEvidence {
  /** One for every register of an active member that is not empty, ascending by member. */
  readonly attestations: readonly AttestationEvidence[];
  /** HMAC-SHA-256(K, id): it reveals this record's subject and no other. */
  readonly blind: Bytes32;
  readonly name: RecordName;
}

/** A member's signed stance; its subject is its record's. */
export interface AttestationEvidence extends Omit<Attestation, "subject"> {
  /** The node key that signed. */
  readonly key: Address;
  readonly member: MemberNumber;
  /** r ‖ s, 64 bytes: the key is known, so nothing has to be recovered. */
  readonly signature: Hex;
}

/** Entries of a feed under the head that the chain holds at the block. */
export interface FeedEvidence {
  readonly feed: Address;
  /** Ascending by index; at least one. */
  readonly items: readonly FeedItem[];
  /** Roots of the largest subtrees that hold none of the items, from left to right. */
  readonly path: readonly Bytes32[];
  readonly root: Bytes32;
  /** Of the head, r ‖ s, 64 bytes. */
  readonly signature: Hex;
  readonly size: number;
}

/** One leaf of a feed. */
export interface FeedItem extends SaltedEntry {
  readonly index: number;
}

// ── the trust file ───────────────────────────────────────────────────────────────────────────

/** What an auditor believes beforehand: a page, from a source of the auditor's own choice. */
export interface Trust {
  readonly format: typeof TRUST_FORMAT;
  readonly chainId: number;
  readonly genesisHash: Bytes32;
  /** Keccak-256 of the deployed code pins immutables, too: the governor, the registry, SHA-256(K). */
  readonly memory: TrustedContract;
  readonly registry: TrustedContract;
  /** The validators that seal from a block on, ascending by block. May be empty when unsealed blocks are allowed. */
  readonly validators: readonly ValidatorSet[];
  /** Blocks between two epochs of the votes (`epochlength` of the genesis file). Default 30,000, as in Besu. */
  readonly epochBlocks?: number;
  /** Accepts blocks that no validator seals, as a development chain makes them. Default false. */
  readonly allowUnsealed?: boolean;
}

/** A contract by its place and its code. */
export interface TrustedContract {
  readonly address: Address;
  readonly codeHash: Bytes32;
}

/** The addresses that seal blocks from `block` on. */
export interface ValidatorSet {
  readonly block: number;
  readonly addresses: readonly Address[];
}

// ── the verdict ──────────────────────────────────────────────────────────────────────────────

/** The checks of DESIGN §7, in its order. */
export type CheckName =
  | "chain"
  | "content"
  | "attestations"
  | "state"
  | "registers"
  | "status"
  | "inclusion"
  | "seals";

/** One check and what came of it. */
export interface Check {
  readonly name: CheckName;
  readonly result: "passed" | "failed" | "not run";
  /** A phrase with the figures, or the cause. */
  readonly detail: string;
}

/** The codes with which verification refuses. */
export type EvidenceCode =
  | "evidence.chain"
  | "evidence.content"
  | "evidence.attestation"
  | "evidence.proof"
  | "evidence.code"
  | "evidence.key"
  | "evidence.member"
  | "evidence.register"
  | "evidence.record"
  | "evidence.inclusion"
  | "evidence.head"
  | "evidence.header"
  | "evidence.seal"
  | "evidence.unsealed";

/** Why a bundle is not verified: which record, which field, and the cause. */
export interface EvidenceFailure {
  readonly code: EvidenceCode;
  /** The subject of the record or the address of the feed; absent when it concerns all. */
  readonly record?: Hex;
  /** Where in the bundle, as `snapshots[0].records[2].attestations[1].signature`. */
  readonly field: string;
  readonly cause: string;
}

/** What came of a bundle. There are facts only when everything is verified. */
export type Verdict =
  | {
      readonly verified: true;
      /** One sentence. */
      readonly conclusion: string;
      readonly checks: readonly Check[];
      readonly facts: readonly SnapshotFacts[];
    }
  | {
      readonly verified: false;
      readonly conclusion: string;
      readonly checks: readonly Check[];
      readonly failure: EvidenceFailure;
    };

/** What is true at one block. */
export interface SnapshotFacts {
  readonly block: BlockFacts;
  readonly parameters: Parameters;
  /** All that were ever admitted, by number. */
  readonly members: readonly MemberFacts[];
  readonly keys: readonly KeyFacts[];
  readonly records: readonly RecordFacts[];
  readonly feeds: readonly FeedFacts[];
}

/** A block and who vouches for it. */
export interface BlockFacts {
  readonly number: number;
  readonly hash: Bytes32;
  /** Seconds since the epoch: the `at` of every status. */
  readonly timestamp: number;
  /** Trusted validators that sealed it, ascending; empty for an unsealed block that the trust file allows. */
  readonly sealedBy: readonly Address[];
  /** How many validators there were. */
  readonly validators: number;
}

/** A member as the registry holds it. */
export interface MemberFacts {
  readonly member: MemberNumber;
  readonly account: Address;
  readonly active: boolean;
  readonly removed: boolean;
}

/** A node key as the registry holds it; see `isKeyActiveAt`. */
export interface KeyFacts {
  readonly key: Address;
  readonly member: MemberNumber;
  readonly addedAtBlock: number;
  /** 0 while it is open. */
  readonly revokedAtBlock: number;
}

/** A record with its status at the block. */
export interface RecordFacts {
  readonly id: Bytes32;
  readonly subject: Subject;
  readonly name: RecordName;
  readonly status: Status;
  readonly stances: readonly StanceFacts[];
}

/** What a member said of a record and stands behind at the block. */
export interface StanceFacts extends Attestation {
  readonly member: MemberNumber;
  readonly key: Address;
  /** The entry that `content` commits to; absent when there is none or it is not shown. */
  readonly shown?: Entry;
}

/** Entries of a feed that are in its anchored head. */
export interface FeedFacts {
  readonly feed: Address;
  readonly member: MemberNumber;
  readonly size: number;
  readonly root: Bytes32;
  readonly entries: readonly { readonly index: number; readonly entry: Entry }[];
}
