import { pureJsCrypto } from "@chainsafe/libp2p-noise";
import fc from "fast-check";
import { expect, test } from "vitest";
import { noiseCrypto } from "../../../../node/src/adapters/peers/noise-crypto.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 });
const data = fc.uint8Array({ maxLength: 2000 });

test("what one seals the other opens, byte for byte the same", () => {
  fc.assert(
    fc.property(key, nonce, data, data, (k, n, ad, plaintext) => {
      const sealed = noiseCrypto.chaCha20Poly1305Encrypt(plaintext, n, ad, k).subarray();
      const theirs = pureJsCrypto.chaCha20Poly1305Encrypt(plaintext, n, ad, k).subarray();
      expect(Buffer.from(sealed)).toEqual(Buffer.from(theirs));
      const opened = noiseCrypto.chaCha20Poly1305Decrypt(sealed, n, ad, k).subarray();
      expect(Buffer.from(opened)).toEqual(Buffer.from(plaintext));
    }),
  );
});

test("a flipped bit anywhere is refused", () => {
  const bytes = Uint8Array.from({ length: 60 }, (_, i) => i);
  const [k, n, ad] = [new Uint8Array(32).fill(7), new Uint8Array(12), new Uint8Array(0)];
  const sealed = noiseCrypto.chaCha20Poly1305Encrypt(bytes, n, ad, k).subarray();
  for (let at = 0; at < sealed.length; at++) {
    const forged = Uint8Array.from(sealed);
    forged[at] = (forged[at] as number) ^ 1;
    expect(() => noiseCrypto.chaCha20Poly1305Decrypt(forged, n, ad, k)).toThrow();
  }
});

test("two keys are never taken for one another", () => {
  const [one, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const [n, ad] = [new Uint8Array(12), new Uint8Array(0)];
  const sealed = noiseCrypto.chaCha20Poly1305Encrypt(Uint8Array.of(1, 2, 3), n, ad, one).subarray();
  expect(() => noiseCrypto.chaCha20Poly1305Decrypt(sealed, n, ad, other)).toThrow();
});
