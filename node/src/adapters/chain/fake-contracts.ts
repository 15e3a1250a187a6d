/** The rules of both contracts in TypeScript, for the fake ledger; one suite holds them against the real ones. */
import { equalBytes, fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { rootsFromPath } from "@anamnesis/sdk/core/merkle";
import { recoverSigner } from "@anamnesis/sdk/core/signature";
import { wins } from "@anamnesis/sdk/core/status";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type {
  Address,
  Attestation,
  MemberNumber,
  Parameters,
  Register,
  SignedHead,
  Subject,
  Uid,
} from "@anamnesis/sdk/core/types";
import type { ChainEvent, EquivocationProof, SignedAttestation } from "../../ports.ts";

/** What both contracts store. */
export interface ContractState {
  readonly members: { readonly account: Address; active: boolean; removed?: true }[];
  readonly keys: Map<Address, { readonly member: MemberNumber; revoked: boolean; size: number }>;
  readonly registers: Map<Subject, Map<MemberNumber, Register>>;
  parameters: Parameters;
}

/** A transaction: changes the state and tells its events, or throws `chain.reverted` and changes nothing. */
export type FakeTransaction = (state: ContractState, block: FakeBlock) => ChainEvent[];

/** The block a transaction runs in. */
export interface FakeBlock {
  readonly number: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

const MAX_LEAD_MS = 600_000;
const MIN_MEMBERS = 3;
/** Codes of SkipCode.sol. */
const SKIP = { unknownKey: 1, revokedKey: 2, staleVersion: 4, futureVersion: 5 } as const;

/** Both contracts before their constructors ran. */
export function emptyContracts(): ContractState {
  const parameters = { members: 0, witnesses: 0, refutes: 0, maxBatch: 0 };
  return { members: [], keys: new Map(), registers: new Map(), parameters };
}

/** `MemberRegistry`'s constructor. */
export function found(founders: readonly Address[], parameters: Parameters): FakeTransaction {
  return (state, block) => {
    const admitted = founders.flatMap((founder) => admit(founder)(state, block));
    return [...admitted, ...setParameters(parameters)(state, block)];
  };
}

/** `admit`, as the governor. */
export function admit(account: Address): FakeTransaction {
  return (state, { number }) => {
    if (state.members.some((member) => member.account === account && !member.removed))
      revert("MemberRegistryAccountTaken");
    const member = state.members.push({ account, active: true }) as MemberNumber;
    return [{ block: number, type: "MemberAdmitted", member, account }];
  };
}

/** `suspend` or `reinstate`, as the governor. */
export function setActive(member: MemberNumber, active: boolean): FakeTransaction {
  return (state, { number }) => {
    const held = requireMember(state, member);
    if (held.active === active) {
      revert(active ? "MemberRegistryMemberActive" : "MemberRegistryMemberSuspended");
    }
    if (!active) requireFeasible(state.parameters, activeCount(state) - 1);
    held.active = active;
    return [{ block: number, type: active ? "MemberReinstated" : "MemberSuspended", member }];
  };
}

/** `remove`, as the governor. */
export function remove(member: MemberNumber): FakeTransaction {
  return (state, { number }) => {
    const held = requireMember(state, member);
    if (held.active) requireFeasible(state.parameters, activeCount(state) - 1);
    held.active = false;
    held.removed = true;
    return [{ block: number, type: "MemberRemoved", member }];
  };
}

/** `setParameters`, as the governor. */
export function setParameters(parameters: Parameters): FakeTransaction {
  return (state, { number }) => {
    requireFeasible(parameters, activeCount(state));
    state.parameters = parameters;
    return [{ block: number, type: "ParametersChanged", parameters }];
  };
}

/** `addNodeKey`, as the account of `member` with a good proof of possession. */
export function addNodeKey(member: MemberNumber, key: Address): FakeTransaction {
  return (state, { number }) => {
    const holder = state.members[member - 1];
    if (holder === undefined || holder.removed) revert("MemberRegistryNotMember");
    if (!holder.active) revert("MemberRegistryMemberSuspended");
    if (state.keys.has(key)) revert("MemberRegistryKeyTaken");
    state.keys.set(key, { member, revoked: false, size: 0 });
    return [{ block: number, type: "NodeKeyAdded", member, key }];
  };
}

/** `revokeNodeKey`, as the account of `member`. */
export function revokeNodeKey(member: MemberNumber, key: Address): FakeTransaction {
  return (state, { number }) => {
    const held = requireOpenKey(state, key);
    if (held.member !== member) revert("MemberRegistryForeignKey");
    held.revoked = true;
    return [{ block: number, type: "NodeKeyRevoked", member, key }];
  };
}

/** `attest`. */
export function attest(items: readonly SignedAttestation[], hasher: TypedDataHasher): FakeTransaction {
  return (state, block) => {
    if (items.length > 1 && items.length > state.parameters.maxBatch) revert("ImmuneMemoryBatchTooLarge");
    const signed = items.map((item) => ({ ...item, ...requireSigned(item, hasher) }));
    return signed.flatMap((item, index) => attestOne(state, block, item, index));
  };
}

/** `anchor`. */
export function anchor(heads: readonly SignedHead[], hasher: TypedDataHasher): FakeTransaction {
  return (state, { number }) => {
    if (heads.length > 1 && heads.length > state.parameters.maxBatch) revert("MemberRegistryBatchTooLarge");
    for (const head of heads) requireHead(head, hasher);
    return heads.flatMap(({ feed, size, root }, index): ChainEvent[] => {
      const key = state.keys.get(feed);
      const skipCode = key === undefined ? SKIP.unknownKey : SKIP.revokedKey;
      if (key === undefined || key.revoked) return [{ block: number, type: "Skipped", index, skipCode }];
      if (size <= key.size) return [];
      key.size = size;
      return [{ block: number, type: "FeedAnchored", feed, size, root }];
    });
  };
}

/** `reportEquivocation`. */
export function reportEquivocation(
  { a, b, path }: EquivocationProof,
  hasher: TypedDataHasher,
): FakeTransaction {
  return (state, { number }) => {
    if (a.feed !== b.feed) revert("MemberRegistryDifferentFeeds");
    const key = requireOpenKey(state, a.feed);
    requireHead(a, hasher);
    requireHead(b, hasher);
    let past: string = b.root;
    if (a.size !== b.size) {
      if (a.size === 0 || a.size > b.size) revert("MemberRegistryUnprovableSizes");
      const roots = rootsFromPath(a.size, b.size, path.map(fromHex));
      if (roots === undefined || !equalBytes(roots.new, fromHex(b.root))) revert("MemberRegistryForeignPath");
      past = toHex(roots.old);
    }
    if (past === a.root) revert("MemberRegistryConsistentHeads");
    key.revoked = true;
    return [
      { block: number, type: "NodeKeyRevoked", member: key.member, key: a.feed },
      { block: number, type: "EquivocationProven", feed: a.feed },
    ];
  };
}

type Signed = SignedAttestation & { readonly key: Address; readonly uid: Uid };

function attestOne(
  state: ContractState,
  { number, timestamp }: FakeBlock,
  { attestation, key, uid }: Signed,
  index: number,
): ChainEvent[] {
  const skip = (skipCode: number): ChainEvent[] => [{ block: number, type: "Skipped", index, skipCode }];
  const held = state.keys.get(key);
  if (held === undefined) return skip(SKIP.unknownKey);
  if (held.revoked) return skip(SKIP.revokedKey);
  if (attestation.version > timestamp * 1000 + MAX_LEAD_MS) return skip(SKIP.futureVersion);
  const { subject, content, ...word } = attestation;
  const registers = state.registers.get(subject) ?? new Map<MemberNumber, Register>();
  const register: Register = { member: held.member, ...word, uid };
  const previous = registers.get(held.member);
  if (previous?.uid === uid) return [];
  if (!wins(register, previous)) return skip(SKIP.staleVersion);
  state.registers.set(subject, registers.set(held.member, register));
  return [{ block: number, type: "Attested", subject, key, register, content }];
}

function requireSigned(item: SignedAttestation, hasher: TypedDataHasher): { key: Address; uid: Uid } {
  requireWellFormed(item.attestation);
  const digest = hasher.attestation(item.attestation);
  const key = recoverSigner(digest, item.signature);
  if (key === undefined) revert("ImmuneMemoryMalformedSignature");
  return { key, uid: toHex(digest) as Uid };
}

function requireWellFormed(a: Attestation): void {
  if (a.stance < 1 || a.stance > 3) revert("ImmuneMemoryInvalidStance");
  if (a.basis < 1 || a.basis > 3) revert("ImmuneMemoryInvalidBasis");
  if (a.confidence > 100) revert("ImmuneMemoryInvalidConfidence");
  if ((a.stance === 1) === (a.validUntil === 0)) revert("ImmuneMemoryInvalidValidUntil");
}

function requireHead(head: SignedHead, hasher: TypedDataHasher): void {
  if (head.size >= 2 ** 40) revert("MemberRegistryFeedTooLarge");
  const signer = recoverSigner(hasher.head(head), head.signature);
  if (signer === undefined) revert("MemberRegistryMalformedSignature");
  if (signer !== head.feed) revert("MemberRegistryWrongSigner");
}

function requireMember(state: ContractState, member: MemberNumber) {
  const held = state.members[member - 1];
  if (held === undefined) revert("MemberRegistryUnknownMember");
  if (held.removed) revert("MemberRegistryMemberRemoved");
  return held;
}

function requireOpenKey(state: ContractState, key: Address) {
  const held = state.keys.get(key);
  if (held === undefined) revert("MemberRegistryUnknownKey");
  if (held.revoked) revert("MemberRegistryKeyRevoked");
  return held;
}

function requireFeasible(p: Parameters, active: number): void {
  if (active < MIN_MEMBERS) revert("MemberRegistryTooFewMembers");
  const thresholds = 0 < p.witnesses && p.witnesses <= p.members && p.members <= active;
  if (!(thresholds && 0 < p.refutes && p.refutes <= active && 0 < p.maxBatch)) {
    revert("MemberRegistryInvalidParameters");
  }
}

function activeCount(state: ContractState): number {
  return state.members.filter((member) => member.active).length;
}

function revert(error: string): never {
  throw new AnamnesisError("chain.reverted", `the chain refused: ${error}`, { details: { error } });
}
