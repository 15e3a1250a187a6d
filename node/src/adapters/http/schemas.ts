/** Request and response schemas of the API: the source of its checks and of its OpenAPI document. */
import { BEHAVIOUR_CLASSES } from "@anamnesis/sdk/core/behaviours";
import { z } from "zod";
import type {} from "zod-openapi";
import { address, bytes32, countsByName, member, ms, nullableMs } from "./schemas-base.ts";
import { differencesSchema } from "./schemas-rebuild.ts";
import { candidateSchema, changeSchema, detectionSchema } from "./schemas-state.ts";

const level = z.union([
  z.literal(0),
  z.literal(1),
  z.literal(2),
  z.literal(3),
  z.literal(3.5),
  z.literal(4),
  z.literal(5),
]);
const action = z.enum(["observe", "alert", "deny", "block", "isolate"]);
const proof = z.enum(["enforced", "staged", "none"]);
const memberHistory = z.object({
  supports: z.int(),
  refutes: z.int(),
  withdrawn: z.int(),
  upheld: z.int(),
  outvoted: z.int(),
});
const releaseClass = z.enum(["observable", ...BEHAVIOUR_CLASSES]);
const statusName = z.enum(["none", "withdrawn", "dormant", "proposed", "attested", "refuted"]);
const plantState = z.enum(["none", "warned", "watched", "protected"]);

// ── requests ─────────────────────────────────────────────────────────────────────────────────

/** A whole number in a query string. */
const whole = (max: number, what: string) =>
  z
    .string()
    .regex(/^\d{1,16}$/, "expected a whole number")
    .transform(Number)
    .pipe(z.int().min(0).max(max))
    .meta({ description: what, override: { type: "integer", minimum: 0, maximum: max } });
const limit = whole(1000, "At most this many, 1000 at most.");
const cursor = whole(Number.MAX_SAFE_INTEGER, "The sequence to go on after; 0 is the beginning.");
const value = z
  .string()
  .min(1)
  .max(2048)
  .meta({ description: "An address, domain, URL, hash or fingerprint.", example: "203.0.113.7" });

export const noQuery = z.strictObject({});
export const idParams = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(100)
    .meta({ description: "An id, a STIX id, or a unique prefix of at least 8 hexadecimal digits." }),
});
export const valueParams = z.strictObject({ value });
export const indicatorsQuery = z.strictObject({
  class: releaseClass.optional(),
  status: statusName.optional(),
  state: plantState.optional(),
  limit: limit.optional(),
});
export const detectionsQuery = z.strictObject({ limit: limit.optional(), before: cursor.optional() });
export const changesQuery = z.strictObject({ after: cursor.optional(), limit: limit.optional() });
export const streamQuery = z.strictObject({ after: cursor.optional() });
export const holdBody = z.strictObject({ untilMs: ms }).meta({ id: "Hold" });
export const attestBody = z
  .strictObject({
    stance: z.enum(["support", "refute", "withdraw"]),
    confidence: z.int().min(0).max(100),
  })
  .meta({ id: "AnalystStance" });
export const publishBody = z
  .strictObject({ lines: z.array(z.strictObject({ line: z.string().min(1) })).max(10_000) })
  .meta({ id: "PublishedLines" });
export const idempotencyHeaders = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, "expected 1 to 128 visible ASCII characters")
    .meta({
      description:
        "Chosen by the caller, the same for every retry of one batch. Without it the lines are their own key: the same lines again change nothing.",
    })
    .optional(),
});

// ── answers ──────────────────────────────────────────────────────────────────────────────────

const application = z.object({
  control: z.string(),
  kind: z.string(),
  level,
  phase: z.enum(["learning", "shadow", "protecting"]),
  action: z.union([action, z.literal("none")]),
  proof,
  because: z.array(z.string()),
  appliedAtMs: nullableMs,
  expiresAtMs: nullableMs,
});

export const indicatorSchema = z
  .object({
    id: bytes32,
    stixId: z.string(),
    subject: bytes32.nullable(),
    name: z.string(),
    class: releaseClass,
    patternType: z.string(),
    pattern: z.string(),
    form: candidateSchema.shape.form,
    tlp: z.string(),
    origin: z.object({ feed: address, member: member.nullable() }),
    status: z.object({
      name: statusName,
      disputed: z.boolean(),
      supports: z.int(),
      witnesses: z.int(),
      refutes: z.int(),
    }),
    responseStatus: z
      .object({
        name: statusName,
        disputed: z.boolean(),
        supports: z.int(),
        witnesses: z.int(),
        refutes: z.int(),
      })
      .nullable(),
    responseAction: action.nullable(),
    recorded: z.boolean(),
    archivedAtBlock: z.int().nullable().optional(),
    score: z.int(),
    recordedScore: z.object({ block: z.int(), score: z.int() }).nullable(),
    members: z.array(member),
    stances: z.array(
      z.object({
        member,
        key: address,
        stance: z.enum(["support", "refute", "withdraw"]),
        basis: z.enum(["observed", "validated", "analyst"]),
        confidence: z.int(),
        signedAtMs: ms,
        validUntilMs: nullableMs,
        recorded: z.boolean(),
        counts: z.boolean(),
        history: memberHistory.optional(),
      }),
    ),
    sightings: z.object({ count: z.int(), firstMs: nullableMs, lastMs: nullableMs, plants: z.int() }),
    detectors: z.array(z.string()),
    state: plantState,
    able: z.enum(["none", "watched", "protected"]),
    proof,
    applications: z.array(application),
    timeline: z.object({
      alert: ms.optional(),
      released: ms.optional(),
      signed: ms.optional(),
      admitted: ms.optional(),
      warned: ms.optional(),
      attested: ms.optional(),
      protected: ms.optional(),
      recorded: ms.optional(),
    }),
  })
  .meta({ id: "Indicator" });

