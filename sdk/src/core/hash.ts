import { createKeccak } from "hash-wasm";

export { hmacSha256, sha1, sha256, sha256Hex } from "#platform";

const keccak = await createKeccak(256);

/** Keccak-256 as Ethereum uses it, 32 bytes. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak.init().update(bytes).digest("binary");
}
