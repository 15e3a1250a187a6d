/** The signatures under the stances and the feeds' heads, by the keys that the bundle shows. */
import { fromHex } from "../core/bytes.ts";
import { addressOfPublicKey, expandPublicKey, verifySignature } from "../core/signature.ts";
import type { TypedDataHasher } from "../core/typed-data.ts";
import type { Address, Subject } from "../core/types.ts";
import type { NamedRecord } from "./content.ts";
import type { ReadAttestation, ReadRecord, ReadSnapshot } from "./read.ts";
import { refuse, requireAscending } from "./refuse.ts";
import type { StanceFacts } from "./types.ts";

/** A public key of 65 bytes by its address. */
export type PublicKeys = ReadonlyMap<Address, Uint8Array>;

/** A stance that its key signed, with the digest that is its uid. */
export interface SignedStance {
  readonly stance: Omit<StanceFacts, "shown">;
  readonly digest: Uint8Array;
}

/**
 * The keys of a snapshot.
 * @throws AnamnesisError `evidence.key` for what is no point of the curve, out of order or there twice
 */
export function readKeys(snapshot: ReadSnapshot, field: string): PublicKeys {
  const fieldOf = (index: number) => `${field}.keys[${index}]`;
  requireAscending(snapshot.keys, "evidence.key", fieldOf, "keys ascend as text");
  return new Map(
    snapshot.keys.map((key, index) => {
      const full = expandPublicKey(fromHex(key));
      if (full === undefined) throw refuse("evidence.key", fieldOf(index), "is no public key");
      return [addressOfPublicKey(full), full] as const;
    }),
  );
}

/**
 * Every attestation of a snapshot is signed by its key; one list of stances a record.
 * @throws AnamnesisError `evidence.attestation` | `evidence.key`
 */
export function verifyAttestations(
  snapshot: ReadSnapshot,
  records: readonly NamedRecord[],
  keys: PublicKeys,
  hasher: TypedDataHasher,
  field: string,
): readonly (readonly SignedStance[])[] {
  const fieldOf = (index: number, at: number) => `${field}.records[${index}].attestations[${at}]`;
  const stances = snapshot.records.map(({ attestations }, index) => {
    const { subject } = records[index] as NamedRecord;
    let last = 0;
    return attestations.map((said, at): SignedStance => {
      const { key, member, stance, basis, confidence, validUntil, version, content } = said;
      if (member <= last)
        throw refuse("evidence.attestation", fieldOf(index, at), "is out of order or there twice", subject);
      last = member;
      const full = { subject, key, member, stance, basis, confidence, validUntil, version, content };
      return { stance: full, digest: hasher.attestation(full) };
    });
  });
  // Apart from what is hashed: the library's tables take the whole cache.
  for (let index = 0; index < stances.length; index++) {
    const all = stances[index] as readonly SignedStance[];
    for (let at = 0; at < all.length; at++) {
      const { stance, digest } = all[at] as SignedStance;
      const { key, subject } = stance;
      const { signature } = (snapshot.records[index] as ReadRecord).attestations[at] as ReadAttestation;
      const publicKey = keys.get(key) ?? missing(key, `${fieldOf(index, at)}.key`, subject);
      if (verifySignature(digest, signature, publicKey)) continue;
      const cause = `is not one of ${key} over this`;
      throw refuse("evidence.attestation", `${fieldOf(index, at)}.signature`, cause, subject);
    }
  }
  return stances;
}

/** Throws `evidence.key`: the bundle shows no public key of an address. */
export function missing(key: Address, field: string, record: Subject | Address): never {
  throw refuse("evidence.key", field, `is ${key}, whose public key is missing`, record);
}
