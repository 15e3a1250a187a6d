import { concat, toHex, utf8 } from "./bytes.ts";
import { canonicalBytes, canonicalText } from "./canonical.ts";
import { AnamnesisError } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { entrySchema } from "./schema.ts";
import type { Commitment, Entry } from "./types.ts";

/** Largest canonical entry, bytes. */
export const MAX_ENTRY_BYTES = 65_536;

const ENTRY = utf8("anamnesis/entry/1\0");
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A leaf of a feed: the entry with its salt, or, when it is withheld or erased, its commitment and the reason. */
export type Item =
  | { readonly salt: Uint8Array; readonly entry: Uint8Array }
  | { readonly commitment: Uint8Array; readonly reason: string };

/** Canonical bytes of an entry (RFC 8785). Throws `input.tooLarge`, `entry.malformed` for what nobody could read back. */
export function encodeEntry(entry: Entry): Uint8Array {
  checkShape(entry);
  const bytes = canonicalBytes(entry);
  if (bytes.length > MAX_ENTRY_BYTES) {
    throw new AnamnesisError(
      "input.tooLarge",
      `an entry of ${bytes.length} bytes exceeds ${MAX_ENTRY_BYTES}; share less in one entry`,
    );
  }
  return bytes;
}

/** Parses canonical bytes into an entry. Throws `entry.malformed` when they are not an entry in canonical form. */
export function decodeEntry(bytes: Uint8Array): Entry {
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new AnamnesisError("entry.malformed", "an entry is not JSON in UTF-8", { cause });
  }
  const entry = checkShape(value);
  if (canonicalText(value) !== text)
    throw new AnamnesisError("entry.malformed", "an entry is not in canonical form (RFC 8785)");
  return entry;
}

function checkShape(value: unknown): Entry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AnamnesisError(
      "entry.malformed",
      `entry.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
    );
  }
  return parsed.data as unknown as Entry; // hexadecimal of the checked length is what the brands promise
}

/** SHA-256("anamnesis/entry/1\0" ‖ salt ‖ entry), 32 bytes: what the feed commits to. Salt is 32 bytes. */
export function commitmentBytes(salt: Uint8Array, entry: Uint8Array): Uint8Array {
  return sha256(concat(ENTRY, salt, entry));
}

const commitments = new WeakMap<Item, Uint8Array>();

/** The commitment of an item, 32 bytes; worked out once, since items never change. */
export function commitmentOf(item: Item): Uint8Array {
  if ("commitment" in item) return item.commitment;
  const known = commitments.get(item);
  if (known !== undefined) return known;
  const fresh = commitmentBytes(item.salt, item.entry);
  commitments.set(item, fresh);
  return fresh;
}

/** A commitment as hexadecimal, as attestations carry it in `content`. */
export function commitmentHex(item: Item): Commitment {
  return toHex(commitmentOf(item)) as Commitment;
}
