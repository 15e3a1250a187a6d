/** Anamnesis for programs: ask a node, publish to it, watch it, and verify what it says. */
export {
  type CallOptions,
  type Client,
  createClient,
} from "./client/client.ts";
export type { ClientOptions } from "./client/connect.ts";
export type { Publishable, PublishOptions, PublishResult } from "./client/publish.ts";
export { createPublisher, type Publisher, type PublisherOptions } from "./client/publisher.ts";
export type { RetryPolicy } from "./client/retry.ts";
export type { WatchOptions, WatchState } from "./client/watch.ts";
export { fromHex, parseAddress, parseBytes32, parseSignature, toHex } from "./core/bytes.ts";
export { canonicalBytes, canonicalText } from "./core/canonical.ts";
export { commitmentHex, decodeEntry, encodeEntry, type Item } from "./core/entry.ts";
export { AnamnesisError, type ErrorCode, type ErrorDetails, isAnamnesisError } from "./core/errors.ts";
export { blindingKeyHash, indicatorId, responseId, stixId, subjectOf } from "./core/ids.ts";
export { leafHash, verifyConsistency, verifyInclusion } from "./core/merkle.ts";
export {
  decodeMessage,
  type FeedMessage,
  type VerifiedMessage,
  verifyHead,
  verifyMessage,
} from "./core/message.ts";
export { parsePattern, toPattern } from "./core/pattern.ts";
export { score } from "./core/score.ts";
export { recoverSigner } from "./core/signature.ts";
export { memoryHash, responseStatus, status, wins } from "./core/status.ts";
export { createHasher, type Domain, type TypedDataHasher, uidOf } from "./core/typed-data.ts";
export type * from "./core/types.ts";
export type * from "./core/views.ts";
export { archiveState, decodeState, encodeState, joinStates, proofSlots } from "./evidence/archive.ts";
export { assembleBundle, type BundleInput } from "./evidence/assemble.ts";
export type * from "./evidence/inputs.ts";
export { encodeBundle, MAX_BUNDLE_BYTES, parseBundle } from "./evidence/parse.ts";
export { parseTrust } from "./evidence/trust.ts";
export type * from "./evidence/types.ts";
export { verifyEvidence } from "./evidence/verify.ts";
export type { PublishedDetection, PublishedEnd } from "./formats/own-line.ts";
