import { concat, toHex, utf8 } from "./bytes.ts";
import { canonicalText } from "./canonical.ts";
import { quickEntryText } from "./entry-text.ts";
import { AnamnesisError } from "./errors.ts";
import { sha256, sha256Hex } from "./hash.ts";
import { entrySchema } from "./schema.ts";
import type { Commitment, Entry } from "./types.ts";

/** Largest canonical entry, bytes. */
export const MAX_ENTRY_BYTES = 65_536;

const SALT_BYTES = 32;
const DOMAIN = utf8("anamnesis/entry/1\0");
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A leaf of a feed: the entry with its salt, or, when it is withheld or erased, its commitment and the reason. */
export type Item =
  | { readonly salt: Uint8Array; readonly entry: Uint8Array }
  | { readonly commitment: Uint8Array; readonly reason: string };

/** Canonical bytes of an entry (RFC 8785). Throws `input.tooLarge`, `entry.malformed` for what nobody could read back. */
export function encodeEntry(entry: Entry): Uint8Array {
  const bytes = encodeText(quickEntryText(entry) ?? checkedText(entry));
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
  if (quickEntryText(value) === text) return value as Entry;
  const entry = checkShape(value);
  if (canonicalText(value) !== text)
    throw new AnamnesisError("entry.malformed", "an entry is not in canonical form (RFC 8785)");
  return entry;
}

function checkedText(entry: Entry): string {
  checkShape(entry);
  return canonicalText(entry);
}

/** Entries are small and many: they share memory, as Node's buffers do. */
const SLAB_BYTES = 16_384;
let slab = new Uint8Array(0);
let slabUsed = 0;

function encodeText(text: string): Uint8Array {
  const most = 3 * text.length; // bytes of a UTF-16 unit in UTF-8 at most
  if (most > SLAB_BYTES) return utf8(text);
  if (slabUsed + most > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const start = slabUsed;
  slabUsed += encoder.encodeInto(text, slab.subarray(start)).written;
  return slab.subarray(start, slabUsed);
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
  return sha256(preimageOf(salt, entry));
}

/** The commitment of an item, 32 bytes. */
export function commitmentOf(item: Item): Uint8Array {
  return "commitment" in item ? item.commitment : commitmentBytes(item.salt, item.entry);
}

/** A commitment as hexadecimal, as attestations carry it in `content`. */
export function commitmentHex(item: Item): Commitment {
  if ("commitment" in item) return toHex(item.commitment) as Commitment;
  return `0x${sha256Hex(preimageOf(item.salt, item.entry))}` as Commitment;
}

/** What is hashed for a commitment: its domain, and room for a salt and the largest entry. */
const preimage = new Uint8Array(DOMAIN.length + SALT_BYTES + MAX_ENTRY_BYTES);
preimage.set(DOMAIN);

function preimageOf(salt: Uint8Array, entry: Uint8Array): Uint8Array {
  const length = DOMAIN.length + salt.length + entry.length;
  if (length > preimage.length) return concat(DOMAIN, salt, entry);
  preimage.set(salt, DOMAIN.length);
  preimage.set(entry, DOMAIN.length + salt.length);
  return preimage.subarray(0, length);
}
