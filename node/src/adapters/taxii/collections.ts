import { stixId } from "@anamnesis/sdk/core/ids";
import type { Status } from "@anamnesis/sdk/core/types";

/** A collection of this server. */
export interface Collection {
  /** A UUID, the same at every plant. */
  readonly id: string;
  readonly alias: string;
  readonly title: string;
  readonly description: string;
  readonly use: "read" | "write";
  /** Only records of these statuses; absent: all. */
  readonly statuses?: readonly Status["name"][];
}

const uuidOf = (name: string): string => stixId("bundle", `taxii/${name}`).slice("bundle--".length);

/** The collections of the one API root. */
export const COLLECTIONS: readonly Collection[] = [
  {
    id: uuidOf("memory"),
    alias: "memory",
    title: "Memory",
    description: "Every record that may leave this plant, whatever members say about it.",
    use: "read",
  },
  {
    id: uuidOf("attested"),
    alias: "attested",
    title: "Attested",
    description: "Records that enough members stand behind, and those that were revoked.",
    use: "read",
    statuses: ["attested", "refuted", "withdrawn"],
  },
  {
    id: uuidOf("proposals"),
    alias: "proposals",
    title: "Proposals",
    description: "Objects written here await release by this plant's operator; nothing of them acts before.",
    use: "write",
  },
];
