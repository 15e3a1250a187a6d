import { concat, fromHex, toHex, utf8 } from "./bytes.ts";
import { canonicalBytes, canonicalText } from "./canonical.ts";
import { hmacSha256, sha1, sha256, sha256Hex } from "./hash.ts";
import type {
  Bytes32,
  Hex,
  IndicatorId,
  IndicatorKey,
  ResponseId,
  StixCourseOfAction,
  Subject,
} from "./types.ts";

const INDICATOR = "anamnesis/indicator/1\0";
const RESPONSE = utf8("anamnesis/response/1\0");
/** Namespace of our UUIDv5 STIX ids: UUIDv5(URL, "https://anamnesis.example/stix"), fixed for ever. */
const STIX_NAMESPACE = fromHex("0x88be3ef231f95dd09ea577c478ed8f3d");

/** The id of an indicator: the same attack has the same id at every plant. 32 bytes. */
export function indicatorId(key: IndicatorKey): IndicatorId {
  return `0x${sha256Hex(INDICATOR + canonicalText([key.patternType, key.pattern]))}` as IndicatorId;
}

/** The id of a response, bound to its indicator. 32 bytes. */
export function responseId(indicator: IndicatorId, object: StixCourseOfAction): ResponseId {
  return toHex(sha256(concat(RESPONSE, fromHex(indicator), canonicalBytes(object)))) as ResponseId;
}

/** HMAC-SHA-256(K, id): what turns a guessable id into a subject. 32 bytes; K is 32 bytes. */
export function blindOf(blindingKey: Uint8Array, id: IndicatorId | ResponseId): Uint8Array {
  return hmacSha256(blindingKey, fromHex(id));
}

/** SHA-256(blind ‖ id): what stands on the chain for a record. 32 bytes. */
export function subjectOf(blindingKey: Uint8Array, id: IndicatorId | ResponseId): Subject {
  return toHex(sha256(concat(blindOf(blindingKey, id), fromHex(id)))) as Subject;
}

/** SHA-256(K), the public commitment to the blinding key that `ImmuneMemory` holds. 32 bytes. */
export function blindingKeyHash(blindingKey: Uint8Array): Bytes32 {
  return toHex(sha256(blindingKey)) as Bytes32;
}

/** STIX identifier `type--UUIDv5` of a record (STIX 2.1 §2.9, RFC 9562 §5.5). */
export function stixId(
  type: "indicator" | "course-of-action" | "bundle" | "identity" | "extension-definition",
  id: string,
): string {
  const uuid = sha1(concat(STIX_NAMESPACE, utf8(id))).slice(0, 16);
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x50;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  const hex = (toHex(uuid) as Hex).slice(2);
  return `${type}--${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
