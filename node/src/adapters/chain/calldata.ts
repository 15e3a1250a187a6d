/** The calldata of the two calls that carry batches (Solidity ABI); a test holds it against ethers'. */
import { concat, fromHex, uintBytes } from "@anamnesis/sdk/core/bytes";
import type { SignedHead } from "@anamnesis/sdk/core/types";
import type { SignedAttestation } from "../../ports.ts";
import { MEMORY, REGISTRY } from "./abi.ts";

const WORD = 32;
/** 65 bytes as `bytes` take three words, and one more for their length. */
const SIGNATURE_WORDS = 4;

const ATTEST = selector(MEMORY.getFunction("attest"));
const ANCHOR = selector(REGISTRY.getFunction("anchor"));

/** Calldata of `attest(Attestation[], bytes[])`. */
export function encodeAttest(items: readonly SignedAttestation[]): Uint8Array {
  const structs = items.flatMap(({ attestation: a }) => [
    fromHex(a.subject),
    word(a.stance),
    word(a.basis),
    word(a.confidence),
    word(a.validUntil),
    word(a.version),
    fromHex(a.content),
  ]);
  const count = items.length;
  return concat(
    ATTEST,
    word(2 * WORD),
    word((3 + structs.length) * WORD),
    word(count),
    ...structs,
    word(count),
    ...items.map((_, i) => word((count + i * SIGNATURE_WORDS) * WORD)),
    ...items.flatMap((item) => [word(65), padRight(fromHex(item.signature), 3 * WORD)]),
  );
}

/** Calldata of `anchor(SignedHead[])`. */
export function encodeAnchor(heads: readonly SignedHead[]): Uint8Array {
  const structs = heads.flatMap((head) => {
    const signature = fromHex(head.signature);
    return [
      padLeft(fromHex(head.feed)),
      word(head.size),
      fromHex(head.root),
      signature.subarray(0, WORD),
      signature.subarray(WORD, 2 * WORD),
      padLeft(signature.subarray(2 * WORD)),
    ];
  });
  return concat(ANCHOR, word(WORD), word(heads.length), ...structs);
}

function word(value: number): Uint8Array {
  return padLeft(uintBytes(value, 8));
}

function padLeft(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(WORD);
  padded.set(bytes, WORD - bytes.length);
  return padded;
}

function padRight(bytes: Uint8Array, length: number): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(bytes);
  return padded;
}

function selector(fragment: { readonly selector: string } | null): Uint8Array {
  return fromHex(fragment?.selector ?? "");
}
