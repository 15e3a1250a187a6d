/** The nouns of MISP warninglists. */

/** How a list's entries are compared. */
export type WarninglistType = "cidr" | "hostname" | "string" | "substring" | "regex";

/** What a list's `matching_attributes` mean here. */
export type WarninglistScope = "address" | "name" | "url" | "file" | "ja3" | "ja4";

/** A list as read and checked. */
export interface Warninglist {
  readonly name: string;
  /** Where it was read, as shown to people. */
  readonly file: string;
  readonly type: WarninglistType;
  /** The publisher's version: a counter or a date as 20260811. */
  readonly version: number;
  /** What it is about; empty: nothing that is shared here. */
  readonly scopes: ReadonlySet<WarninglistScope>;
  /** As published, in their order. */
  readonly entries: readonly string[];
  /** When the file was last written, ms since the epoch. */
  readonly modifiedAtMs?: number;
}
