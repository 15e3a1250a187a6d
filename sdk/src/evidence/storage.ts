/** Where the two contracts keep what evidence proves, and how it is packed; drawn in contracts/. */
import { fromHex, readUint, toHex, uintBytes } from "../core/bytes.ts";
import { keccak256 } from "../core/hash.ts";
import type { Address, Attestation, MemberNumber, Parameters, Subject } from "../core/types.ts";

const WORD_BYTES = 32;
const UID_BYTES = 18;

/** What is hashed for a slot of a mapping. */
const pair = new Uint8Array(2 * WORD_BYTES);

/** Slots of `MemberRegistry`. */
const MEMBERS = wordOf(6);
const NODE_KEYS = wordOf(8);
const PARAMETERS = wordOf(9);
const COUNTS = wordOf(10);
const ADDED_AT_BLOCK = wordOf(11);
/** Slot of `ImmuneMemory`. */
const REGISTERS = wordOf(0);

/** The slots that every proof of the registry starts with: parameters, then counts. */
export const REGISTRY_SLOTS: readonly Uint8Array[] = [PARAMETERS, COUNTS];

/** Slot of a member, 32 bytes. */
export function memberSlot(member: number): Uint8Array {
  return valueSlot(wordOf(member), MEMBERS);
}

/** Slot of a node key and its feed's head. */
export function nodeKeySlot(key: Address): Uint8Array {
  return valueSlot(padded(fromHex(key)), NODE_KEYS);
}

/** Slot of the block that added a node key. */
export function addedAtBlockSlot(key: Address): Uint8Array {
  return valueSlot(padded(fromHex(key)), ADDED_AT_BLOCK);
}

/** Slot of the mapping that holds a subject's registers; `registerSlot` finds a member's in it. */
export function subjectSlot(subject: Subject): Uint8Array {
  return valueSlot(fromHex(subject), REGISTERS);
}

/** Slot of a member's register, given its subject's. */
export function registerSlot(subject: Uint8Array, member: MemberNumber): Uint8Array {
  pair.fill(0, 0, WORD_BYTES);
  pair[WORD_BYTES - 2] = member >> 8;
  pair[WORD_BYTES - 1] = member & 255;
  pair.set(subject, WORD_BYTES);
  return keccak256(pair);
}

/** The path of a slot in its contract's trie. */
export function pathOf(slot: Uint8Array): Uint8Array {
  return keccak256(slot);
}

/** The word of a leaf's value, undefined when it is not the RLP of 1 to 32 bytes without a leading zero. */
export function wordOfLeaf(value: Uint8Array): Uint8Array | undefined {
  const [first, second] = value as unknown as readonly [number, number];
  const isByte = value.length === 1 && first < 0x80;
  const isText = value.length >= 2 && value.length <= 1 + WORD_BYTES && first === 0x7f + value.length;
  if (!isByte && (!isText || (value.length === 2 && second < 0x80))) return undefined; // not the shortest form
  const bytes = isByte ? value : value.subarray(1);
  return bytes[0] === 0 ? undefined : padded(bytes);
}

/** A member's slot. Undefined bits that are not zero have no meaning and give undefined. */
export function unpackMember(
  word: Uint8Array,
): { readonly account: Address; readonly active: boolean; readonly removed: boolean } | undefined {
  const [removed, active] = [word[10] as number, word[11] as number];
  if (removed > 1 || active > 1 || !isZero(word, 0, 10)) return undefined;
  return { account: toHex(word.subarray(12)) as Address, active: active === 1, removed: removed === 1 };
}

/** A node key's slot: its member, when it was closed, and the last head anchored for its feed. */
export interface NodeKeyWord {
  readonly member: MemberNumber;
  /** 0 while it is open. */
  readonly revokedAtBlock: number;
  readonly size: number;
  /** Leading 168 bits of the head's root. */
  readonly root: Uint8Array;
}

/** Unpacks a node key's slot. */
export function unpackNodeKey(word: Uint8Array): NodeKeyWord {
  return {
    member: readUint(word, 30, 2) as MemberNumber,
    revokedAtBlock: readUint(word, 26, 4),
    size: readUint(word, 21, 5),
    root: word.subarray(0, 21),
  };
}

/** The parameters' slot, or undefined when it is not one. */
export function unpackParameters(word: Uint8Array): Parameters | undefined {
  if (!isZero(word, 0, 24)) return undefined;
  return {
    members: readUint(word, 30, 2),
    witnesses: readUint(word, 28, 2),
    refutes: readUint(word, 26, 2),
    maxBatch: readUint(word, 24, 2),
  };
}

/** The counts' slot, or undefined when it is not one. */
export function unpackCounts(
  word: Uint8Array,
): { readonly members: number; readonly active: number } | undefined {
  if (!isZero(word, 0, 28)) return undefined;
  return { members: readUint(word, 30, 2), active: readUint(word, 28, 2) };
}

/** The slot of the block that added a key, or undefined when it is not one. */
export function unpackBlock(word: Uint8Array): number | undefined {
  return isZero(word, 0, 28) ? readUint(word, 28, 4) : undefined;
}

/** The register that an attestation fills, given its digest (the uid); `word`, 32 bytes, is written over. */
export function packRegister(
  attestation: Pick<Attestation, "confidence" | "basis" | "stance" | "validUntil" | "version">,
  digest: Uint8Array,
  word = new Uint8Array(WORD_BYTES),
): Uint8Array {
  const { confidence, basis, stance, validUntil, version } = attestation;
  for (let at = 0; at < UID_BYTES; at++) word[at] = digest[at] as number;
  word[18] = confidence;
  word[19] = basis;
  word[20] = stance;
  writeUint(word, validUntil, 21, 26);
  writeUint(word, version, 26, 32);
  return word;
}

/** Which field of two registers differs first. */
export function differingField(a: Uint8Array, b: Uint8Array): string {
  const fields = [
    ["version", 26, 32],
    ["stance", 20, 21],
    ["basis", 19, 20],
    ["confidence", 18, 19],
    ["validUntil", 21, 26],
  ] as const;
  const found = fields.find(([, from, to]) => toHex(a.subarray(from, to)) !== toHex(b.subarray(from, to)));
  return found?.[0] ?? "uid";
}

/** A slot of a mapping: keccak256(key ‖ slot). */
function valueSlot(key: Uint8Array, slot: Uint8Array): Uint8Array {
  pair.set(key);
  pair.set(slot, WORD_BYTES);
  return keccak256(pair);
}

/** Big-endian, into [from, to). */
function writeUint(word: Uint8Array, value: number, from: number, to: number): void {
  let rest = value;
  for (let at = to - 1; at >= from; at--) {
    word[at] = rest & 255;
    rest = rest > 0xffffffff ? Math.floor(rest / 256) : rest >>> 8;
  }
}

function wordOf(value: number): Uint8Array {
  return padded(uintBytes(value, 4));
}

function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length === WORD_BYTES) return bytes;
  const word = new Uint8Array(WORD_BYTES);
  word.set(bytes, WORD_BYTES - bytes.length);
  return word;
}

function isZero(word: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (word[at] !== 0) return false;
  return true;
}
