import { z } from "zod";
import { address, bytes32, ms } from "./schemas-base.ts";

/** Which records: exactly one of `records`, `sinceMs` and `all`. */
export const evidenceBody = z
  .strictObject({
    records: z.array(z.string().min(1).max(200)).min(1).max(10_000).optional(),
    sinceMs: ms.optional(),
    all: z.literal(true).optional(),
    history: z.boolean().optional(),
    anchor: z
      .strictObject({ block: z.int().min(0), addresses: z.array(address).min(1).max(1024) })
      .optional(),
  })
  .refine(
    ({ records, sinceMs, all }) => [records, sinceMs, all].filter((each) => each !== undefined).length === 1,
    {
      error: "give one of records, sinceMs and all",
    },
  )
  .meta({ id: "EvidenceRequest" });

export const evidenceParams = z.strictObject({ sha256: bytes32 });

/** How far an export is, or what it holds. */
export const evidenceSchema = z
  .discriminatedUnion("state", [
    z.object({ state: z.literal("running"), step: z.string() }),
    z.object({
      state: z.literal("done"),
      snapshots: z.array(
        z.object({
          block: z.int(),
          source: z.enum(["chain", "archive"]),
          records: z.int(),
          entries: z.int(),
        }),
      ),
      bytes: z.int(),
      sha256: bytes32,
      withheld: z.array(z.object({ commitment: bytes32, reason: z.string() })),
      left: z.array(z.object({ record: bytes32, reason: z.string() })),
    }),
  ])
  .meta({ id: "Evidence" });
