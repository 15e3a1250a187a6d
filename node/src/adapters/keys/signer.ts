import { toHex } from "@anamnesis/sdk/core/bytes";
import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Uid } from "@anamnesis/sdk/core/types";
import type { Signer } from "../../ports.ts";

/** The node key of 32 bytes as a port: it signs heads and attestations of one domain and nothing else. */
export function createSigner(privateKey: Uint8Array, hasher: TypedDataHasher): Signer {
  return {
    address: addressOfPrivateKey(privateKey),
    signHead: (head) => signDigest(hasher.head(head), privateKey),
    signAttestation(attestation) {
      const digest = hasher.attestation(attestation);
      return { uid: toHex(digest) as Uid, signature: signDigest(digest, privateKey) };
    },
  };
}
