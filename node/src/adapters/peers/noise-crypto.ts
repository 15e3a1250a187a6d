/**
 * What noise encrypts with. Given a key as bytes, OpenSSL's binding takes some 50 µs to make a key of
 * it, for every packet; a connection has two keys, so they are made once.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { type ICryptoInterface, pureJsCrypto } from "@chainsafe/libp2p-noise";

const CIPHER = "chacha20-poly1305";
const TAG_BYTES = 16;

const keys = new WeakMap<Uint8Array, KeyObject>();

/** ChaCha20-Poly1305 (RFC 8439) by OpenSSL, all of the handshake by noise's own functions. */
export const noiseCrypto: ICryptoInterface = {
  ...pureJsCrypto,
  chaCha20Poly1305Encrypt(plaintext, nonce, ad, k) {
    const cipher = createCipheriv(CIPHER, keyOf(k), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(ad, { plaintextLength: plaintext.byteLength });
    const sealed = cipher.update(plaintext.subarray());
    cipher.final();
    return Buffer.concat([sealed, cipher.getAuthTag()], sealed.length + TAG_BYTES);
  },
  chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k) {
    const bytes = ciphertext.subarray();
    const sealed = bytes.subarray(0, -TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, keyOf(k), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(ad, { plaintextLength: sealed.length });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const opened = decipher.update(sealed);
    decipher.final();
    return opened;
  },
};

/** Noise never writes into a key that it has given out: another key is another array. */
function keyOf(k: Uint8Array): KeyObject {
  const known = keys.get(k);
  if (known !== undefined) return known;
  const fresh = createSecretKey(k);
  keys.set(k, fresh);
  return fresh;
}
