/** What a node answers when it is asked for evidence. */
import type { Bytes32 } from "./types.ts";

/** Which records are to be proved: some by name, those of which something is new, or all. */
export type EvidenceSelection = (
  | { readonly records: readonly string[] }
  /** ms since the epoch. */
  | { readonly sinceMs: number }
  | { readonly all: true }
) & {
  /** At every block that is archived, not only at the newest. */
  readonly history?: boolean;
  /** Where the auditor's knowledge of the validators begins; the genesis block by default. */
  readonly anchor?: { readonly block: number; readonly addresses: readonly string[] };
};

/** What an export holds, and what it does not. */
export interface EvidenceReport {
  /** What is proved at which block; `archive`: from the proofs kept here. */
  readonly snapshots: readonly {
    readonly block: number;
    readonly source: "chain" | "archive";
    readonly records: number;
    readonly entries: number;
  }[];
  /** Bytes of the bundle and their SHA-256. */
  readonly bytes: number;
  readonly sha256: Bytes32;
  /** Entries of which only the commitment leaves, with the reason: `tlp.audience`, `erased` … */
  readonly withheld: readonly { readonly commitment: Bytes32; readonly reason: string }[];
  /** Records that are not in it, with the reason. */
  readonly left: readonly { readonly record: Bytes32; readonly reason: string }[];
}

/** How far an export is, or what it holds; the bundle is fetched by its SHA-256. */
export type EvidenceView =
  | { readonly state: "running"; readonly step: string }
  | ({ readonly state: "done" } & EvidenceReport);
