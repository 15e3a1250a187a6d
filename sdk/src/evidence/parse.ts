import { utf8 } from "../core/bytes.ts";
import { canonicalBytes } from "../core/canonical.ts";
import { MAX_ENTRY_BYTES } from "../core/entry.ts";
import { AnamnesisError } from "../core/errors.ts";
import { entrySchema, patternTypeSchema, stixCourseOfActionSchema } from "../core/schema.ts";
import { hex, isOrdered, list, object, oneOf, type Shape, text, variant, whole } from "./shape.ts";
import { BUNDLE_FORMAT, type EvidenceBundle } from "./types.ts";

/** Bytes of a bundle at most. Ask for the size of a file before it is read. */
export const MAX_BUNDLE_BYTES = 134_217_728;

/** How deep a bundle nests: an entry's references are the deepest. */
const MAX_DEPTH = 16;
/** An object or list costs memory whatever is in it; a bundle has at most one in so many bytes. */
const BYTES_PER_CONTAINER = 16;

/** Bytes of a header at most. */
export const MAX_HEADER_BYTES = 65_536;
/** Bytes of a trie node at most: a branch has 532, and one that holds its children fewer. */
export const MAX_NODE_BYTES = 1024;
/** Leaves of a feed at most. */
export const MAX_LEAVES = 2 ** 40 - 1;

/** Characters of a pattern at most. */
export const MAX_PATTERN_CHARACTERS = 16_384;
/** The types that a pattern may have. */
export const PATTERN_TYPES: readonly string[] = patternTypeSchema.options;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An entry whose members are in order. */
export const entryShape: Shape = (value) => {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return `${(issue?.path ?? []).map((part) => `.${String(part)}`).join("")}: ${issue?.message ?? "invalid"}`;
  }
  if (!isOrdered(value)) return " is not in canonical form (RFC 8785)";
  const { length } = utf8(JSON.stringify(value));
  return length <= MAX_ENTRY_BYTES
    ? undefined
    : ` has ${length} bytes; at most ${MAX_ENTRY_BYTES} are allowed`;
};

/** A course of action whose members are in order. */
export const courseOfActionShape: Shape = (value) =>
  stixCourseOfActionSchema.safeParse(value).success && isOrdered(value)
    ? undefined
    : " is not a course of action in canonical form";

const bytes32 = hex(32);
const address = hex(20);
const uint = whole(0, Number.MAX_SAFE_INTEGER);
const nodes = list(hex(1, MAX_NODE_BYTES));

const attestation = object({
  basis: whole(1, 3),
  confidence: whole(0, 100),
  content: bytes32,
  key: address,
  member: whole(1, 65_535),
  signature: hex(64),
  stance: whole(1, 3),
  validUntil: whole(0, 2 ** 40 - 1),
  version: whole(1, 2 ** 48 - 1),
});

const record = object({
  attestations: list(attestation, 1),
  blind: bytes32,
  name: variant("type", {
    indicator: object({
      pattern: text(1, MAX_PATTERN_CHARACTERS),
      patternType: oneOf(...PATTERN_TYPES),
      type: oneOf("indicator"),
    }),
    response: object({ indicator: bytes32, object: courseOfActionShape, type: oneOf("response") }),
  }),
});

const snapshot = object({
  block: object({ hash: bytes32, number: uint }),
  contents: list(object({ entry: entryShape, salt: bytes32 })),
  feeds: list(
    object({
      feed: address,
      items: list(object({ entry: entryShape, index: whole(0, MAX_LEAVES), salt: bytes32 }), 1),
      path: list(bytes32),
      root: bytes32,
      signature: hex(64),
      size: whole(1, MAX_LEAVES),
    }),
  ),
  keys: list(hex(33)),
  memberCount: whole(0, 65_535),
  proof: object({ accounts: nodes, memory: nodes, registry: nodes }),
  records: list(record),
});

const bundle = object({
  chain: object({ chainId: uint, genesisHash: bytes32, memory: address, registry: address }),
  format: oneOf(BUNDLE_FORMAT),
  headers: list(hex(1, MAX_HEADER_BYTES), 1),
  snapshots: list(snapshot, 1),
});

/**
 * Parses a bundle: its form is checked, nothing is verified yet.
 *
 * Memory and time are bounded by the size: how deep it nests and how much it holds is looked at before
 * anything is made of it.
 * @throws AnamnesisError `evidence.unreadable`
 */
export function parseBundle(bytes: Uint8Array): EvidenceBundle {
  if (bytes.length > MAX_BUNDLE_BYTES)
    throw unreadable(
      `has ${bytes.length} bytes; at most ${MAX_BUNDLE_BYTES} are read, so export fewer records`,
    );
  const bad = measure(bytes);
  if (bad !== undefined) throw unreadable(bad);
  let json: string;
  let value: unknown;
  try {
    json = decoder.decode(bytes);
    value = JSON.parse(json);
  } catch (cause) {
    throw unreadable("is not JSON in UTF-8: it was cut or is another file", cause);
  }
  const wrong = bundle(value);
  if (wrong !== undefined)
    throw unreadable(`is none of ${BUNDLE_FORMAT}: ${wrong.startsWith(".") ? wrong.slice(1) : `it${wrong}`}`);
  if (JSON.stringify(value) !== json)
    throw unreadable("is not in canonical form (RFC 8785): something was added or rewritten");
  return value as EvidenceBundle;
}

/** The bytes of a bundle: RFC 8785. Throws `input.invalid` for what no JSON can hold. */
export function encodeBundle(value: EvidenceBundle): Uint8Array {
  return canonicalBytes(value);
}

/** What is wrong with the nesting and the number of objects and lists in a JSON text. */
function measure(bytes: Uint8Array): string | undefined {
  const most = 64 + bytes.length / BYTES_PER_CONTAINER;
  let depth = 0;
  let containers = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === 0x22) {
      at = endOfText(bytes, at);
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) return `nests more than ${MAX_DEPTH} deep`;
      if (++containers > most) return "holds more objects and lists than a bundle of its size can";
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return undefined;
}

/** Where the text that starts at a quotation mark ends. */
function endOfText(bytes: Uint8Array, start: number): number {
  let end = bytes.indexOf(0x22, start + 1);
  while (end > 0) {
    let backslashes = 0;
    while (bytes[end - 1 - backslashes] === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = bytes.indexOf(0x22, end + 1);
  }
  return bytes.length;
}

function unreadable(how: string, cause?: unknown): AnamnesisError {
  return new AnamnesisError("evidence.unreadable", `the bundle ${how}`, { cause });
}
