import { randomBytes } from "node:crypto";

/** A new secp256k1 private key: 32 random bytes, of which all but about 2^-128 are one. */
export function makePrivateKey(): Uint8Array {
  for (;;) {
    const key = new Uint8Array(randomBytes(32));
    if (key.some((byte) => byte !== 0) && key.some((byte) => byte !== 0xff)) return key;
  }
}
