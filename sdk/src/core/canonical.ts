import canonicalize from "canonicalize";
import { utf8 } from "./bytes.ts";
import { AnamnesisError } from "./errors.ts";

/** Canonical JSON text of a value (RFC 8785, JCS). Throws `input.invalid` for NaN, Infinity or undefined. */
export function canonicalText(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new AnamnesisError(
      "input.invalid",
      "a value that JSON cannot hold (NaN, Infinity, a cycle) has no canonical form",
      { cause },
    );
  }
  if (text === undefined)
    throw new AnamnesisError("input.invalid", "undefined has no canonical form; leave the key out");
  return text;
}

/** Canonical JSON bytes of a value (RFC 8785). Throws `input.invalid`. */
export function canonicalBytes(value: unknown): Uint8Array {
  return utf8(canonicalText(value));
}
