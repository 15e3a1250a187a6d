import { BEHAVIOUR_CLASSES } from "@anamnesis/sdk/core/behaviours";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { ICS_PROTOCOLS } from "@anamnesis/sdk/core/ics";
import { parsePattern } from "@anamnesis/sdk/core/pattern";
import { originSchema, patternTypeSchema } from "@anamnesis/sdk/core/schema";
import type { PatternType } from "@anamnesis/sdk/core/types";
import { parseStixPattern } from "@anamnesis/sdk/knowledge/stix-pattern";
import { z } from "zod";
import { address, bytes32, member, ms } from "./schemas-base.ts";

const observable = z.object({
  kind: z.enum(["ipv4-addr", "ipv6-addr", "domain-name", "url", "file", "ja3", "ja4"]),
  value: z.string(),
});
const behaviour = z.object({
  class: z.enum(BEHAVIOUR_CLASSES),
  protocol: z.enum(ICS_PROTOCOLS),
  functions: z.array(z.int()),
  /** Of Modbus. */
  table: z.enum(["coil", "holding"]).optional(),
  /** Of EtherNet/IP: the CIP class. */
  object: z.int().optional(),
  /** When several requests are the attack. */
  sequence: z.literal("logic-download").optional(),
  roles: z.tuple([
    z.enum(["non-writer", "non-engineer", "outsider"]),
    z.enum(["controller", "safety-system", "ot-host"]),
  ]),
});
const form = z.discriminatedUnion("form", [
  z.object({ form: z.literal("observable"), observable }),
  z.object({ form: z.literal("behaviour"), behaviour }),
]);
const endpoint = z.object({ address: z.string(), port: z.int().optional() });
const severity = z.number().nullable();

/** A normalised alert with what it led to. */
export const detectionSchema = z
  .object({
    sequence: z.int(),
    detection: z.object({
      id: bytes32,
      atMs: ms,
      readAtMs: ms,
      detector: z.string(),
      rule: z.object({
        engine: z.enum([
          "suricata",
          "snort",
          "zeek",
          "wazuh",
          "crowdsec",
          "falco",
          "cef",
          "leef",
          "ecs",
          "fail2ban",
          "firewall",
          "baseline",
          "program",
          "mapping",
        ]),
        gid: z.int(),
        id: z.union([z.int(), z.string()]),
        rev: z.int(),
        name: z.string(),
        category: z.string(),
      }),
      severity,
      action: z.enum(["allowed", "blocked", "unknown"]),
      attacker: endpoint.optional(),
      victim: endpoint.optional(),
      transport: z.string().optional(),
      appProtocol: z.string().optional(),
      flowId: z.string().optional(),
      communityId: z.string().optional(),
      observables: z.array(observable),
      ics: z
        .object({
          protocol: z.enum(ICS_PROTOCOLS),
          function: z.int(),
          access: z.enum(["read", "write", "program", "other"]),
          table: z.enum(["coil", "discrete", "holding", "input", "none"]),
          object: z.int().optional(),
          sequence: z.literal("logic-download").optional(),
        })
        .optional(),
      attackIds: z.array(z.string()),
      flags: z.array(z.enum(["time.read", "severity.clipped"])).optional(),
    }),
    outcome: z
      .object({
        kind: z.enum(["released", "sighting", "review", "held", "stopped"]),
        indicators: z.array(bytes32),
        stopped: z.array(z.object({ value: z.string(), code: z.string(), entry: z.string() })),
      })
      .optional(),
  })
  .meta({ id: "Detection" });

/** What somebody outside says, in the format's own words. */
export const proposalSchema = z
  .strictObject({
    key: z
      .strictObject({ patternType: patternTypeSchema, pattern: z.string().min(1).max(16_384) })
      .superRefine(checkKey),
    name: z.string().min(1).max(512),
    confidence: z.int().min(0).max(100).nullable(),
    attackIds: z.array(z.string().regex(/^T\d{4}(?:\.\d{3})?$/, "expected an ATT&CK technique")).max(32),
    tlp: z.enum(["clear", "green", "amber", "amber+strict"]),
    validUntilMs: ms.optional(),
    origin: originSchema,
  })
  .meta({ id: "Proposal" });

/** A pattern that no other reader would accept is no knowledge. */
function checkKey(key: { patternType: PatternType; pattern: string }, context: z.RefinementCtx): void {
  try {
    if (key.patternType === "stix") parseStixPattern(key.pattern);
    else parsePattern(key);
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    context.addIssue({ code: "custom", message: error.message });
  }
}

/** What awaits the company's word. */
export const candidateSchema = z
  .object({
    id: bytes32,
    form: form.nullable(),
    proposal: proposalSchema.optional(),
    class: z.enum(["observable", ...BEHAVIOUR_CLASSES]),
    severity,
    name: z.string(),
    attackIds: z.array(z.string()),
    firstMs: ms,
    lastMs: ms,
    count: z.int(),
    detectors: z.array(z.string()).optional(),
    state: z.enum(["review", "held"]),
    reason: z.string(),
    holdUntilMs: ms.optional(),
  })
  .meta({ id: "Candidate" });

/** One line of the change stream. */
export const changeSchema = z
  .object({
    sequence: z.int(),
    atMs: ms,
    type: z.enum([
      "alert",
      "released",
      "signed",
      "admitted",
      "warned",
      "attested",
      "protected",
      "recorded",
      "review",
      "held",
      "stopped",
      "sighting",
      "refused",
      "deferred",
      "undone",
      "refuted",
      "withdrawn",
      "superseded",
      "ordered",
      "alarm",
    ]),
    indicator: bytes32.optional(),
    feed: address.optional(),
    member: member.optional(),
    control: z.string().optional(),
    action: z.enum(["observe", "alert", "deny", "block", "isolate"]).optional(),
    code: z.string().optional(),
    detail: z.string().optional(),
  })
  .meta({ id: "Change" });
