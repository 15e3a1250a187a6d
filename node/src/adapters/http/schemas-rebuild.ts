import { z } from "zod";
import { address, bytes32, member } from "./schemas-base.ts";

const kind = z.enum([
  "feed.short",
  "feed.root",
  "feed.item",
  "feed.tree",
  "register.unrecorded",
  "register.unrecordable",
  "register.unheld",
  "register.field",
  "registry.block",
  "registry.member",
  "registry.key",
  "registry.parameters",
  "registry.register",
  "registry.store",
  "memory.hash",
]);

/** Where feeds, chain and store do not agree; the first hundred by name. */
export const differencesSchema = z.object({
  total: z.int(),
  counts: z.partialRecord(kind, z.int()),
  listed: z.array(
    z.object({
      kind,
      feed: address.optional(),
      subject: bytes32.optional(),
      member: member.optional(),
      field: z.string(),
      here: z.string(),
      there: z.string(),
      mends: z.enum(["sync", "relay", "nobody"]),
      message: z.string(),
    }),
  ),
});

export const rebuildBody = z.strictObject({ replace: z.boolean() }).meta({ id: "RebuildRequest" });

/** How far a rebuild is, or what it found. */
export const rebuildSchema = z
  .discriminatedUnion("state", [
    z.object({ state: z.literal("running"), block: z.int(), head: z.int() }),
    z.object({
      state: z.literal("done"),
      block: z.int(),
      recorded: z.object({ inUse: bytes32, stored: bytes32, rebuilt: bytes32 }),
      held: z.object({ inUse: bytes32, rebuilt: bytes32 }),
      equal: z.boolean(),
      replaced: z.boolean(),
      differences: differencesSchema,
    }),
  ])
  .meta({ id: "Rebuild" });
