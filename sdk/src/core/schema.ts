/** Shapes of what comes from outside, as zod schemas: the edges parse with these, the inside trusts types. */
import * as z from "zod"; // by its names, so that a page does not load every language of its messages

const hex = (bytes: number) =>
  z
    .string()
    .regex(
      new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`),
      `expected ${bytes} bytes of lower-case hexadecimal with 0x`,
    );
const ms = z.int().min(0).max(253_402_300_799_999); // year 9999
const text = (max: number) => z.string().max(max);

/** 32 bytes as lower-case hexadecimal. */
export const bytes32Schema = hex(32);
/** An EVM address in lower case. */
export const addressSchema = hex(20);
/** A member number. */
export const memberSchema = z.int().min(1).max(65_535);

/** The pattern types that may travel. */
export const patternTypeSchema = z.enum([
  "stix",
  "suricata",
  "sigma",
  "yara",
  "snort",
  "x-anamnesis-behaviour",
]);
/** The action classes, ascending. */
export const actionSchema = z.enum(["observe", "alert", "deny", "block", "isolate"]);

/** Where knowledge from outside was taken from. */
export const originSchema = z.strictObject({
  format: z.enum(["stix", "misp", "zeek-intel", "suricata", "sigma", "yara"]),
  id: text(128).min(1),
  author: text(256).optional(),
  licence: text(512).optional(),
  source: text(16_384).min(1),
});

/** STIX 2.1 Indicator (§4.7), the properties that Anamnesis carries. */
export const stixIndicatorSchema = z.strictObject({
  type: z.literal("indicator"),
  spec_version: z.literal("2.1"),
  id: text(64),
  created: text(40),
  modified: text(40),
  name: text(512),
  indicator_types: z.array(text(64)).max(8),
  pattern: text(16_384).min(1),
  pattern_type: patternTypeSchema,
  valid_from: text(40),
  valid_until: text(40).optional(),
  x_anamnesis_origin: originSchema.optional(),
  external_references: z
    .array(z.strictObject({ source_name: text(64), external_id: text(64) }))
    .max(32)
    .optional(),
});

/** STIX 2.1 Course of Action (§4.3) with our action class. */
export const stixCourseOfActionSchema = z.strictObject({
  type: z.literal("course-of-action"),
  spec_version: z.literal("2.1"),
  name: text(512),
  x_anamnesis_action: actionSchema,
});

const validationSchema = z.strictObject({
  events: z.int().min(0),
  hours: z.number().min(0),
  hits: z.int().min(0),
  dataset: bytes32Schema,
});

const contentSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("indicator"), object: stixIndicatorSchema }),
  z.strictObject({ type: z.literal("response"), indicator: bytes32Schema, object: stixCourseOfActionSchema }),
  z.strictObject({ type: z.literal("validation"), indicator: bytes32Schema, result: validationSchema }),
]);

/** A signed attestation in an entry. Ranges that state decides (time, keys) are checked by `admit`. */
export const attestationBodySchema = z
  .strictObject({
    subject: bytes32Schema,
    stance: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    basis: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    confidence: z.int().min(0).max(100),
    validUntil: z
      .int()
      .min(0)
      .max(2 ** 40 - 1),
    version: z
      .int()
      .min(1)
      .max(2 ** 48 - 1),
    content: bytes32Schema,
    signature: hex(65),
  })
  .refine(
    (a) => (a.validUntil === 0) === (a.stance !== 1),
    "validUntil is 0 exactly when the stance is not support",
  );

const sightingSchema = z.strictObject({
  indicator: bytes32Schema,
  firstMs: ms,
  lastMs: ms,
  count: z.int().min(1),
});

const receiptSchema = z.strictObject({
  indicator: bytes32Schema,
  control: text(64),
  kind: text(32),
  action: actionSchema,
  state: z.enum(["applied", "verified", "undone", "refused", "deferred"]),
  proof: z.enum(["enforced", "staged", "none"]),
  reason: text(256).optional(),
  expiresAtMs: ms.optional(),
});

const envelope = {
  at: ms,
  tlp: z.enum(["clear", "green", "amber", "amber+strict"]),
  audience: z.array(memberSchema).max(256).optional(),
};

/** One entry of a feed. */
export const entrySchema = z.discriminatedUnion("kind", [
  z.strictObject({ ...envelope, kind: z.literal("content"), body: contentSchema }),
  z.strictObject({ ...envelope, kind: z.literal("attestation"), body: attestationBodySchema }),
  z.strictObject({ ...envelope, kind: z.literal("sighting"), body: sightingSchema }),
  z.strictObject({ ...envelope, kind: z.literal("receipt"), body: receiptSchema }),
]);
