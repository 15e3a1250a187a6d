/** What a node answers about its own state: health, doctor, differences, rebuild. */
import type { Address, Bytes32, LineReason, PurdueLevel, Subject } from "./types.ts";

/** What a detector has delivered so far, by outcome. */
export interface DetectorCounts {
  readonly lines: number;
  readonly detections: number;
  readonly context: number;
  readonly duplicates: number;
  readonly rejected: Readonly<Partial<Record<LineReason, number>>>;
  /** The last line of each rejected kind, trimmed. */
  readonly examples: Readonly<Partial<Record<LineReason, string>>>;
}

/** How a plant is. */
export interface HealthView {
  readonly ok: boolean;
  readonly plant: string;
  readonly member: number | null;
  readonly key: Address;
  readonly version: string;
  /** What this plant waits for or suffers from: feed.sizeUnknown, blindingKey.missing, self.stale … */
  readonly alarms: readonly { readonly code: string; readonly message: string }[];
  readonly armed: boolean;
  readonly records: number;
  readonly warned: number;
  readonly watched: number;
  readonly protected: number;
  readonly awaitingMe: number;
  readonly peers: readonly {
    readonly key: Address;
    readonly member: number | null;
    readonly connected: boolean;
  }[];
  readonly feedSize: number;
  readonly heldHash: Bytes32;
  readonly chain: {
    readonly reachable: boolean;
    readonly block: number | null;
    readonly lagBlocks: number | null;
    readonly recordedHash: Bytes32 | null;
    /** Seconds since a new block was seen. */
    readonly headAgeSeconds: number | null;
    /** The chain nodes this plant may ask, the preferred one first. `excluded`: not believed, for `reason`. */
    readonly endpoints: readonly {
      readonly name: string;
      readonly state: "untried" | "answering" | "away" | "excluded";
      readonly current: boolean;
      readonly reason?: string;
    }[];
    /** The accounts that pay, with what of theirs waits to be mined. */
    readonly senders: readonly {
      readonly address: Address;
      readonly waiting: number;
      readonly stuckSeconds: number;
    }[];
  };
  readonly cursor: number;
}

/** Everything an operator asks first when something looks wrong. */
export interface DoctorView {
  readonly health: HealthView;
  readonly labPublic: readonly string[];
  readonly configSignedBy: Address | null;
  readonly parameters: {
    readonly members: number;
    readonly witnesses: number;
    readonly refutes: number;
    readonly maxBatch: number;
  } | null;
  readonly detectors: Readonly<Record<string, DetectorCounts>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly ignored: Readonly<Record<string, number>>;
  readonly rejected: Readonly<Record<string, number>>;
  readonly controls: readonly {
    readonly name: string;
    readonly kind: string;
    readonly level: PurdueLevel;
    readonly phase: string;
    readonly ok: boolean;
    readonly detail: string;
  }[];
  readonly self: {
    readonly confirmedAtMs: number;
    readonly stale: boolean;
    readonly incomplete: readonly string[];
    /** Published lists in use; a list is as old as its file. */
    readonly warninglists?: readonly {
      readonly name: string;
      readonly file: string;
      readonly type: string;
      readonly version: number;
      readonly entries: number;
      readonly modifiedAtMs: number | null;
    }[];
  };
  readonly validation: { readonly events: number; readonly hours: number; readonly dataset: Bytes32 | null };
  /** Feeds, chain and store compared. */
  readonly differences: Differences;
  /** The proofs that are kept for auditors. */
  readonly archive?: {
    readonly blocks: number;
    /** Records and responses that some block proves. */
    readonly subjects: number;
    readonly bytes: number;
    readonly newestBlock: number | null;
    /** Records whose newest words are not proved yet. */
    readonly waiting: number;
    /** Why the last attempt failed; null when it did not. */
    readonly failure: { readonly code: string; readonly message: string } | null;
  };
}

/**
 * Where feeds, chain and store do not agree.
 *
 * `feed.*`: what is held of a feed against what was anchored, or against its own tree. `register.*`: a
 * member's last word as held against the one recorded. `registry.*` and `memory.*`: what this node keeps
 * against what a rebuild gives.
 */
export type DifferenceKind =
  | "feed.short"
  | "feed.root"
  | "feed.item"
  | "feed.tree"
  | "register.unrecorded"
  | "register.unrecordable"
  | "register.unheld"
  | "register.field"
  | "registry.block"
  | "registry.member"
  | "registry.key"
  | "registry.parameters"
  | "registry.register"
  | "registry.store"
  | "memory.hash";

/** One difference, with the place, the field and both values. */
export interface Difference {
  readonly kind: DifferenceKind;
  readonly feed?: Address;
  readonly subject?: Subject;
  readonly member?: number;
  /** The field or fields that differ. */
  readonly field: string;
  /** What this node holds, and what stands against it. */
  readonly here: string;
  readonly there: string;
  /** What will mend it by itself: `sync` fetches, `relay` sends, `nobody` does. */
  readonly mends: "sync" | "relay" | "nobody";
  /** All of it in one line. */
  readonly message: string;
}

/** Differences, the first hundred by name and all of them counted. */
export interface Differences {
  readonly total: number;
  /** By kind. */
  readonly counts: Readonly<Partial<Record<DifferenceKind, number>>>;
  readonly listed: readonly Difference[];
}

/** A projection of feeds and chain made anew, beside the one that is kept. */
export type RebuildView =
  | {
      readonly state: "running";
      /** Blocks read so far, of how many. */
      readonly block: number;
      readonly head: number;
    }
  | {
      readonly state: "done";
      /** The block at which both were compared. */
      readonly block: number;
      /** Memory hashes of the chain's registers: as in use, as folded from the store, as read again from block 0. */
      readonly recorded: {
        readonly inUse: Bytes32;
        readonly stored: Bytes32;
        readonly rebuilt: Bytes32;
      };
      /** Memory hashes of the words held: as in use, as projected again from the feeds. */
      readonly held: { readonly inUse: Bytes32; readonly rebuilt: Bytes32 };
      readonly equal: boolean;
      /** Whether the rebuilt one was put in the place of the other. */
      readonly replaced: boolean;
      readonly differences: Differences;
    };
