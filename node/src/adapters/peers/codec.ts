/**
 * Requests and answers of `/anamnesis/sync/1`, big-endian, one of each per stream.
 *
 * request: version u8 = 1 · kind u8 · have: genesisHash 32, registry 20, vectorHash 32, session 8
 *                                   · get: feed 20, start u64, maxBytes u32
 *                                   · prove: feed 20, m u64, n u64 · blindingKey: nothing
 * answer:  version u8 = 1 · 0 · have: 0 same | 1 vector u16 n, n × (feed 20, size u64, root8 8)
 *                                   | 2 foreign u8 n, n bytes of text
 *                                   0 and 1 with the high bit: another process speaks with the asker's key
 *                             · get: u16 n, n × (u32 length, bytes) · prove: u8 n, n × 32
 *                             · blindingKey: 32
 *          version u8 = 1 · 1 refused · u8 n, n bytes of an error code
 */
import { concat, fromHex, readUint, toHex, uintBytes, utf8 } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, type ErrorCode } from "@anamnesis/sdk/core/errors";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import type { Have, HaveAnswer, Hex16, VectorItem } from "../../ports.ts";

/** One request. `maxBytes`: 1–1 MiB. */
export type SyncRequest =
  | { readonly kind: "have"; readonly have: Have }
  | { readonly kind: "get"; readonly feed: Address; readonly start: number; readonly maxBytes: number }
  | { readonly kind: "prove"; readonly feed: Address; readonly m: number; readonly n: number }
  | { readonly kind: "blindingKey" };

/** What each kind of request is answered with. */
export interface SyncAnswers {
  readonly have: HaveAnswer;
  readonly get: readonly Uint8Array[];
  readonly prove: readonly Bytes32[];
  readonly blindingKey: Uint8Array;
}

const VERSION = 1;
const KINDS = ["have", "get", "prove", "blindingKey"] as const;
const HAVE_ANSWERS = ["same", "vector", "foreign"] as const;
const HASH_BYTES = 32;
const ADDRESS_BYTES = 20;
const ROOT8_BYTES = 8;
const SESSION_BYTES = 8;
const RIVAL_BIT = 0x80;

/** Bytes of the longest request. */
export const MAX_REQUEST_BYTES = 128;
/** Bytes of one page at most: `get` never asks for more. */
export const MAX_PAGE_BYTES = 1_048_576;
/** Lines of a version vector, messages of a page and hashes of a path at most. */
export const MAX_VECTOR_ITEMS = 16_384;
const MAX_PAGE_MESSAGES = 65_535;
const MAX_PATH_HASHES = 255;
const MAX_TEXT_BYTES = 255;

/** Encodes a request. Throws `input.invalid` for numbers out of range. */
export function encodeRequest(request: SyncRequest): Uint8Array {
  const head = Uint8Array.of(VERSION, KINDS.indexOf(request.kind));
  switch (request.kind) {
    case "have": {
      const { genesisHash, registry, vectorHash, session } = request.have;
      return concat(head, fromHex(genesisHash), fromHex(registry), fromHex(vectorHash), fromHex(session));
    }
    case "get":
      return concat(
        head,
        fromHex(request.feed),
        uintBytes(request.start, 8),
        uintBytes(Math.min(request.maxBytes, MAX_PAGE_BYTES), 4),
      );
    case "prove":
      return concat(head, fromHex(request.feed), uintBytes(request.m, 8), uintBytes(request.n, 8));
    case "blindingKey":
      return head;
  }
}

/** Parses a request. Throws `peer.protocol`. */
export function parseRequest(bytes: Uint8Array): SyncRequest {
  return parse(bytes, "request", (reader) => {
    const kind = KINDS[reader.uint(1)];
    switch (kind) {
      case "have":
        return {
          kind,
          have: {
            genesisHash: reader.hash(),
            registry: reader.address(),
            vectorHash: reader.hash(),
            session: toHex(reader.take(SESSION_BYTES)) as Hex16,
          },
        };
      case "get": {
        const request = { kind, feed: reader.address(), start: reader.uint(8), maxBytes: reader.uint(4) };
        if (request.maxBytes < 1 || request.maxBytes > MAX_PAGE_BYTES) {
          throw protocol(
            `a page of ${request.maxBytes} bytes is asked for; 1 to ${MAX_PAGE_BYTES} are given`,
          );
        }
        return request;
      }
      case "prove": {
        const request = { kind, feed: reader.address(), m: reader.uint(8), n: reader.uint(8) };
        if (request.m > request.n) throw protocol(`a path from ${request.m} to ${request.n} cannot exist`);
        return request;
      }
      case "blindingKey":
        return { kind };
      default:
        throw protocol("the kind of request is unknown");
    }
  });
}

/** Encodes an answer. Messages of a page beyond what `maxBytes` (and one message) allows are left out. */
export function encodeAnswer<K extends SyncRequest["kind"]>(
  kind: K,
  answer: SyncAnswers[K],
  maxBytes = MAX_PAGE_BYTES,
): Uint8Array {
  const head = Uint8Array.of(VERSION, 0);
  const answers = { [kind]: answer } as Partial<SyncAnswers>;
  if (answers.have !== undefined) return concat(head, ...haveParts(answers.have));
  if (answers.get !== undefined) return concat(head, ...pageParts(answers.get, maxBytes));
  if (answers.prove !== undefined) {
    if (answers.prove.length > MAX_PATH_HASHES) throw protocol("a path is longer than any tree is deep");
    return concat(head, Uint8Array.of(answers.prove.length), ...answers.prove.map(fromHex));
  }
  if (answers.blindingKey?.length !== HASH_BYTES) throw protocol("a blinding key has 32 bytes");
  return concat(head, answers.blindingKey);
}

