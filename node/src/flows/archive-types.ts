/* What the parts of an export share. */
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, SignedHead } from "@anamnesis/sdk/core/types";
import type { BundleInput } from "@anamnesis/sdk/evidence/assemble";
import type { ArchivedState } from "@anamnesis/sdk/evidence/inputs";
import type { EvidenceReport } from "../api.ts";
import type { Chain, Log } from "../ports.ts";
import type { Rooms } from "../rooms.ts";
import type { MemoryRecord } from "../state/memory.ts";
import type { Assembled, Material } from "./archive-assemble.ts";

/** Ports of the export. */
export interface ExportPorts {
  readonly log: Log;
  readonly hasher: TypedDataHasher;
  readonly chain: Pick<Chain, "prove" | "header" | "block" | "anchoredHead">;
  readonly rooms: Rooms;
  readonly self: Address;
  /** What names the chain and its contracts. */
  readonly trust: BundleInput["trust"];
  /** A record by id, STIX id or prefix; throws `api.notFound`. */
  need(id: string): MemoryRecord;
  /** Makes the bundle, beside what else goes on. */
  assemble(material: Material): Promise<Assembled>;
}

/** A bundle and what is in it. */
export interface Exported {
  readonly bundle: Uint8Array;
  readonly report: EvidenceReport;
}

/** What is proved at one block. */
export interface Plan {
  readonly source: "chain" | "archive";
  readonly state: ArchivedState;
  readonly heads: readonly SignedHead[];
  readonly records: readonly MemoryRecord[];
}
