import { createKeccak } from "hash-wasm";
import { sha256 } from "#platform";

export { sha1, sha256, sha256Hex } from "#platform";

const HMAC_BLOCK_BYTES = 64;
const keccak = await createKeccak(256);

/** HMAC-SHA-256, 32 bytes (RFC 2104). By hand over two hashes: OpenSSL takes ten times as long to prepare one. */
export function hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const inner = new Uint8Array(HMAC_BLOCK_BYTES + bytes.length).fill(0x36, 0, HMAC_BLOCK_BYTES);
  const outer = new Uint8Array(HMAC_BLOCK_BYTES + 32).fill(0x5c, 0, HMAC_BLOCK_BYTES);
  const short = key.length > HMAC_BLOCK_BYTES ? sha256(key) : key;
  for (let i = 0; i < short.length; i++) {
    inner[i] = (short[i] as number) ^ 0x36;
    outer[i] = (short[i] as number) ^ 0x5c;
  }
  inner.set(bytes, HMAC_BLOCK_BYTES);
  outer.set(sha256(inner), HMAC_BLOCK_BYTES);
  return sha256(outer);
}

/** Keccak-256 as Ethereum uses it, 32 bytes. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak.init().update(bytes).digest("binary");
}
