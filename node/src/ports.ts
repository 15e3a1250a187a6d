/**
 * What the flows need from the world. Adapters implement these, `main.ts` joins them; a flow names
 * only the ports it uses. Every port is safe to fake: the suites under test/node run on both.
 */

import type { ErrorCode } from "@anamnesis/sdk/core/errors";
import type {
  ActionClass,
  Address,
  Attestation,
  Bytes32,
  FeedHead,
  Hex,
  IndicatorForm,
  IndicatorId,
  LineOutcome,
  LineReason,
  PurdueLevel,
  Self,
  Signature,
  Uid,
} from "@anamnesis/sdk/core/types";

// ── time, chance, words ──────────────────────────────────────────────────────────────────────

/** Time. `nowMs` may step (it is wall time); `monotonicMs` never goes back and has no origin. */
export interface Clock {
  /** ms since the epoch, with fraction. */
  nowMs(): number;
  monotonicMs(): number;
}

/** Cryptographically strong bytes. */
export interface Randomness {
  bytes(length: number): Uint8Array;
}

/** One structured line per state change. Fields are plain and never secret. */
export interface Log {
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void;
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

// ── store ────────────────────────────────────────────────────────────────────────────────────

/** One write of a batch. */
export type StoreOp =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: string };

/**
 * An ordered map of text keys to bytes.
 *
 * `commit` MUST be atomic, MUST be durable (synced) when it resolves, and MUST take effect in the
 * order of the calls; concurrent commits MAY share one sync. Reads see committed batches only.
 * With `sync: false` it survives the process when it resolves, and a power cut once a later synced
 * commit has, or a second later: for what a start works out again and what peers still have.
 * @throws AnamnesisError `store.full` | `store.io` | `store.locked` | `store.corrupt`
 */
export interface Store {
  get(key: string): Uint8Array | undefined;
  /** Keys ≥ gte and < lt, ascending unless `reverse`. */
  entries(range: {
    gte: string;
    lt: string;
    reverse?: boolean;
    limit?: number;
  }): AsyncIterable<readonly [string, Uint8Array]>;
  commit(ops: readonly StoreOp[], options?: { readonly sync?: boolean }): Promise<void>;
}

// ── keys ─────────────────────────────────────────────────────────────────────────────────────

/** The node key. It signs structures, never a bare digest. */
export interface Signer {
  readonly address: Address;
  signHead(head: FeedHead): Signature;
  signAttestation(attestation: Attestation): { readonly uid: Uid; readonly signature: Signature };
}

/**
 * The member account: a company's own word (votes, node keys), from a key here or a signer elsewhere.
 * @throws AnamnesisError `chain.reverted` | `chain.unreachable` | `signer.unreachable` | `signer.mismatch`
 */
export interface MemberAccount {
  readonly address: Address;
  /** Sends one call and waits until it is mined. */
  send(to: Address, data: Hex): Promise<{ readonly block: number; readonly hash: Bytes32 }>;
}

// ── detectors ────────────────────────────────────────────────────────────────────────────────

export type { LineOutcome, LineReason };

/** Lines read together. `position` covers them all and is committed in the same batch as their outcome. */
export interface LineBatch {
  readonly detector: string;
  /** Where to go on after a restart, opaque to the flow, JSON-serialisable. */
  readonly position: unknown;
  readonly lines: readonly LineOutcome[];
}

/**
 * A source of alerts. `start` resumes after `position` and hands batches to `sink` one at a time;
 * the next batch waits until the sink has made the last one durable (back-pressure).
 */
