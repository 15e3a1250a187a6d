/** One detector of plant.yaml: a log file, its format, and how a site's own JSON is read. */
import { FORMAT_NAMES } from "@anamnesis/sdk/formats/formats";
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import { isZone } from "@anamnesis/sdk/formats/zone";
import { z } from "zod";

const path = z.string().min(1).max(256);
const end = z.strictObject({ address: path, port: path.optional() });

const mapping = z
  .strictObject({
    when: z.strictObject({ path, equals: z.string() }).optional(),
    time: path,
    rule: path,
    name: path.optional(),
    category: path.optional(),
    severity: z
      .strictObject({
        path,
        values: z.record(z.string(), z.number().min(0).max(100)).optional(),
        scale: z.number().positive().optional(),
      })
      .optional(),
    attacker: end.optional(),
    victim: end.optional(),
    source: end.optional(),
    destination: end.optional(),
    transport: path.optional(),
    appProtocol: path.optional(),
    attackIds: path.optional(),
  })
  .transform((given) => given as Mapping);

/** The setting. `auto` finds the format out from the first lines; `zone` is of times that name none. */
export const detectorSetting = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "expected a short name of a-z, 0-9 and -"),
    format: z.enum(["auto", ...FORMAT_NAMES]).default("eve"),
    path: z.string(),
    zone: z.string().refine(isZone, "expected UTC, an IANA name or an offset as +02:00").default("UTC"),
    mapping: mapping.optional(),
  })
  .refine((detector) => (detector.format === "mapping") === (detector.mapping !== undefined), {
    error: "expected a mapping with format: mapping, and with no other",
    path: ["mapping"],
  })
  .transform(({ mapping: own, ...rest }) => (own === undefined ? rest : { ...rest, mapping: own }));
