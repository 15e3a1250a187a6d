import { bytesOfHex, compareBytes, hexOf } from "#platform";
import { AnamnesisError } from "./errors.ts";
import type { Address, Bytes32, Hex, Signature } from "./types.ts";

/** 32 zero bytes: "no content" in an attestation. */
export const ZERO_BYTES32 = `0x${"00".repeat(32)}` as Bytes32;

const encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Lower-case hexadecimal of bytes, with `0x`. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${hexOf(bytes)}`;
}

/** Bytes of a hexadecimal text with `0x`. Throws `input.invalid` when it is not one. */
export function fromHex(hex: string): Uint8Array {
  if (!/^0x(?:[0-9a-f]{2})*$/i.test(hex)) {
    throw new AnamnesisError(
      "input.invalid",
      `${hex.slice(0, 20)} is not hexadecimal; write 0x and an even number of digits`,
    );
  }
  return bytesOfHex(hex.slice(2));
}

/** Joins byte strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether two byte strings are equal. Not constant in time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Unsigned big-endian bytes of a whole number, 0 ≤ value < 2^53, `length` 1–8. */
export function uintBytes(value: number, length: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0 || (length < 7 && value >= 2 ** (8 * length))) {
    throw new AnamnesisError("input.invalid", `${value} does not fit an unsigned integer of ${length} bytes`);
  }
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** A whole number from unsigned big-endian bytes. Throws `input.invalid` above 2^53 − 1. */
export function readUint(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + (bytes[offset + i] ?? 0);
  if (!Number.isSafeInteger(value)) {
    throw new AnamnesisError("input.invalid", "an unsigned integer above 2^53 − 1 has no meaning here");
  }
  return value;
}

/** Parses 32 bytes as hexadecimal. Throws `input.invalid`. */
export function parseBytes32(value: unknown, what = "value"): Bytes32 {
  return parseSized(value, 32, what) as Bytes32;
}

/** Parses an EVM address of any case into lower case. Throws `input.invalid`. */
export function parseAddress(value: unknown, what = "address"): Address {
  return parseSized(value, 20, what) as Address;
}

/** Parses a 65-byte signature as hexadecimal; its range is checked by `verify`, not here. Throws `input.invalid`. */
export function parseSignature(value: unknown, what = "signature"): Signature {
  return parseSized(value, 65, what) as Signature;
}

function parseSized(value: unknown, length: number, what: string): Hex {
  if (typeof value !== "string" || value.length !== 2 + 2 * length || !/^0x[0-9a-f]+$/i.test(value)) {
    throw new AnamnesisError("input.invalid", `${what} is not ${length} bytes of hexadecimal with 0x`);
  }
  return value.toLowerCase() as Hex;
}
