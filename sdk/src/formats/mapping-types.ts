/** How a site's own JSON is read. Places are JSON pointers (RFC 6901): `/alert/src/ip`, `/items/0`, `/a~1b` for `a/b`. */

/** A place, a constant, or a place whose value is looked up in a table. */
export type MappedValue =
  | string
  | { readonly const: string | number }
  | {
      readonly path: string;
      readonly values: Readonly<Record<string, string | number>>;
      /** For values that the table does not list; absent: they are unknown. */
      readonly otherwise?: string | number;
    };

/** A mapping. */
export interface Mapping {
  /** Only records that satisfy all of these are alerts; absent: every record. */
  readonly when?: readonly {
    readonly path: string;
    readonly equals: readonly (string | number | boolean)[];
  }[];
  /** ISO 8601, epoch seconds or milliseconds; absent: the time of reading. */
  readonly time?: MappedValue;
  /** Identifies the rule. */
  readonly rule: MappedValue;
  readonly name?: MappedValue;
  readonly category?: MappedValue;
  readonly severity?: {
    readonly value: MappedValue;
    /** The worst number of the record's ascending scale, which begins at 0; tables and constants are of 0–100. Default 100. */
    readonly scale?: number;
  };
  /** `allowed` or `blocked`. */
  readonly action?: MappedValue;
  /** Who attacks whom, when the record says so. */
  readonly attacker?: MappedEnd;
  readonly victim?: MappedEnd;
  /** The ends of a packet or flow, when it does not. */
  readonly source?: MappedEnd;
  readonly destination?: MappedEnd;
  readonly transport?: MappedValue;
  readonly appProtocol?: MappedValue;
  /** Texts that hold ATT&CK technique ids. */
  readonly attackIds?: MappedValue;
}

/** Places of an address and its port. */
export interface MappedEnd {
  readonly address: MappedValue;
  readonly port?: MappedValue;
}