export const healthSchema = z
  .object({
    ok: z.boolean(),
    plant: z.string(),
    member: member.nullable(),
    key: address,
    version: z.string(),
    alarms: z.array(z.object({ code: z.string(), message: z.string() })),
    armed: z.boolean(),
    records: z.int(),
    warned: z.int(),
    watched: z.int(),
    protected: z.int(),
    awaitingMe: z.int(),
    peers: z.array(z.object({ key: address, member: member.nullable(), connected: z.boolean() })),
    feedSize: z.int(),
    heldHash: bytes32,
    chain: z.object({
      reachable: z.boolean(),
      block: z.int().nullable(),
      lagBlocks: z.int().nullable(),
      recordedHash: bytes32.nullable(),
      headAgeSeconds: z.int().nullable(),
      endpoints: z.array(
        z.object({
          name: z.string(),
          state: z.enum(["untried", "answering", "away", "excluded"]),
          current: z.boolean(),
          reason: z.string().optional(),
        }),
      ),
      senders: z.array(z.object({ address, waiting: z.int(), stuckSeconds: z.int() })),
    }),
    cursor: z.int(),
  })
  .meta({ id: "Health" });

const detectorCounts = z.object({
  lines: z.int(),
  detections: z.int(),
  context: z.int(),
  duplicates: z.int(),
  rejected: countsByName,
  examples: z.record(z.string(), z.string()),
});

export const doctorSchema = z
  .object({
    health: healthSchema,
    labPublic: z.array(z.string()),
    configSignedBy: address.nullable(),
    parameters: z
      .object({ members: z.int(), witnesses: z.int(), refutes: z.int(), maxBatch: z.int() })
      .nullable(),
    detectors: z.record(z.string(), detectorCounts),
    outcomes: countsByName,
    ignored: countsByName,
    rejected: countsByName,
    controls: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        level,
        phase: z.string(),
        ok: z.boolean(),
        detail: z.string(),
      }),
    ),
    self: z.object({
      confirmedAtMs: ms,
      stale: z.boolean(),
      incomplete: z.array(z.string()),
      warninglists: z
        .array(
          z.object({
            name: z.string(),
            file: z.string(),
            type: z.string(),
            version: z.number(),
            entries: z.int(),
            modifiedAtMs: ms.nullable(),
          }),
        )
        .optional(),
    }),
    validation: z.object({ events: z.int(), hours: z.number(), dataset: bytes32.nullable() }),
    differences: differencesSchema,
    archive: z
      .object({
        blocks: z.int(),
        subjects: z.int(),
        bytes: z.int(),
        newestBlock: z.int().nullable(),
        waiting: z.int(),
        failure: z.object({ code: z.string(), message: z.string() }).nullable(),
      })
      .optional(),
  })
  .meta({ id: "Doctor" });

export const indicatorsSchema = z.object({ indicators: z.array(indicatorSchema) });
export const recallSchema = z
  .object({ value: z.string(), known: z.boolean(), indicators: z.array(indicatorSchema) })
  .meta({ id: "Recall" });
export const detectionsSchema = z.object({ detections: z.array(detectionSchema) });
export const candidatesSchema = z.object({ candidates: z.array(candidateSchema) });
export const publishedSchema = z
  .object({ accepted: z.int(), duplicate: z.boolean() })
  .meta({ id: "Published" });
export const vaccineSchema = application
  .extend({ indicator: bytes32, name: z.string() })
  .meta({ id: "Vaccine" });
export const vaccinesSchema = z.object({ vaccines: z.array(vaccineSchema) });
export const whySchema = z
  .object({
    value: z.string(),
    us: z.boolean(),
    answer: z.string(),
    applications: z.array(
      application.extend({ indicator: bytes32, name: z.string(), statement: z.string() }),
    ),
  })
  .meta({ id: "Why" });
export const changesSchema = z
  .object({ changes: z.array(changeSchema), cursor: z.int(), stateHash: bytes32 })
  .meta({ id: "ChangesPage" });
export const auditSchema = z
  .object({
    lines: z.int(),
    outcomes: z.int(),
    attestations: z.array(z.string()),
    released: z.array(bytes32),
    held: z.array(bytes32),
    duplicateAttestations: z.int(),
    duplicateApplications: z.int(),
  })
  .meta({ id: "Audit" });
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: "Problem", description: "RFC 9457, with the error's code." });
export { candidateSchema } from "./schemas-state.ts";
