/** A founded consortium for tests: deterministic keys, signed words and heads. */
import { toHex, ZERO_BYTES32 } from "@anamnesis/sdk/core/bytes";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { appendLeaves, consistencyPath, EMPTY_FRONTIER, leafHash, rootOf } from "@anamnesis/sdk/core/merkle";
import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, Bytes32, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import type { EquivocationProof, SignedAttestation } from "../../../../node/src/ports.ts";

/** A private key of 32 bytes, always the same for one name. */
export function keyOf(name: string): Uint8Array {
  return sha256(Buffer.from(`test key ${name}`));
}

/** The address of that key. */
export function addressOf(name: string): Address {
  return addressOfPrivateKey(keyOf(name));
}

export const FOUNDERS = [1, 2, 3, 4].map((n) => addressOf(`member ${n}`));
export const PARAMETERS = { members: 3, witnesses: 1, refutes: 2, maxBatch: 10 };
export const BLINDING_KEY_HASH = toHex(sha256(Buffer.from("blinding key"))) as Bytes32;

/** Name of the node key of a member. */
export const node = (member: number) => `node ${member}`;

let subjects = 0;

/** A subject nobody has used yet. */
export function newSubject(): Subject {
  return toHex(sha256(Buffer.from(`subject ${process.pid} ${subjects++}`))) as Subject;
}

/** Signs a support, or what `changes` makes of it. */
export function sign(
  hasher: TypedDataHasher,
  name: string,
  changes: Partial<Attestation> = {},
): SignedAttestation {
  const attestation: Attestation = {
    subject: changes.subject ?? newSubject(),
    stance: 1,
    basis: 1,
    confidence: 80,
    validUntil: (changes.stance ?? 1) === 1 ? 4_000_000_000 : 0,
    version: 1_600_000_000_000,
    content: ZERO_BYTES32,
    ...changes,
  };
  return { attestation, signature: signDigest(hasher.attestation(attestation), keyOf(name)) };
}

/** The tree over `size` leaves, of which the last `fork` are different. */
function tree(size: number, fork = 0) {
  const leaves = Array.from({ length: size }, (_, i) =>
    leafHash(sha256(Buffer.from(`leaf ${i}${i >= size - fork ? " forked" : ""}`))),
  );
  const { frontier, closed } = appendLeaves(EMPTY_FRONTIER, leaves);
  const node = (level: number, index: number) =>
    closed.find((n) => n.level === level && n.index === index)?.hash as Uint8Array;
  return { root: toHex(rootOf(frontier)) as Bytes32, node };
}

/** A signed head of a feed with `size` entries, of which the last `fork` are not those of the honest history. */
export function signHead(hasher: TypedDataHasher, name: string, size: number, fork = 0): SignedHead {
  const head = { feed: addressOf(name), size, root: tree(size, fork).root };
  return { ...head, signature: signDigest(hasher.head(head), keyOf(name)) };
}

/** Two histories of one feed: 3 leaves, of which the last is not the third of the 5. */
export function equivocate(hasher: TypedDataHasher, name: string): EquivocationProof {
  const path = consistencyPath(tree(5).node, 3, 5, true).map((hash) => toHex(hash) as Bytes32);
  return { a: signHead(hasher, name, 3, 1), b: signHead(hasher, name, 5), path };
}
