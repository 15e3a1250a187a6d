/** What the flows need from the chain; part of `ports.ts`. */
import type {
  Address,
  Attestation,
  Bytes32,
  Hex,
  MemberNumber,
  Parameters,
  Register,
  Signature,
  SignedHead,
  Subject,
} from "@anamnesis/sdk/core/types";

export interface BlockRef {
  readonly number: number;
  readonly hash: Bytes32;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

/** Events of the two contracts, decoded, in log order. */
export type ChainEvent = { readonly block: number } & (
  | { readonly type: "MemberAdmitted"; readonly member: MemberNumber; readonly account: Address }
  | { readonly type: "MemberSuspended"; readonly member: MemberNumber }
  | { readonly type: "MemberReinstated"; readonly member: MemberNumber }
  | { readonly type: "MemberRemoved"; readonly member: MemberNumber }
  | { readonly type: "ParametersChanged"; readonly parameters: Parameters }
  | { readonly type: "NodeKeyAdded"; readonly member: MemberNumber; readonly key: Address }
  | { readonly type: "NodeKeyRevoked"; readonly member: MemberNumber; readonly key: Address }
  | { readonly type: "FeedAnchored"; readonly feed: Address; readonly size: number; readonly root: Bytes32 }
  | { readonly type: "EquivocationProven"; readonly feed: Address }
  | {
      readonly type: "Attested";
      readonly subject: Subject;
      readonly key: Address;
      readonly register: Register;
      readonly content: Bytes32;
    }
  | { readonly type: "Skipped"; readonly index: number; readonly skipCode: number }
);

/** An attestation with its signature, as relays carry it. */
export interface SignedAttestation {
  readonly attestation: Attestation;
  readonly signature: Signature;
}

/** Two heads of one feed that cannot both be prefixes of one history. */
export interface EquivocationProof {
  readonly a: SignedHead;
  readonly b: SignedHead;
  readonly path: readonly Bytes32[];
}

/** What a mined write did. `skipped`: items the contract passed over, with the code of SkipCode.sol. */
export interface WriteOutcome {
  readonly block: number;
  readonly skipped: readonly { readonly index: number; readonly skipCode: number }[];
}

/** One address of a chain node. `excluded`: it leads to another chain, or contradicted itself. */
export interface ChainEndpoint {
  /** Host and port. */
  readonly name: string;
  readonly state: "untried" | "answering" | "away" | "excluded";
  /** Whether it is asked now. */
  readonly current: boolean;
  readonly reason?: string;
}

/** An account that pays for transactions. */
export interface ChainSender {
  readonly address: Address;
  /** Transactions that were sent and are not known to be mined. */
  readonly waiting: number;
  /** Seconds for which nothing of it was mined although something waits. */
  readonly stuckSeconds: number;
}

/** A signed transaction that is not known to be mined, kept over restarts so that the same bytes are sent again. */
export interface InFlight {
  readonly sender: Address;
  readonly nonce: number;
  /** The transaction's bytes; several when its fee was raised, the newest last. */
  readonly raws: readonly Hex[];
}

/** Where transactions in flight are kept. Writes need to outlive the process, not a power cut. */
export interface InFlightBook {
  all(): readonly InFlight[];
  put(transaction: InFlight): Promise<void>;
  drop(sender: Address, nonce: number): Promise<void>;
}

/** What is to be proved of one block's state. */
export interface ProofQuestion {
  readonly block: number;
  /** Members ever admitted, as far as is known. */
  readonly memberCount: number;
  /** Node keys; each was added by that block. */
  readonly keys: readonly Address[];
  readonly subjects: readonly Subject[];
}

/** Both contracts' state at one block, proved under its header. */
export interface ProvenState {
  /** The block asked for or, when the node no longer served its state, the newest one. */
  readonly block: BlockRef;
  /** RLP of the header. */
  readonly header: Uint8Array;
  /** Trie nodes, each once: those that prove and no others. */
  readonly nodes: readonly Uint8Array[];
  readonly parameters: Parameters;
  readonly active: readonly MemberNumber[];
  /** Sizes of the feeds' anchored heads, by key. */
  readonly sizes: ReadonlyMap<Address, number>;
  /** Words of 32 bytes by subject and member; empty registers are left out. */
  readonly registers: ReadonlyMap<Subject, ReadonlyMap<MemberNumber, Uint8Array>>;
}

/**
 * The ledger by JSON-RPC. Writes resolve when the transaction is mined.
 * @throws AnamnesisError `chain.unreachable` | `chain.mismatch` | `chain.reverted`
 */
export interface Chain {
  /** Checks chain id, genesis hash and the code hashes of both contracts; throws `chain.mismatch`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly genesisHash: Bytes32;
  readonly registry: Address;
  /** SHA-256(K) as `ImmuneMemory` holds it. */
  blindingKeyHash(): Promise<Bytes32>;
  head(): Promise<BlockRef>;
  block(number: number): Promise<BlockRef | undefined>;
  /** All events of both contracts in [from, to], at most 2,000 blocks wide. */
  events(from: number, to: number): Promise<readonly ChainEvent[]>;
  /** Calls back on new heads; a hint only, the indexer backfills by number. */
  onHead(callback: () => void): () => void;
  attest(items: readonly SignedAttestation[]): Promise<WriteOutcome>;
  anchor(heads: readonly SignedHead[]): Promise<WriteOutcome>;
  reportEquivocation(proof: EquivocationProof): Promise<void>;
  /** The signed head that anchored `size` entries of a feed in `block`, from the transaction that carried it; undefined when it cannot be told. */
  anchoredHead(feed: Address, size: number, block: number): Promise<SignedHead | undefined>;
  /**
   * Asks for a proof and checks it against the header before it is believed.
   * @throws AnamnesisError `evidence.incomplete` when the node serves none that holds
   */
  prove(question: ProofQuestion): Promise<ProvenState>;
  /** RLP of a block's header, which gives its hash; undefined when there is no such block. */
  header(number: number): Promise<Uint8Array | undefined>;
  /** Whether a contract calls a signature over a digest its own (EIP-1271), by its state at a block. */
  isSignedByContract(account: Address, digest: Bytes32, signature: Hex, block: number): Promise<boolean>;
  /** Something is about to be recorded: look for new blocks more often for a while. */
  expect(): void;
  endpoints(): readonly ChainEndpoint[];
  senders(): readonly ChainSender[];
}
