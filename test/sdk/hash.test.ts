import { createHmac } from "node:crypto";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { hmacSha256, keccak256 } from "@anamnesis/sdk/core/hash";
import fc from "fast-check";
import { expect, it } from "vitest";

it("HMAC-SHA-256 gives the figures of RFC 4231", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  expect(toHex(hmacSha256(new Uint8Array(20).fill(0x0b), text("Hi There")))).toBe(
    "0xb0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  );
  expect(toHex(hmacSha256(text("Jefe"), text("what do ya want for nothing?")))).toBe(
    "0x5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

it("HMAC-SHA-256 equals OpenSSL's for keys and messages of any length", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(bytes, bytes, (key, message) => {
      expect(Buffer.from(hmacSha256(key, message))).toEqual(
        createHmac("sha256", key).update(message).digest(),
      );
    }),
  );
});

it("Keccak-256 is Ethereum's", () => {
  expect(toHex(keccak256(fromHex("0x")))).toBe(
    "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
  );
});
