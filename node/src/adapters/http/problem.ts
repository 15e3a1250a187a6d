import { AnamnesisError, type ErrorCode } from "@anamnesis/sdk/core/errors";

/** How a code is told over HTTP. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** When a retry can help, in seconds; absent: the same request fails again. */
  readonly retryAfterSeconds?: number;
}

const BAD_INPUT = { status: 400, title: "The request is not usable" } as const;
const TOO_LARGE = { status: 413, title: "The request is too large" } as const;
const REFUSED = { status: 422, title: "Understood and refused" } as const;
const CONFLICT = { status: 409, title: "Not in the state this needs" } as const;
const FORBIDDEN = { status: 403, title: "Not allowed" } as const;
const BROKEN = { status: 500, title: "The node has a fault" } as const;
const LATER = { status: 503, title: "The node cannot do this now", retryAfterSeconds: 5 } as const;
const WAITING = { status: 503, title: "The node waits for something", retryAfterSeconds: 2 } as const;
const FULL = { status: 507, title: "The node's disk is full", retryAfterSeconds: 60 } as const;

/** The one table of HTTP status and retry hint, exhaustive over the union of codes. */
export const PROBLEMS: Readonly<Record<ErrorCode, ProblemKind>> = {
  "input.invalid": BAD_INPUT,
  "input.tooLarge": TOO_LARGE,
  "entry.malformed": BAD_INPUT,
  "entry.commitment": REFUSED,
  "message.malformed": BAD_INPUT,
  "message.peaks": REFUSED,
  "message.path": REFUSED,
  "message.root": REFUSED,
  "message.tooLarge": TOO_LARGE,
  "head.signature": REFUSED,
  "head.stale": CONFLICT,
  "feed.unknown": { status: 404, title: "Not known here" },
  "feed.closed": CONFLICT,
  "feed.gap": WAITING,
  "feed.equivocation": CONFLICT,
  "feed.sizeUnknown": WAITING,
  "feed.cloned": CONFLICT,
  "attestation.malformed": BAD_INPUT,
  "attestation.signature": REFUSED,
  "attestation.unknownKey": FORBIDDEN,
  "attestation.revokedKey": FORBIDDEN,
  "attestation.suspended": FORBIDDEN,
  "attestation.stale": CONFLICT,
  "attestation.future": REFUSED,
  "attestation.batchTooLarge": TOO_LARGE,
  "candidate.private": REFUSED,
  "candidate.reserved": REFUSED,
  "candidate.self": REFUSED,
  "candidate.broad": REFUSED,
  "candidate.allowlisted": REFUSED,
  "candidate.direction": REFUSED,
  "candidate.none": REFUSED,
  "behaviour.bare": REFUSED,
  "behaviour.writer": REFUSED,
  "validation.insufficient": REFUSED,
  "validation.hit": REFUSED,
  "self.incomplete": REFUSED,
  "self.stale": REFUSED,
  "policy.ceiling": REFUSED,
  "policy.approval": REFUSED,
  "policy.phase": REFUSED,
  "policy.disputed": REFUSED,
  "policy.refused": REFUSED,
  "policy.stopped": REFUSED,
  "plan.self": REFUSED,
  "plan.unsupported": REFUSED,
  "deferred.budget": { status: 429, title: "Over the budget of this hour", retryAfterSeconds: 600 },
  "config.invalid": BROKEN,
  "config.signature": BROKEN,
  "keystore.missing": BROKEN,
  "keystore.password": BROKEN,
  "signer.unreachable": WAITING,
  "signer.mismatch": BROKEN,
  "blindingKey.missing": WAITING,
  "blindingKey.mismatch": BROKEN,
  "store.locked": LATER,
  "store.full": FULL,
  "store.corrupt": BROKEN,
  "store.io": BROKEN,
  "control.io": BROKEN,
  "control.preflight": BROKEN,
  "control.verify": BROKEN,
  "detector.io": BROKEN,
  "port.taken": BROKEN,
  "chain.unreachable": LATER,
  "chain.mismatch": BROKEN,
  "chain.contradiction": BROKEN,
  "chain.reverted": REFUSED,
  "peer.stranger": FORBIDDEN,
  "peer.timeout": LATER,
  "peer.protocol": LATER,
  "peer.flood": { status: 429, title: "Too much at once", retryAfterSeconds: 5 },
  "evidence.unreadable": BAD_INPUT,
  "evidence.trust": BAD_INPUT,
  "evidence.incomplete": CONFLICT,
  "evidence.chain": REFUSED,
  "evidence.content": REFUSED,
  "evidence.attestation": REFUSED,
  "evidence.proof": REFUSED,
  "evidence.code": REFUSED,
  "evidence.key": REFUSED,
  "evidence.member": REFUSED,
  "evidence.register": REFUSED,
  "evidence.record": REFUSED,
  "evidence.inclusion": REFUSED,
  "evidence.head": REFUSED,
  "evidence.header": REFUSED,
  "evidence.seal": REFUSED,
  "evidence.unsealed": REFUSED,
  "api.unauthorized": { status: 401, title: "A valid bearer token is needed" },
  "api.forbidden": FORBIDDEN,
  "api.notFound": { status: 404, title: "Not known here" },
  "api.conflict": CONFLICT,
  "api.unavailable": LATER,
  "api.internal": BROKEN,
};

/** A problem details object (RFC 9457) with two members of ours, `code` and `details`. */
export interface Problem {
  /** `urn:anamnesis:error:CODE`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly details: AnamnesisError["details"];
}

/** The problem object of an error. */
export function toProblem(error: AnamnesisError): Problem {
  const { status, title } = PROBLEMS[error.code];
  return {
    type: `urn:anamnesis:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    details: error.details,
  };
}

/**
 * Translates whatever a route threw, once: our errors stay, the HTTP library's become input errors,
 * the rest is `api.internal` and says nothing of its inside.
 */
export function toAnamnesisError(thrown: unknown): AnamnesisError {
  if (thrown instanceof AnamnesisError) return thrown;
  // Express marks paths it cannot decode with a 4xx status.
  const { status } = (thrown ?? {}) as { status?: unknown };
  if (typeof status === "number" && status >= 400 && status < 500)
    return new AnamnesisError("input.invalid", "the path could not be decoded; check its escapes");
  return new AnamnesisError("api.internal", "the node met a fault of its own; its log has the details", {
    cause: thrown,
  });
}
