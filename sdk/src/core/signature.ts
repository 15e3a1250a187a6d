import { secp256k1 as noble } from "@noble/curves/secp256k1";
import {
  bytesOfHex,
  compareBytes,
  convertPublicKey,
  publicKeyOf,
  recoverPublicKey,
  signCompact,
  verifyCompact,
} from "#platform";
import { toHex } from "./bytes.ts";
import { keccak256 } from "./hash.ts";
import type { Address, Signature } from "./types.ts";

/** n/2 of secp256k1: a signature above it is malleable and never accepted (EIP-2). */
const HALF_ORDER = bytesOfHex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");

/** Address of a public key, compressed (33 bytes) or not (65 bytes): the last 20 bytes of keccak(x ‖ y). */
export function addressOfPublicKey(publicKey: Uint8Array): Address {
  const full = publicKey.length === 65 ? publicKey : convertPublicKey(publicKey, false);
  return toHex(keccak256(full.subarray(1)).subarray(12)) as Address;
}

/** A public key of 33 bytes as 65, or undefined when it is no point of the curve. */
export function expandPublicKey(publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return convertPublicKey(publicKey, false);
  } catch {
    return undefined;
  }
}

/** A public key of 33 or 65 bytes as 33; throws for what is no point of the curve. */
export function compressPublicKey(publicKey: Uint8Array): Uint8Array {
  return convertPublicKey(publicKey, true);
}

/** Address of a private key of 32 bytes. */
export function addressOfPrivateKey(privateKey: Uint8Array): Address {
  return addressOfPublicKey(publicKeyOf(privateKey));
}

/** Signs a digest of 32 bytes; deterministic (RFC 6979), low s. For `Signer`s only: ports never take a digest. */
export function signDigest(digest: Uint8Array, privateKey: Uint8Array): Signature {
  const { compact, recovery } = signCompact(digest, privateKey);
  const bytes = new Uint8Array(65);
  bytes.set(compact);
  bytes[64] = 27 + recovery;
  return toHex(bytes) as Signature;
}

/** Who signed a digest, or undefined when the signature is malformed: 65 bytes, s ≤ n/2, v 27 or 28. */
export function recoverSigner(digest: Uint8Array, signature: Signature): Address | undefined {
  const key = recoverSigningKey(digest, signature);
  return key === undefined ? undefined : addressOfPublicKey(key);
}

/** The public key, 65 bytes, that signed a digest, or undefined as with `recoverSigner`. */
export function recoverSigningKey(digest: Uint8Array, signature: Signature): Uint8Array | undefined {
  if (signature.length !== 132) return undefined;
  const bytes = bytesOfHex(signature.slice(2));
  const v = bytes[64];
  if (bytes.length !== 65 || (v !== 27 && v !== 28)) return undefined;
  if (compareBytes(HALF_ORDER, bytes.subarray(32, 64)) < 0) return undefined;
  try {
    return recoverPublicKey(digest, bytes.subarray(0, 64), v - 27);
  } catch {
    return undefined; // r or s is zero or not below n, or the point is at infinity
  }
}

/**
 * Whether r ‖ s (64 bytes, s ≤ n/2) signs a digest under a public key of 33 or 65 bytes: quicker than to
 * recover where the key is known. False for whatever is malformed.
 */
export function verifySignature(digest: Uint8Array, compact: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return verifyCompact(digest, compact, publicKey);
  } catch {
    return false; // other lengths, r or s not below n, a key that is no point of the curve
  }
}

/** Checks the signature library against an independent one, once at start. Returns false on a mismatch. */
export function selfTest(): boolean {
  const privateKey = keccak256(Uint8Array.of(1));
  const digest = keccak256(Uint8Array.of(2));
  const signature = signDigest(digest, privateKey);
  const reference = noble.sign(digest, privateKey, { lowS: true });
  return (
    signature.slice(2, 130) === reference.toCompactHex() &&
    recoverSigner(digest, signature) === addressOfPrivateKey(privateKey)
  );
}
