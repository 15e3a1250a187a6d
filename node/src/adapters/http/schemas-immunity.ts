/** Immunity as it goes out. */
import { z } from "zod";
import { address, bytes32, ms } from "./schemas-base.ts";

const coverage = z.object({ plants: z.int(), able: z.int(), protected: z.int(), warned: z.int() });
const exposure = z.object({ met: z.int(), protected: z.int(), warned: z.int() });
const times = z.object({ count: z.int(), p50: z.number().nullable(), p99: z.number().nullable() });
const word = z.enum(["protected", "warned", "none"]);

export const immunityQuery = z.strictObject({
  indicator: z.string().min(8).max(128).optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
});

export const immunitySchema = z
  .object({
    atMs: ms,
    indicators: z.int(),
    coverage,
    secondExposure: exposure,
    warnedAfter: times,
    protectedAfter: times,
    pendingUndo: z.int(),
    records: z.array(
      z.object({
        indicator: bytes32,
        name: z.string(),
        status: z.enum(["none", "withdrawn", "dormant", "proposed", "attested", "refuted"]),
        firstAlertMs: ms.nullable(),
        coverage,
        secondExposure: exposure,
        pendingUndo: z.int(),
        plants: z.array(
          z.object({
            feed: address,
            member: z.int().nullable(),
            state: word,
            proof: z.enum(["enforced", "staged", "none"]),
            able: z.boolean(),
            warnedAfterMs: z.number().nullable(),
            protectedAfterMs: z.number().nullable(),
            sightings: z.int(),
            metMs: ms.nullable(),
            metAs: word.nullable(),
            pendingUndo: z.array(z.string()),
            pastEnd: z.array(z.string()),
          }),
        ),
      }),
    ),
  })
  .meta({
    id: "Immunity",
    description: "Counted from receipts and sightings in the feeds, and nothing else.",
  });
