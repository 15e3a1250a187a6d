/** Node's platform and the browser's do the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import * as browser from "../../sdk/src/core/platform-browser.ts";
import * as node from "../../sdk/src/core/platform-node.ts";

const bytes = fc.uint8Array({ maxLength: 200 });
const secret = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((key) => key.some((byte) => byte > 0) && key[0] !== 255);
const plain = (value: Uint8Array): number[] => [...value];

test("they export the same names", () => {
  expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort());
});

test("hashes and hexadecimal", () => {
  fc.assert(
    fc.property(bytes, bytes, fc.string(), (a, b, text) => {
      expect(plain(browser.sha256(a))).toEqual(plain(node.sha256(a)));
      expect(plain(browser.sha1(a))).toEqual(plain(node.sha1(a)));
      expect([browser.sha256Hex(text), browser.sha256Hex(a)]).toEqual([
        node.sha256Hex(text),
        node.sha256Hex(a),
      ]);
      expect(browser.hexOf(a)).toBe(node.hexOf(a));
      for (const digits of [
        node.hexOf(a),
        node.hexOf(a).toUpperCase(),
        `${node.hexOf(a)}f`,
        `${node.hexOf(a)}0g11`,
      ])
        expect(plain(browser.bytesOfHex(digits)), digits).toEqual(plain(node.bytesOfHex(digits)));
      expect(Math.sign(browser.compareBytes(a, b))).toBe(node.compareBytes(a, b));
      const [x, y] = [new Uint8Array(64), new Uint8Array(64)];
      expect(browser.createHexWriter(x)(node.hexOf(a), 3)).toBe(node.createHexWriter(y)(node.hexOf(a), 3));
      expect(plain(x)).toEqual(plain(y));
    }),
  );
});

test("digits are no characters that have a digit's low byte", () => {
  const digits = fc.string({ unit: fc.constantFrom("0", "9", "a", "f", "A", "F"), maxLength: 64 });
  const stranger = fc.constantFrom(
    "\u0130", // low byte 0x30, "0"
    "\u0161", // 0x61, "a"
    "\uff46", // "f" in full width, and 0x46
    "é",
    "\ud83d\ude30",
  );
  fc.assert(
    fc.property(digits, stranger, digits, (before, wrong, after) => {
      const text = before + wrong + after;
      const whole = Math.floor(before.length / 2);
      for (const each of [node, browser]) {
        expect(each.isHexDigits(text)).toBe(false);
        expect(plain(each.bytesOfHex(text))).toEqual(plain(each.bytesOfHex(before)));
        const target = new Uint8Array(80);
        expect(each.createHexWriter(target)(text, 1)).toBe(whole);
        expect(plain(target.subarray(1 + whole))).toEqual(new Array(79 - whole).fill(0));
      }
    }),
  );
});

test("signatures", () => {
  fc.assert(
    fc.property(secret, secret, fc.nat(63), (key, digest, at) => {
      const made = node.signCompact(digest, key);
      expect(browser.signCompact(digest, key)).toEqual({ ...made, compact: new Uint8Array(made.compact) });
      const publicKey = node.publicKeyOf(key);
      expect(plain(browser.publicKeyOf(key))).toEqual(plain(publicKey));
      const short = node.convertPublicKey(publicKey, true);
      expect(plain(browser.convertPublicKey(publicKey, true))).toEqual(plain(short));
      expect(plain(browser.convertPublicKey(short, false))).toEqual(plain(publicKey));
      expect(plain(browser.recoverPublicKey(digest, made.compact, made.recovery))).toEqual(plain(publicKey));
      const wrong = made.compact.map((byte, i) => (i === at ? byte ^ 1 : byte));
      for (const each of [node, browser]) {
        expect(each.verifyCompact(digest, made.compact, publicKey)).toBe(true);
        expect(each.verifyCompact(digest, wrong, publicKey)).toBe(false);
      }
    }),
    { numRuns: 20 },
  );
});

test("a signature with s above n/2 is none", () => {
  const key = new Uint8Array(32).fill(5);
  const digest = new Uint8Array(32).fill(6);
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const { compact } = node.signCompact(digest, key);
  const s = BigInt(`0x${node.hexOf(compact.subarray(32))}`);
  const high = node.bytesOfHex(
    node.hexOf(compact.subarray(0, 32)) + (order - s).toString(16).padStart(64, "0"),
  );
  for (const each of [node, browser])
    expect(each.verifyCompact(digest, high, node.publicKeyOf(key))).toBe(false);
});
