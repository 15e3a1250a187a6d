/* BENCH 4: typed-data sign and verify against bare libsecp256k1 and against ethers, on the same digests. */

import { keccak256 } from "@anamnesis/sdk/core/hash";
import { recoverSigner, signDigest } from "@anamnesis/sdk/core/signature";
import { ATTESTATION_TYPE, createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, Bytes32, Subject } from "@anamnesis/sdk/core/types";
import { hexlify, TypedDataEncoder, verifyTypedData, Wallet } from "ethers";
import secp256k1 from "secp256k1";
import { atLeast, type Figure, interleave, printed, rate } from "./support.ts";

const DOMAIN = {
  name: "Anamnesis",
  version: "1",
  chainId: 31_337,
  verifyingContract: `0x${"11".repeat(20)}`,
};
const TYPES = {
  Attestation: ATTESTATION_TYPE.slice(ATTESTATION_TYPE.indexOf("(") + 1, -1)
    .split(",")
    .map((field) => ({ type: field.split(" ")[0] as string, name: field.split(" ")[1] as string })),
};

/** Signs and verifies attestations, each contender in its own way. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const count = tiny ? 20 : 3000;
  const few = tiny ? 5 : 150;
  const rounds = tiny ? 1 : 5;
  const hasher = createHasher({
    chainId: DOMAIN.chainId,
    verifyingContract: DOMAIN.verifyingContract as Address,
  });
  const key = keccak256(Uint8Array.of(7));
  const wallet = new Wallet(hexlify(key));
  const attestations = Array.from({ length: count }, (_, i) => attestationOf(i));
  for (const attestation of attestations.slice(0, 50)) {
    const expected = TypedDataEncoder.hash(DOMAIN, TYPES, attestation);
    if (hexlify(hasher.attestation(attestation)) !== expected)
      throw new Error("a digest differs from ethers'");
  }
  const digests = attestations.map((attestation) => hasher.attestation(attestation));

  const rates = await interleave(rounds, {
    ours: () =>
      rate(count, () => {
        for (const attestation of attestations) {
          const signature = signDigest(hasher.attestation(attestation), key);
          if (recoverSigner(hasher.attestation(attestation), signature) === undefined)
            throw new Error("not recovered");
        }
      }),
    bare: () =>
      rate(count, () => {
        for (const digest of digests) {
          const { signature, recid } = secp256k1.ecdsaSign(digest, key);
          secp256k1.ecdsaRecover(signature, recid, digest, false);
        }
      }),
    ethers: () =>
      rate(few, async () => {
        for (const attestation of attestations.slice(0, few)) {
          verifyTypedData(DOMAIN, TYPES, attestation, await wallet.signTypedData(DOMAIN, TYPES, attestation));
        }
      }),
  });
  return [
    printed("sign", "sign + verify, attestations/s", rates.ours),
    atLeast("sign", "against bare libsecp256k1 sign + recover, ratio", rates.ours / rates.bare, 0.85),
    atLeast("sign", "against ethers signTypedData + verifyTypedData, ratio", rates.ours / rates.ethers, 20),
  ];
}

function attestationOf(i: number): Attestation {
  return {
    subject: hexlify(keccak256(Uint8Array.of(1, i & 255, i >> 8))) as Subject,
    stance: 1,
    basis: 2,
    confidence: i % 101,
    validUntil: 1_900_000_000 + i,
    version: 1_800_000_000_000 + i,
    content: hexlify(keccak256(Uint8Array.of(2, i & 255, i >> 8))) as Bytes32,
  };
}
