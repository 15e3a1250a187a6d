/** The same as `platform-node.ts` where there is no Node: WebAssembly for hashes, noble for the curve. */
import { secp256k1 } from "@noble/curves/secp256k1";
import { createSHA1, createSHA256 } from "hash-wasm";
import type * as Node from "./platform-node.ts";

const [sha1Hasher, sha256Hasher] = await Promise.all([createSHA1(), createSHA256()]);

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export const sha256: typeof Node.sha256 = (bytes) => sha256Hasher.init().update(bytes).digest("binary");

export const sha256Hex: typeof Node.sha256Hex = (data) => sha256Hasher.init().update(data).digest("hex");

export const sha1: typeof Node.sha1 = (bytes) => sha1Hasher.init().update(bytes).digest("binary");

export const hexOf: typeof Node.hexOf = (bytes) => {
  let digits = "";
  for (const byte of bytes) digits += DIGITS[byte];
  return digits;
};

export const asciiOf: typeof Node.asciiOf = (bytes) =>
  String.fromCharCode.apply(null, bytes as unknown as number[]);

export const bytesOfHex: typeof Node.bytesOfHex = (digits) => {
  const bytes = new Uint8Array(Math.floor(digits.length / 2));
  return bytes.subarray(0, createHexWriter(bytes)(digits, 0));
};

export const isHexDigits: typeof Node.isHexDigits = (digits) => /^(?:[0-9a-f]{2})*$/.test(digits);

export const createHexWriter: typeof Node.createHexWriter = (target) => (digits, offset) => {
  const length = Math.min(Math.floor(digits.length / 2), target.length - offset);
  for (let at = 0; at < length; at++) {
    const pair = digits.slice(2 * at, 2 * at + 2);
    if (!/^[0-9a-f]{2}$/i.test(pair)) return at;
    target[offset + at] = Number.parseInt(pair, 16);
  }
  return length;
};

export const compareBytes: typeof Node.compareBytes = (a, b) => {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};

export const verifyCompact: typeof Node.verifyCompact = (digest, compact, publicKey) =>
  secp256k1.verify(compact, digest, publicKey, { lowS: true });

export const recoverPublicKey: typeof Node.recoverPublicKey = (digest, compact, recovery) =>
  secp256k1.Signature.fromCompact(compact)
    .addRecoveryBit(recovery)
    .recoverPublicKey(digest)
    .toRawBytes(false);

export const signCompact: typeof Node.signCompact = (digest, privateKey) => {
  const signature = secp256k1.sign(digest, privateKey, { lowS: true });
  return { compact: signature.toCompactRawBytes(), recovery: signature.recovery };
};

export const convertPublicKey: typeof Node.convertPublicKey = (publicKey, compressed) =>
  secp256k1.ProjectivePoint.fromHex(publicKey).toRawBytes(compressed);

export const publicKeyOf: typeof Node.publicKeyOf = (privateKey) => secp256k1.getPublicKey(privateKey, false);
