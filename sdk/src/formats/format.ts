/** The one contract of every format: a file that is added here needs nothing else but its tests. */
import type { Traffic } from "../core/traffic.ts";
import type { LineOutcome, Self } from "../core/types.ts";
import type { Mapping } from "./mapping-types.ts";

/** What a format is recognised by. */
export interface Sample {
  /** Name of the file or where it came from; only its last part counts. */
  readonly path: string;
  /** The beginning of the stream, decoded; 64 KiB are enough. */
  readonly head: string;
}

/** How sure a format is of a sample. */
export interface Match {
  /** 0–100; 0: not this format. */
  readonly score: number;
  /** What it was recognised by, for people. */
  readonly why: string;
}

/** Where a line stands and what belongs to the plant. Nothing of it is read from the machine. */
export interface LineAt {
  /** The line's first byte in the stream. */
  readonly offset: number;
  /** What tells this run of bytes from every other of the detector: generation and fingerprint of a file. */
  readonly stream: string;
  /** ms since the epoch, from the clock port. */
  readonly readAtMs: number;
  /** When the file was last written, ms since the epoch: undated lines are not later. Default: the read time. */
  readonly fileMs?: number;
  readonly self: Self;
  /** SHA-256 of the line's bytes, 64 hexadecimal digits, when it is known already. */
  readonly digest?: string;
}

/** What a reader is made with. */
export interface ReaderOptions {
  /** The detector's name in the configuration. */
  readonly detector: string;
  /** Name of the file; Zeek's JSON says by it which log it is. */
  readonly path?: string;
  /** Of lines that name none: an IANA name or an offset as `+02:00`. Default `UTC`. */
  readonly zone?: string;
  /** For `mapping` only. */
  readonly mapping?: Mapping;
  /** Told of the connections and requests that records which are no alerts hold (EVE, Zeek, tshark). */
  readonly onTraffic?: (traffic: Traffic) => void;
  /** Of them the requests of industrial protocols only. */
  readonly onlyRequests?: boolean;
  /** What `state` gave before a restart in the middle of a stream. */
  readonly state?: unknown;
}

/**
 * Turns the lines of one stream into outcomes. Never throws; holds one record at most.
 *
 * Every record gives one outcome: a line that holds a part of one gives none until the record is
 * complete, a line that holds several gives several.
 */
export interface Reader {
  /** A line without its newline; its bytes may be overwritten afterwards. */
  push(line: Uint8Array, at: LineAt): readonly LineOutcome[];
  /** Whether the same bytes again would be the same event again; absent: always. Half records and headers are not. */
  isAlone?(line: Uint8Array): boolean;
  /** The stream is over. */
  end(at: LineAt): readonly LineOutcome[];
  /** What must survive a restart in the middle of the stream, as plain JSON; undefined when nothing must. */
  state?(): unknown;
}

/** A format of detectors. */
export interface Format {
  /** As in plant.yaml. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  detect(sample: Sample): Match;
  createReader(options: ReaderOptions): Reader;
}

/** The answer of a format that it is not. */
export const NO_MATCH: Match = { score: 0, why: "" };
