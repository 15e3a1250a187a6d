/** What Node does faster than JavaScript can; browsers get `platform-browser.ts` (see `imports` in package.json). */
import { hash } from "node:crypto";
import secp256k1 from "secp256k1";

/** SHA-256, 32 bytes (FIPS 180-4). */
export function sha256(bytes: Uint8Array): Uint8Array {
  // One character a byte: copying 32 of them costs a third of what a Buffer made by OpenSSL does.
  const characters = hash("sha256", bytes, "binary");
  const digest = new Uint8Array(32);
  for (let i = 0; i < 32; i++) digest[i] = characters.charCodeAt(i);
  return digest;
}

/** SHA-256 as 64 hexadecimal digits; text is hashed as UTF-8. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash("sha256", data, "hex");
}

/** SHA-1, 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return hash("sha1", bytes, "buffer");
}

/** Lower-case hexadecimal digits of bytes. */
export function hexOf(bytes: Uint8Array): string {
  return viewOf(bytes).toString("hex");
}

/** The text of ASCII bytes, which are not looked at again. */
export function asciiOf(bytes: Uint8Array): string {
  return viewOf(bytes).toString("latin1");
}

/** Bytes of hexadecimal digits of any case; shorter when they are not. */
export function bytesOfHex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(asciiHead(digits), "hex"));
}

const decoded = Buffer.alloc(128);

/** Whether a text of at most 256 characters is whole bytes in lower-case hexadecimal digits. */
export function isHexDigits(digits: string): boolean {
  // Decoding takes characters modulo 256 and any case: only what comes back the same was none of these.
  const length = decoded.write(digits, 0, "hex");
  return 2 * length === digits.length && decoded.toString("hex", 0, length) === digits;
}

/** Writes hexadecimal digits into `target` again and again; gives how many bytes were written, fewer when they are none. */
export function createHexWriter(target: Uint8Array): (digits: string, offset: number) => number {
  const view = viewOf(target);
  return (digits, offset) => view.write(asciiHead(digits), offset, "hex");
}

/** A text up to the first pair with a character beyond ASCII: decoding takes characters modulo 256, and "İ" would be "0". */
function asciiHead(text: string): string {
  if (Buffer.byteLength(text) === text.length) return text;
  const at = text.search(/[^\0-\x7f]/);
  return text.slice(0, at - (at % 2));
}

/** Order of byte strings: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** What the library is shown: it gives small arrays that it has not seen a place outside the heap, which costs as much as their hash. */
const shown = new Uint8Array(128);
const [shownDigest, shownCompact] = [shown.subarray(0, 32), shown.subarray(32, 96)];

/** Whether r ‖ s is a signature of a digest under a public key of 33 or 65 bytes, with s ≤ n/2. Throws for what is no key or no signature. */
export function verifyCompact(digest: Uint8Array, compact: Uint8Array, publicKey: Uint8Array): boolean {
  if (digest.length !== 32 || compact.length !== 64) throw new RangeError("no digest or no signature");
  shownDigest.set(digest);
  shownCompact.set(compact);
  return secp256k1.ecdsaVerify(shownCompact, shownDigest, publicKey);
}

/** The public key, 65 bytes, that signed; throws where there is none. */
export function recoverPublicKey(digest: Uint8Array, compact: Uint8Array, recovery: number): Uint8Array {
  return secp256k1.ecdsaRecover(compact, recovery, digest, false);
}

/** Signs deterministically (RFC 6979), low s: r ‖ s and the recovery bit. */
export function signCompact(
  digest: Uint8Array,
  privateKey: Uint8Array,
): { readonly compact: Uint8Array; readonly recovery: number } {
  const { signature, recid } = secp256k1.ecdsaSign(digest, privateKey);
  return { compact: signature, recovery: recid };
}

/** A public key in another form: 65 bytes, or 33 when `compressed`. Throws for what is no point of the curve. */
export function convertPublicKey(publicKey: Uint8Array, compressed: boolean): Uint8Array {
  return secp256k1.publicKeyConvert(publicKey, compressed);
}

/** The public key of a private key, 65 bytes. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return secp256k1.publicKeyCreate(privateKey, false);
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
