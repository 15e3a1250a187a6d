/** How a site's own JSON is read: paths as `alert.src.ip`; a key with dots in it is found too. */
export interface Mapping {
  /** Only records in which this member has this value are alerts; absent: all of them. */
  readonly when?: { readonly path: string; readonly equals: string };
  /** ISO 8601 or epoch seconds or milliseconds. */
  readonly time: string;
  /** Identifies the rule. */
  readonly rule: string;
  readonly name?: string;
  readonly category?: string;
  readonly severity?: {
    readonly path: string;
    /** 0–100 by value; a number that is not listed is taken as it is when `scale` is given. */
    readonly values?: Readonly<Record<string, number>>;
    /** The worst number of an ascending scale that begins at 0. */
    readonly scale?: number;
  };
  /** Who attacks whom, when the record says so. */
  readonly attacker?: MappedEnd;
  readonly victim?: MappedEnd;
  /** The ends of a packet or flow, when it does not. */
  readonly source?: MappedEnd;
  readonly destination?: MappedEnd;
  readonly transport?: string;
  readonly appProtocol?: string;
  readonly attackIds?: string;
}

/** Paths to an address and its port. */
export interface MappedEnd {
  readonly address: string;
  readonly port?: string;
}
