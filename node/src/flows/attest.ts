/* A member's own stances: what is signed, on which basis, and at which version. */
import { ZERO_BYTES32 } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type {
  Attestation,
  Basis,
  Bytes32,
  Entry,
  MemberNumber,
  Stance,
  Subject,
  Tlp,
} from "@anamnesis/sdk/core/types";
import type { Clock, Signer } from "../ports.ts";
import type { Memory } from "../state/memory.ts";
import { FUTURE_MS } from "./project.ts";

/** What this node needs to know to speak for its member. */
export interface AttestPorts {
  readonly clock: Clock;
  readonly signer: Signer;
  readonly memory: Memory;
  /** The member this node's key speaks for, undefined while it may not speak. */
  member(): MemberNumber | undefined;
  /** The version the chain's register holds for this member on a subject, 0 when none. */
  chainVersion(subject: Subject, member: MemberNumber): number;
  /** The clock minus the chain's time at the newest head seen, ms; undefined without a chain. */
  clockSkewMs(): number | undefined;
  /** The last version signed here by subject: what was signed and is not durable yet counts, too. */
  readonly signed: Map<Subject, number>;
}

/** A stance before it is signed. */
export interface StanceInput {
  readonly subject: Subject;
  readonly stance: Stance;
  readonly basis: Basis;
  readonly confidence: number;
  /** Seconds since the epoch; ignored unless the stance is support. */
  readonly validUntil: number;
  readonly content?: Bytes32;
  readonly tlp: Tlp;
}

/**
 * Signs a stance of this member at a version above every one it has held or recorded on the subject.
 *
 * Throws `attestation.unknownKey` when the key speaks for nobody, `attestation.future` when this
 * machine's clock and the chain's differ by more than ten minutes: a signature from a wrong time
 * would outlive its meaning.
 */
export function signStance(ports: AttestPorts, input: StanceInput): Entry & { kind: "attestation" } {
  const member = ports.member();
  if (member === undefined) {
    throw new AnamnesisError(
      "attestation.unknownKey",
      `node key ${ports.signer.address} is not enrolled or not open; the member account adds it`,
    );
  }
  const now = Math.floor(ports.clock.nowMs());
  if (Math.abs(ports.clockSkewMs() ?? 0) > FUTURE_MS) {
    throw new AnamnesisError(
      "attestation.future",
      "this machine's clock and the chain's differ by more than ten minutes; nothing is signed until they agree",
    );
  }
  const held = ports.memory.stances(input.subject).get(member)?.register.version ?? 0;
  const version = Math.max(
    now,
    held + 1,
    ports.chainVersion(input.subject, member) + 1,
    (ports.signed.get(input.subject) ?? 0) + 1,
  );
  remember(ports.signed, input.subject, version);
  const attestation: Attestation = {
    subject: input.subject,
    stance: input.stance,
    basis: input.basis,
    confidence: input.confidence,
    validUntil: input.stance === 1 ? input.validUntil : 0,
    version,
    content: input.content ?? ZERO_BYTES32,
  };
  const { signature } = ports.signer.signAttestation(attestation);
  return { at: now, tlp: input.tlp, kind: "attestation", body: { ...attestation, signature } };
}

/** Versions that may still be on their way to the disk; older ones are held in memory already. */
const SIGNED_KEPT = 10_000;

function remember(signed: Map<Subject, number>, subject: Subject, version: number): void {
  signed.delete(subject);
  signed.set(subject, version);
  for (const oldest of signed.keys()) {
    if (signed.size <= SIGNED_KEPT) break;
    signed.delete(oldest);
  }
}
