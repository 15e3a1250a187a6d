/** Schemas of knowledge from outside and of the consortium's own, as it travels. */
import { stixIndicatorSchema } from "@anamnesis/sdk/core/schema";
import { z } from "zod";
import { bytes32 } from "./schemas-base.ts";
import { proposalSchema } from "./schemas-state.ts";

export const proposeBody = z
  .strictObject({ proposals: z.array(proposalSchema).max(1000) })
  .meta({ id: "Proposals" });
export const knowledgeQuery = z.strictObject({
  after: bytes32.optional().meta({ description: "The id to go on after." }),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, "expected a whole number")
    .transform(Number)
    .pipe(z.int().min(1).max(1000))
    .meta({
      description: "At most this many, 1000 at most.",
      override: { type: "integer", minimum: 1, maximum: 1000 },
    })
    .optional(),
});
export const proposedSchema = z
  .object({
    queued: z.int(),
    known: z.int(),
    stopped: z.array(z.object({ value: z.string(), code: z.string(), entry: z.string() })),
  })
  .meta({ id: "Proposed" });
/** Indicators as they travel: STIX 2.1 with their origin. */
export const knowledgeSchema = z.object({
  indicators: z.array(
    z.object({
      object: stixIndicatorSchema,
      tlp: z.enum(["clear", "green", "amber", "amber+strict"]),
      status: z.enum(["none", "withdrawn", "dormant", "proposed", "attested", "refuted"]),
      modifiedMs: z.int(),
    }),
  ),
  withheld: z.int(),
  next: bytes32.nullable(),
});
