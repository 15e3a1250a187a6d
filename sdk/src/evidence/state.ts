/** What the two contracts hold at a block, proved by their storage under its state root. */
import { fromHex, toHex } from "../core/bytes.ts";
import { keccak256 } from "../core/hash.ts";
import type { Address, MemberNumber, Parameters, Subject } from "../core/types.ts";
import { refuse } from "./refuse.ts";
import { bytesOf, decodeRlp, type RlpItem } from "./rlp.ts";
import {
  addedAtBlockSlot,
  memberSlot,
  type NodeKeyWord,
  nodeKeySlot,
  pathOf,
  REGISTRY_SLOTS,
  registerSlot,
  subjectSlot,
  unpackBlock,
  unpackCounts,
  unpackMember,
  unpackNodeKey,
  unpackParameters,
  wordOfLeaf,
} from "./storage.ts";
import { lookUp, type NodeSource, TrieFault } from "./trie.ts";
import type { KeyFacts, MemberFacts, Trust } from "./types.ts";

/** The storage roots of the two contracts, 32 bytes each. */
export interface StorageRoots {
  readonly memory: Uint8Array;
  readonly registry: Uint8Array;
}

/** What the registry holds. */
export interface RegistryState {
  readonly parameters: Parameters;
  /** By number, from 1. */
  readonly members: readonly MemberFacts[];
  readonly active: readonly MemberNumber[];
  readonly keys: ReadonlyMap<Address, KeyFacts & NodeKeyWord>;
}

/**
 * The two accounts under a state root: their code is the trusted one.
 * @param field names the proof in messages
 * @throws AnamnesisError `evidence.proof` | `evidence.code`
 */
export function proveAccounts(
  stateRoot: Uint8Array,
  trust: Pick<Trust, "memory" | "registry">,
  next: NodeSource,
  field: string,
): StorageRoots {
  const contracts = [trust.registry, trust.memory];
  const paths = contracts.map(({ address }) => keccak256(fromHex(address)));
  const values = walk(stateRoot, paths, next, field);
  const [registry, memory] = contracts.map(({ address, codeHash }, index) => {
    const value = values[index];
    if (value === undefined) throw refuse("evidence.code", field, `prove that nothing is at ${address}`);
    const account = accountOf(value);
    if (account === undefined) throw refuse("evidence.proof", field, `hold no account at ${address}`);
    if (toHex(account.codeHash) !== codeHash) {
      const found = toHex(account.codeHash);
      throw refuse("evidence.code", field, `prove code ${found} at ${address}; trusted is ${codeHash}`);
    }
    return account.storageRoot;
  }) as [Uint8Array, Uint8Array];
  return { registry, memory };
}

/**
 * Parameters, all members and the given keys.
 * @throws AnamnesisError `evidence.proof` | `evidence.member` | `evidence.key`
 */
export function proveRegistry(
  root: Uint8Array,
  memberCount: number,
  keys: readonly Address[],
  next: NodeSource,
  field: string,
): RegistryState {
  const slots = [...registrySlots(memberCount, keys)];
  const words = readWords(root, slots, next, field);
  const parameters = words[0] && unpackParameters(words[0]);
  const counts = words[1] && unpackCounts(words[1]);
  if (parameters === undefined || counts === undefined)
    throw refuse("evidence.proof", field, "prove no parameters and counts of a registry");
  if (counts.members !== memberCount)
    throw refuse("evidence.member", field, `prove ${counts.members} members and not ${memberCount}`);
  const members = Array.from({ length: memberCount }, (_, index): MemberFacts => {
    const word = words[2 + index];
    const held = word && unpackMember(word);
    if (held === undefined) throw refuse("evidence.member", field, `prove no member ${index + 1}`);
    return { member: (index + 1) as MemberNumber, ...held };
  });
  const active = members.filter((each) => each.active).map(({ member }) => member);
  if (active.length !== counts.active)
    throw refuse(
      "evidence.member",
      field,
      `prove ${active.length} active members and count ${counts.active}`,
    );
  const held = new Map<Address, KeyFacts & NodeKeyWord>();
  for (const [index, key] of keys.entries()) {
    const [slot, added] = words.slice(2 + memberCount + 2 * index);
    if (slot === undefined || added === undefined)
      throw refuse("evidence.key", field, `prove that no member ever added the key ${key}`);
    const addedAtBlock = unpackBlock(added);
    const node = unpackNodeKey(slot);
    if (addedAtBlock === undefined || node.member === 0 || node.member > memberCount)
      throw refuse("evidence.key", field, `prove no member and block that added the key ${key}`);
    held.set(key, { key, addedAtBlock, ...node });
  }
  return { parameters, members, active, keys: held };
}

/** How many members were ever admitted. Throws `evidence.proof`. */
export function proveMemberCount(root: Uint8Array, next: NodeSource, field: string): number {
  const [, word] = readWords(root, REGISTRY_SLOTS, next, field);
  const counts = word && unpackCounts(word);
  if (counts === undefined) throw refuse("evidence.proof", field, "prove no counts of a registry");
  return counts.members;
}

/** Slots of the registry in the order in which `proveRegistry` reads them. */
export function* registrySlots(memberCount: number, keys: readonly Address[]): Generator<Uint8Array> {
  yield* REGISTRY_SLOTS;
  for (let member = 1; member <= memberCount; member++) yield memberSlot(member);
  for (const key of keys) {
    yield nodeKeySlot(key);
    yield addedAtBlockSlot(key);
  }
}

/**
 * The registers of the given members for the given subjects, subject by subject; undefined where one is
 * proved to be empty.
 * @throws AnamnesisError `evidence.proof`
 */
export function proveRegisters(
  root: Uint8Array,
  subjects: readonly Subject[],
  members: readonly MemberNumber[],
  next: NodeSource,
  field: string,
): readonly (Uint8Array | undefined)[] {
  return readWords(root, [...memorySlots(subjects, members)], next, field);
}

/** Slots of the memory in the order in which `proveRegisters` reads them. */
export function* memorySlots(
  subjects: readonly Subject[],
  members: readonly MemberNumber[],
): Generator<Uint8Array> {
  for (const subject of subjects) {
    const slot = subjectSlot(subject);
    for (const member of members) yield registerSlot(slot, member);
  }
}

function readWords(
  root: Uint8Array,
  slots: readonly Uint8Array[],
  next: NodeSource,
  field: string,
): readonly (Uint8Array | undefined)[] {
  return walk(root, slots.map(pathOf), next, field).map((value) => {
    if (value === undefined) return undefined;
    const word = wordOfLeaf(value);
    if (word === undefined) throw refuse("evidence.proof", field, "hold a value that is no storage word");
    return word;
  });
}

function walk(
  root: Uint8Array,
  paths: readonly Uint8Array[],
  next: NodeSource,
  field: string,
): readonly (Uint8Array | undefined)[] {
  try {
    return lookUp(root, paths, next);
  } catch (error) {
    if (error instanceof TrieFault)
      throw refuse("evidence.proof", field, `hold a node that ${error.message}`);
    throw error;
  }
}

/** nonce, balance, storage root, code hash (Yellow Paper §4.1). */
function accountOf(value: Uint8Array): { storageRoot: Uint8Array; codeHash: Uint8Array } | undefined {
  const account = decodeRlp(value);
  if (account === undefined || account instanceof Uint8Array || account.length !== 4) return undefined;
  const [, , root, code] = account as readonly RlpItem[];
  const [storageRoot, codeHash] = [bytesOf(root, 32), bytesOf(code, 32)];
  return storageRoot && codeHash && { storageRoot, codeHash };
}
