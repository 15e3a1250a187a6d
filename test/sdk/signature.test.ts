import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { addressOfPrivateKey, recoverSigner, selfTest, signDigest } from "@anamnesis/sdk/core/signature";
import type { Address, Signature } from "@anamnesis/sdk/core/types";
import { secp256k1 } from "@noble/curves/secp256k1";
import { SigningKey } from "ethers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, readVectors } from "./vectors.ts";

const vectors = readVectors<{
  attestations: Signed[];
  heads: Signed[];
  malformedSignatures: { name: string; digest: string; signature: Signature }[];
}>("typed-data");
interface Signed {
  name: string;
  digest: string;
  privateKey: string;
  signer: Address;
  signature: Signature;
}

const ORDER = secp256k1.CURVE.n;
const keys = fc
  .bigInt({ min: 1n, max: ORDER - 1n })
  .map((n) => fromHex(`0x${n.toString(16).padStart(64, "0")}`));
const digests = fc.uint8Array({ minLength: 32, maxLength: 32 });

test.each([...vectors.attestations, ...vectors.heads])("signature: $name", (vector) => {
  expect(addressOfPrivateKey(bytesOf(vector.privateKey))).toBe(vector.signer);
  expect(signDigest(bytesOf(vector.digest), bytesOf(vector.privateKey))).toBe(vector.signature);
  expect(recoverSigner(bytesOf(vector.digest), vector.signature)).toBe(vector.signer);
});

test.each(vectors.malformedSignatures)("refused: $name", ({ digest, signature }) => {
  expect(recoverSigner(bytesOf(digest), signature)).toBeUndefined();
});

test("the native library, noble and ethers sign and recover alike", () => {
  fc.assert(
    fc.property(keys, digests, (key, digest) => {
      const signature = signDigest(digest, key);
      const noble = secp256k1.sign(digest, key, { lowS: true });
      expect(signature).toBe(`0x${noble.toCompactHex()}${(27 + noble.recovery).toString(16)}`);
      const reference = new SigningKey(toHex(key));
      expect(reference.sign(digest).serialized).toBe(signature);
      expect(recoverSigner(digest, signature)).toBe(addressOfPrivateKey(key));
    }),
    { numRuns: 50 },
  );
});

test("high s, v of 0 and 1, 64 and 66 bytes are refused for every signature", () => {
  fc.assert(
    fc.property(keys, digests, (key, digest) => {
      const signature = signDigest(digest, key);
      const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`);
      const flipped = signature.endsWith("1b") ? "1c" : "1b";
      const high = `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${flipped}`;
      const small = `${signature.slice(0, 130)}${signature.endsWith("1b") ? "00" : "01"}`;
      for (const bad of [
        high,
        small,
        signature.slice(0, 130),
        `${signature}00`,
        `${signature.slice(0, 130)}1d`,
      ])
        expect(recoverSigner(digest, bad as Signature)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("any flipped bit of digest or signature gives another signer or none", () => {
  fc.assert(
    fc.property(keys, digests, fc.nat(65 * 8 - 1), fc.nat(32 * 8 - 1), (key, digest, bit, digestBit) => {
      const signer = addressOfPrivateKey(key);
      const signature = fromHex(signDigest(digest, key));
      const torn = signature.slice();
      torn[bit >> 3]! ^= 1 << (bit & 7);
      expect(recoverSigner(digest, toHex(torn) as Signature)).not.toBe(signer);
      const other = digest.slice();
      other[digestBit >> 3]! ^= 1 << (digestBit & 7);
      expect(recoverSigner(other, toHex(signature) as Signature)).not.toBe(signer);
    }),
    { numRuns: 100 },
  );
});

test("the start's own check passes here", () => {
  expect(selfTest()).toBe(true);
});