/** Encodes a refusal: only the code travels, never a message. */
export function encodeRefusal(code: ErrorCode): Uint8Array {
  const text = utf8(code);
  return concat(Uint8Array.of(VERSION, 1, text.length), text);
}

/**
 * Parses the answer to a request of this kind.
 * @throws AnamnesisError `peer.protocol`; a refusal carries the peer's code in `details.refused`
 */
export function parseAnswer<K extends SyncRequest["kind"]>(kind: K, bytes: Uint8Array): SyncAnswers[K] {
  const parsers: { readonly [Kind in SyncRequest["kind"]]: (reader: Reader) => SyncAnswers[Kind] } = {
    have: parseHave,
    get: (reader) =>
      reader.list(reader.uint(2), () => {
        const length = reader.uint(4);
        if (length === 0) throw protocol("a message of zero bytes has no meaning");
        return new Uint8Array(reader.take(length));
      }),
    prove: (reader) => reader.list(reader.uint(1), () => reader.hash()),
    blindingKey: (reader) => new Uint8Array(reader.take(HASH_BYTES)),
  };
  return parse(bytes, "answer", (reader) => {
    if (reader.uint(1) === 0) return parsers[kind](reader);
    const refused = reader.text(reader.uint(1));
    throw new AnamnesisError("peer.protocol", `the peer refused ${kind} with ${refused}`, {
      details: { refused },
    });
  });
}

function haveParts(answer: HaveAnswer): Uint8Array[] {
  const rival = answer.answer !== "foreign" && answer.rival === true ? RIVAL_BIT : 0;
  const kind = Uint8Array.of(HAVE_ANSWERS.indexOf(answer.answer) | rival);
  if (answer.answer === "same") return [kind];
  if (answer.answer === "foreign") {
    const reason = utf8(answer.reason).subarray(0, MAX_TEXT_BYTES);
    return [kind, Uint8Array.of(reason.length), reason];
  }
  if (answer.items.length > MAX_VECTOR_ITEMS)
    throw protocol(`a vector of ${answer.items.length} feeds is too long`);
  const lines = answer.items.map((item) =>
    concat(fromHex(item.feed), uintBytes(item.size, 8), fromHex(item.root8)),
  );
  return [kind, uintBytes(lines.length, 2), ...lines];
}

function parseHave(reader: Reader): HaveAnswer {
  const kind = reader.uint(1);
  const answer = HAVE_ANSWERS[kind & ~RIVAL_BIT];
  const rival = (kind & RIVAL_BIT) === 0 ? {} : { rival: true as const };
  if (answer === "same") return { answer, ...rival };
  if (answer === "foreign" && kind < RIVAL_BIT) return { answer, reason: reader.text(reader.uint(1)) };
  if (answer !== "vector") throw protocol("the kind of answer to have is unknown");
  const count = reader.uint(2);
  if (count > MAX_VECTOR_ITEMS) throw protocol(`a vector of ${count} feeds is too long`);
  const items = reader.list(
    count,
    (): VectorItem => ({
      feed: reader.address(),
      size: reader.uint(8),
      root8: toHex(reader.take(ROOT8_BYTES)) as Hex16,
    }),
  );
  if (new Set(items.map((item) => item.feed)).size !== count) throw protocol("a vector names one feed twice");
  return { answer, items, ...rival };
}

function pageParts(messages: readonly Uint8Array[], maxBytes: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let count = 0;
  for (const message of messages) {
    if (count === MAX_PAGE_MESSAGES || (count > 0 && bytes + message.length > maxBytes)) break;
    parts.push(uintBytes(message.length, 4), message);
    bytes += message.length;
    count++;
  }
  return [uintBytes(count, 2), ...parts];
}

interface Reader {
  take(length: number): Uint8Array;
  uint(length: number): number;
  hash(): Bytes32;
  address(): Address;
  text(length: number): string;
  list<T>(count: number, one: () => T): T[];
}

function parse<T>(bytes: Uint8Array, what: string, read: (reader: Reader) => T): T {
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw protocol(`the ${what} ends after ${bytes.length} bytes, too early`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const uint = (length: number): number => {
    const value = take(length);
    try {
      return readUint(value, 0, length);
    } catch (cause) {
      throw new AnamnesisError("peer.protocol", `the ${what} has a number above 2^53 − 1`, { cause });
    }
  };
  const version = uint(1);
  if (version !== VERSION) throw protocol(`the ${what} has version ${version}; this node speaks ${VERSION}`);
  const parsed = read({
    take,
    uint,
    hash: () => toHex(take(HASH_BYTES)) as Bytes32,
    address: () => toHex(take(ADDRESS_BYTES)) as Address,
    // Text of a stranger ends in logs: printable ASCII is all it may hold.
    text: (length) =>
      Buffer.from(take(length))
        .toString("latin1")
        .replace(/[^\x20-\x7e]/g, "?"),
    list: (count, one) => Array.from({ length: count }, one),
  });
  if (at !== bytes.length) throw protocol(`the ${what} has ${bytes.length - at} bytes too many`);
  return parsed;
}

function protocol(message: string): AnamnesisError {
  return new AnamnesisError("peer.protocol", message);
}
