/**
 * Which bytes are which: files change their names and inodes are used again, so a stream is known
 * by its first line.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, type Stats, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { constants, gunzipSync } from "node:zlib";
import { sha256Hex } from "@anamnesis/sdk/core/hash";

/** Where a tailer stands. Plain JSON. */
export interface TailPosition {
  readonly version: 1;
  /** `device:inode`, a hint only. */
  readonly inode: string;
  /** SHA-256 (32 hexadecimal digits) over the first `headBytes` of the stream; empty before its first line. */
  readonly fingerprint: string;
  readonly headBytes: number;
  /** Bytes of the stream that are done with; of a compressed file, after decompression. */
  readonly offset: number;
  /** SHA-256 (32 hexadecimal digits) over the `tailBytes` before `offset`. */
  readonly tail: string;
  readonly tailBytes: number;
  /** How many streams were begun before this one. */
  readonly generation: number;
  /** Of the file when it was last read, ms since the epoch. */
  readonly mtimeMs: number;
  /** Fingerprints of streams that were read to their end, newest last, at most 64. */
  readonly finished: readonly string[];
}

/** The position before anything was read. */
export const START: TailPosition = {
  version: 1,
  inode: "",
  fingerprint: "",
  headBytes: 0,
  offset: 0,
  tail: "",
  tailBytes: 0,
  generation: 0,
  mtimeMs: 0,
  finished: [],
};

/** A position as it was stored, or the start when it is none of ours. */
export function readPosition(value: unknown): TailPosition {
  const position = value as Partial<TailPosition> | null | undefined;
  const sound =
    position?.version === 1 &&
    typeof position.fingerprint === "string" &&
    Number.isSafeInteger(position.offset) &&
    Number.isSafeInteger(position.generation) &&
    Array.isArray(position.finished);
  return sound ? { ...START, ...position } : START;
}

const HEAD_BYTES = 8192;
/** Of a compressed file this much is unpacked to see its first lines. */
const PACKED_HEAD_BYTES = 8192;
/** Shorter lines say nothing: the bracket before an array is the same in every file. */
const TELLING_BYTES = 8;

/**
 * Fingerprint of the first bytes up to the first line that tells this stream from others: comments do
 * not, every log of Zeek begins with the same ones. Undefined while that line is not complete.
 */
export function fingerprintOf(head: Uint8Array): { fingerprint: string; headBytes: number } | undefined {
  const headBytes = endOfTellingLine(head.subarray(0, HEAD_BYTES));
  return headBytes === 0 ? undefined : { fingerprint: digest(head.subarray(0, headBytes)), headBytes };
}

function endOfTellingLine(head: Uint8Array): number {
  for (let begin = 0; begin < head.length; ) {
    const newline = head.indexOf(10, begin);
    if (newline < 0) break;
    if (head[begin] !== 0x23 && newline - begin >= TELLING_BYTES) return newline + 1;
    begin = newline + 1;
  }
  return head.length >= HEAD_BYTES ? HEAD_BYTES : 0;
}

function digest(bytes: Uint8Array): string {
  return sha256Hex(bytes).slice(0, 32);
}

/** `device:inode` of a file. */
export function inodeOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}`;
}

/** A file as the planner sees it. */
export interface FoundFile {
  readonly path: string;
  readonly inode: string;
  readonly mtimeMs: number;
  readonly packed: boolean;
  readonly fingerprint: string;
  /** Whether it continues the stream of a position. */
  continues(position: TailPosition): boolean;
}

/** Looks at a file, or undefined when it is not there, empty, or its first line is not complete. */
export function lookAt(path: string): FoundFile | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || stats.size === 0) return undefined;
  const fd = openSync(path, "r");
  try {
    const { packed, head } = readHead(fd);
    const identity = fingerprintOf(head);
    if (identity === undefined) return undefined;
    const seen = { path, inode: inodeOf(stats), mtimeMs: stats.mtimeMs, packed, ...identity };
    return { ...seen, continues: (position) => continuesAt(path, seen, position) };
  } finally {
    closeSync(fd);
  }
}

function continuesAt(
  path: string,
  file: { readonly packed: boolean; readonly fingerprint: string },
  position: TailPosition,
): boolean {
  if (position.fingerprint === "" || file.fingerprint !== position.fingerprint) return false;
  if (file.packed || position.tailBytes === 0) return file.packed || statSync(path).size >= position.offset;
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(position.tailBytes);
    const got = readSync(fd, bytes, 0, bytes.length, position.offset - bytes.length);
    return got === bytes.length && digest(bytes) === position.tail;
  } finally {
    closeSync(fd);
  }
}

/** The first unpacked bytes of an open file, and whether it is compressed (RFC 1952 magic). */
export function readHead(fd: number): { packed: boolean; head: Uint8Array } {
  const raw = Buffer.alloc(PACKED_HEAD_BYTES);
  const bytes = raw.subarray(0, readSync(fd, raw, 0, raw.length, 0));
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!packed) return { packed, head: bytes };
  try {
    return { packed, head: gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) };
  } catch {
    return { packed, head: new Uint8Array(0) };
  }
}

/** What is known of the bytes before `offset`, for a position. */
export function tailOf(bytes: Uint8Array): { tail: string; tailBytes: number } {
  return bytes.length === 0 ? { tail: "", tailBytes: 0 } : { tail: digest(bytes), tailBytes: bytes.length };
}

/** One stream to read, from where. */
export interface PlannedRead {
  readonly path: string;
  readonly packed: boolean;
  /** Whether it goes on at the position; otherwise it is new and read from its first byte. */
  readonly resume: boolean;
}

/**
 * What to read before the file at `path` is read from its first byte: the rest of the stream that
 * was being read, wherever it is now, and streams that came and went meanwhile, oldest first.
 */
export function planRotated(path: string, position: TailPosition): readonly PlannedRead[] {
  if (position.fingerprint === "") return [];
  const files = rotatedFiles(path);
  const plan: PlannedRead[] = [];
  const known = new Set(position.finished);
  if (!known.has(position.fingerprint)) {
    const continuing = files.filter((file) => file.continues(position));
    const rest = continuing.find((file) => file.inode === position.inode) ?? continuing[0];
    if (rest !== undefined) plan.push({ path: rest.path, packed: rest.packed, resume: true });
  }
  known.add(position.fingerprint);
  for (const file of files) {
    if (known.has(file.fingerprint) || file.mtimeMs < position.mtimeMs) continue;
    known.add(file.fingerprint);
    plan.push({ path: file.path, packed: file.packed, resume: false });
  }
  return plan;
}

/** Rotated companions of a log, oldest first: `eve.json.1`, `eve.json-20260301.gz`, `eve-20260301.json`. */
function rotatedFiles(path: string): readonly FoundFile[] {
  const directory = dirname(path);
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => isCompanion(basename(path), name))
    .flatMap((name) => lookAt(join(directory, name)) ?? [])
    .sort((a, b) => a.mtimeMs - b.mtimeMs || Number(a.packed) - Number(b.packed));
}

/** Whether a name is that of a rotated copy of `base`. */
export function isCompanion(base: string, name: string): boolean {
  if (name === base) return false;
  if (name.startsWith(`${base}.`) || name.startsWith(`${base}-`)) return true;
  const extension = extname(base);
  const stem = base.slice(0, base.length - extension.length);
  return extension !== "" && name.startsWith(`${stem}-`) && name.replace(/\.gz$/, "").endsWith(extension);
}

/** Size and identity of an open file. */
export function statOf(fd: number): Stats {
  return fstatSync(fd);
}
