/**
 * The closed union of everything that can go wrong, by code.
 *
 * The part before the dot is the room that noticed it. A code is also a metric label and a key of
 * the HTTP status table, so a code never changes its meaning.
 */
export type ErrorCode =
  // input that does not have the shape it claims
  | "input.invalid"
  | "input.tooLarge"
  // canonical form and entries
  | "entry.malformed"
  | "entry.commitment"
  // feed messages and heads
  | "message.malformed"
  | "message.peaks"
  | "message.path"
  | "message.root"
  | "message.tooLarge"
  | "head.signature"
  | "head.stale"
  | "feed.unknown"
  | "feed.closed"
  | "feed.gap"
  | "feed.equivocation"
  | "feed.sizeUnknown"
  | "feed.cloned"
  // attestations
  | "attestation.malformed"
  | "attestation.signature"
  | "attestation.unknownKey"
  | "attestation.revokedKey"
  | "attestation.suspended"
  | "attestation.stale"
  | "attestation.future"
  | "attestation.batchTooLarge"
  // candidates on their way to becoming indicators
  | "candidate.private"
  | "candidate.reserved"
  | "candidate.self"
  | "candidate.broad"
  | "candidate.allowlisted"
  | "candidate.direction"
  | "candidate.none"
  | "behaviour.bare"
  | "behaviour.writer"
  // validation
  | "validation.insufficient"
  | "validation.hit"
  // policy and plans
  | "self.incomplete"
  | "self.stale"
  | "policy.ceiling"
  | "policy.approval"
  | "policy.phase"
  | "policy.disputed"
  | "policy.refused"
  | "policy.stopped"
  | "plan.self"
  | "plan.unsupported"
  | "deferred.budget"
  // the plant's surroundings
  | "config.invalid"
  | "config.signature"
  | "keystore.missing"
  | "keystore.password"
  // the member account's signer
  | "signer.unreachable"
  | "signer.mismatch"
  | "blindingKey.missing"
  | "blindingKey.mismatch"
  | "store.locked"
  | "store.full"
  | "store.corrupt"
  | "store.io"
  | "control.io"
  | "control.preflight"
  | "control.verify"
  | "detector.io"
  | "port.taken"
  | "chain.unreachable"
  | "chain.mismatch"
  | "chain.reverted"
  | "chain.contradiction"
  | "peer.stranger"
  | "peer.timeout"
  | "peer.protocol"
  | "peer.flood"
  // evidence: its two files, what an exporter lacks, and the checks of a bundle
  | "evidence.unreadable"
  | "evidence.trust"
  | "evidence.incomplete"
  | "evidence.chain"
  | "evidence.content"
  | "evidence.attestation"
  | "evidence.proof"
  | "evidence.code"
  | "evidence.key"
  | "evidence.member"
  | "evidence.register"
  | "evidence.record"
  | "evidence.inclusion"
  | "evidence.head"
  | "evidence.header"
  | "evidence.seal"
  | "evidence.unsealed"
  // the API
  | "api.unauthorized"
  | "api.forbidden"
  | "api.notFound"
  | "api.conflict"
  | "api.unavailable"
  | "api.internal";

/** Details of an error: plain values that may be logged, never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/**
 * The one error of Anamnesis.
 *
 * `message` says what was wrong with which value and what to do; `code` is for programs.
 *
 * @example
 * throw new AnamnesisError("config.invalid", "ports.http is 99999; give a port from 1 to 65535");
 */
export class AnamnesisError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AnamnesisError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is ours and, when `code` is given, of that code. */
export function isAnamnesisError(error: unknown, code?: ErrorCode): error is AnamnesisError {
  return error instanceof AnamnesisError && (code === undefined || error.code === code);
}