export interface Detector {
  readonly name: string;
  start(position: unknown, sink: (batch: LineBatch) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

// ── controls ─────────────────────────────────────────────────────────────────────────────────

/** Closed intervals of what a plan would block; the independent checker proves it disjoint from Self. */
export interface TrafficSet {
  /** CIDR ranges or single addresses; `any` on one side only. */
  readonly sources: readonly string[];
  readonly destinations: readonly string[];
  /** Empty: every port. */
  readonly ports: readonly number[];
  /** Application function codes; empty: every function (the whole flow). */
  readonly functions: readonly number[];
  /** Domain names stopped with everything below them; then the other members are empty. */
  readonly names?: readonly string[];
}

/** An indicator compiled for one control at one plant. */
export interface Compiled {
  /** The strongest action this form can express here (content-only rules: alert). */
  readonly action: ActionClass;
  /** Control-specific text: a list line, an nft element, one or more rules (one a line). Already escaped. */
  readonly statement: string;
  /** Exactly what is stopped when the action is deny or above. */
  readonly blocks: readonly TrafficSet[];
  /** What an operator must know: "the whole flow is dropped, reads included". */
  readonly consequences: readonly string[];
}

/** Why a control cannot take an indicator: `self.incomplete`, `plan.unsupported`, `candidate.self` … */
export interface Refusal {
  readonly refused: ErrorCode;
  readonly reason: string;
}

/** One indicator in force (or meant to be) on one control. */
export interface Application {
  readonly indicator: IndicatorId;
  readonly control: string;
  readonly action: ActionClass;
  readonly statement: string;
  /** ms since the epoch. */
  readonly appliedAtMs: number;
  readonly expiresAtMs: number;
}

/** What a control says after `verify`. */
export interface Verification {
  readonly proof: "enforced" | "staged";
  /** Indicators that should be there and are not. */
  readonly missing: readonly IndicatorId[];
  /** Statements of ours that are there and should not be. */
  readonly extra: readonly string[];
  /** Of the missing, those that the control itself cannot take, in its own words. It was asked, and goes on with the rest. */
  readonly refused?: ReadonlyMap<IndicatorId, string>;
}

/** What is different from the applications that were last applied. */
export interface ControlChange {
  /** New ones, and those that stay with something else in them. */
  readonly put: readonly Application[];
  readonly gone: readonly IndicatorId[];
  /** All that shall be in place, for whoever has to begin anew; costs as much as there is. */
  all(): readonly Application[];
}

/**
 * An enforcement point.
 *
 * `compile` is pure. After `apply` resolves exactly the given applications are in place: it MUST be
 * atomic (old state or new, never between) and idempotent; undo is `apply` without.
 * @throws AnamnesisError `control.io` | `control.preflight`
 */
export interface Control {
  readonly name: string;
  readonly kind: "command" | "crowdsec" | "edl" | "gateway" | "nftables" | "suricata" | "zeek-intel";
  readonly level: PurdueLevel;
  /** At most so many ms lie between two applications when they are costly, for what its readers take up later anyway. */
  readonly paceMs?: number;
  preflight(): Promise<void>;
  compile(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal;
  apply(applications: readonly Application[]): Promise<void>;
  verify(applications: readonly Application[]): Promise<Verification>;
  /**
   * `apply` and `verify` at the cost of the change, where much is in force. MUST only be called when the
   * last `apply` or `change` has resolved. In place of the whole, each statement is old or new, never between.
   */
  change?(change: ControlChange): Promise<Verification>;
}

// ── peers ────────────────────────────────────────────────────────────────────────────────────

/** What a receiver decided about a message; codes double as metric labels. */
export type Verdict =
  | { readonly verdict: "accept" }
  | { readonly verdict: "ignore"; readonly code: ErrorCode }
  | { readonly verdict: "reject"; readonly code: ErrorCode };

/** One line of a version vector. root8: the first 8 bytes of the root. */
export interface VectorItem {
  readonly feed: Address;
  readonly size: number;
  readonly root8: Hex16;
}
/** 8 bytes as hexadecimal with 0x. */
export type Hex16 = `0x${string}`;

/** The once-a-second greeting. */
export interface Have {
  readonly genesisHash: Bytes32;
  readonly registry: Address;
  readonly vectorHash: Bytes32;
  /** Drawn by each process at its start: tells two processes with one key apart. */
  readonly session: Hex16;
}

/** Answer to `have`. `rival`: another process with the asker's key spoke first and still speaks. */
export type HaveAnswer =
  | { readonly answer: "same"; readonly rival?: true }
  | { readonly answer: "vector"; readonly items: readonly VectorItem[]; readonly rival?: true }
  | { readonly answer: "foreign"; readonly reason: string };

/** What this node answers to its peers. Handlers throw AnamnesisError to refuse. */
export interface PeerHandlers {
  /** The gater: may this key connect at all? Asked before any stream opens and again on change. */
  isMember(address: Address): boolean;
  onMessage(from: Address, message: Uint8Array): Promise<Verdict>;
  onHave(from: Address, have: Have): HaveAnswer;
  /** Feed messages from `from` on, at most maxBytes together (the first is always given). */
  onGet(from: Address, feed: Address, start: number, maxBytes: number): Promise<readonly Uint8Array[]>;
  /** RFC 9162 consistency path m → n of a feed held here (unabridged form, see merkle.ts). */
  onProve(from: Address, feed: Address, m: number, n: number): Promise<readonly Bytes32[]>;
  onBlindingKey(from: Address): Uint8Array;
  /** A connection that proves our own PeerId: a second process holds our key. */
  onSelf(remote: string): void;
  onConnect(address: Address): void;
  onDisconnect(address: Address): void;
}

/**
 * The other plants. Requests reject with `peer.timeout` | `peer.protocol` | `peer.stranger`.
 * `broadcast` never throws: what a peer misses it fetches after its next `have`.
 */
export interface Peers {
  start(handlers: PeerHandlers): Promise<void>;
  stop(): Promise<void>;
  /** Multiaddrs others can dial. */
  addresses(): readonly string[];
  connected(): readonly Address[];
  broadcast(message: Uint8Array): void;
  have(peer: Address, have: Have): Promise<HaveAnswer>;
  get(peer: Address, feed: Address, start: number, maxBytes: number): Promise<readonly Uint8Array[]>;
  prove(peer: Address, feed: Address, m: number, n: number): Promise<readonly Bytes32[]>;
  blindingKey(peer: Address): Promise<Uint8Array>;
  /** Ask the gater again and cut whoever may no longer speak. */
  recheck(): void;
}

// ── chain ────────────────────────────────────────────────────────────────────────────────────

export type * from "./ports-chain.ts";
