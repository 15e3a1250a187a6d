/** Where bytes come from: a growing file, or a compressed one. */
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { fingerprintOf, inodeOf, readHead, statOf, type TailPosition } from "./identity.ts";
import { createLineSplitter, type Line, type LineSplitter } from "./lines.ts";

/** `data`: bytes were added; `end`: none for now (of a compressed file: none ever); `changed`: no longer the same stream. */
export type ReadResult = "data" | "end" | "changed";

/** One stream being read. */
export interface Source {
  readonly path: string;
  readonly inode: string;
  readonly packed: boolean;
  readonly generation: number;
  readonly splitter: LineSplitter;
  /** Undefined while the first line is not complete. */
  identity(): { readonly fingerprint: string; readonly headBytes: number } | undefined;
  /** ms since the epoch. */
  mtimeMs(): number;
  /** Bytes on disk when it was opened. */
  readonly size: number;
  /** Whether a compressed file ended before its end mark: it may still be being written. */
  isCut(): boolean;
  read(): ReadResult | Promise<ReadResult>;
  close(): void;
}

/** Opens a file at an offset of its (unpacked) stream, or undefined when it is not there. Throws other I/O errors. */
export function openSource(
  path: string,
  options: {
    readonly offset: number;
    readonly generation: number;
    readonly onDamage: (error: unknown) => void;
  },
): Source | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { packed } = readHead(fd);
  const splitter = createLineSplitter(options.offset);
  const reader = packed ? packedReader(path, splitter, options) : plainReader(fd, splitter, options.offset);
  const stats = statOf(fd);
  let identity: ReturnType<Source["identity"]>;
  let open = true;
  return {
    path,
    inode: inodeOf(stats),
    size: stats.size,
    isCut: reader.isCut,
    packed,
    generation: options.generation,
    splitter,
    identity: () => (identity ??= fingerprintOf(readHead(fd).head)),
    mtimeMs: () => statOf(fd).mtimeMs,
    read: reader.read,
    close() {
      if (!open) return;
      open = false;
      reader.close();
      closeSync(fd);
    },
  };
}

const GUARD_BYTES = 64;

/**
 * Reads what was appended. Before each read the bytes just before it are read again: a log that was
 * truncated and has grown past the old place since then shows other bytes there.
 */
function plainReader(fd: number, splitter: LineSplitter, start: number) {
  const guard = Buffer.alloc(GUARD_BYTES);
  const again = Buffer.alloc(GUARD_BYTES);
  let guarded =
    start === 0 ? 0 : readSync(fd, guard, 0, Math.min(GUARD_BYTES, start), Math.max(0, start - GUARD_BYTES));
  return {
    read(): ReadResult {
      const at = splitter.end();
      if (guarded > 0) {
        const got = readSync(fd, again, 0, guarded, at - guarded);
        if (got < guarded || again.compare(guard, 0, guarded, 0, guarded) !== 0) return "changed";
      }
      const room = splitter.room();
      const bytes = readSync(fd, room, 0, room.length, at);
      if (bytes === 0) return "end";
      if (bytes >= GUARD_BYTES) {
        guarded = room.copy(guard, 0, bytes - GUARD_BYTES, bytes);
      } else {
        const keep = Math.min(guarded, GUARD_BYTES - bytes);
        guard.copyWithin(0, guarded - keep, guarded);
        guarded = keep + room.copy(guard, keep, 0, bytes);
      }
      splitter.added(bytes);
      return "data";
    },
    isCut: () => false,
    close() {},
  };
}

/** Unpacks a whole file, all of its members; of a damaged or cut file all that can be had is read. */
function packedReader(
  path: string,
  splitter: LineSplitter,
  options: { readonly offset: number; readonly onDamage: (error: unknown) => void },
) {
  // zlib drops what it had unpacked of the piece in which it meets damage: keep the pieces small.
  const file = createReadStream(path, { highWaterMark: 4096 });
  const unpacked = createGunzip();
  file.on("error", (error) => unpacked.destroy(error));
  const chunks = file.pipe(unpacked)[Symbol.asyncIterator]();
  let pending: Buffer = Buffer.alloc(0);
  let skip = options.offset;
  let ended = false;
  let cut = false;
  return {
    async read(): Promise<ReadResult> {
      while (pending.length === 0) {
        if (ended) return "end";
        try {
          const { value, done } = await chunks.next();
          if (done) ended = true;
          else pending = value as Buffer;
        } catch (error) {
          options.onDamage(error);
          ended = true;
          cut = true;
        }
        const passed = Math.min(skip, pending.length);
        skip -= passed;
        pending = pending.subarray(passed);
      }
      const taken = pending.copy(splitter.room());
      splitter.added(taken);
      pending = pending.subarray(taken);
      return "data";
    },
    isCut: () => cut,
    close() {
      file.destroy();
      unpacked.destroy();
    },
  };
}

/** The position of a source after the lines that were taken from it. */
export function positionOf(
  source: Source,
  finished: readonly string[],
  tail: { tail: string; tailBytes: number },
): TailPosition {
  const identity = source.identity() ?? { fingerprint: "", headBytes: 0 };
  return {
    version: 1,
    inode: source.inode,
    ...identity,
    offset: source.splitter.offset(),
    ...tail,
    generation: source.generation,
    mtimeMs: source.mtimeMs(),
    finished,
  };
}

/** Lines handed over together at most, and their bytes. */
export const MOST_LINES = 1000;
const MOST_BYTES = 1024 * 1024;

/** The next complete lines that were read; none when more has to be read first. */
export function takeLines(source: Source): readonly Line[] {
  const lines: Line[] = [];
  for (let bytes = 0; lines.length < MOST_LINES && bytes < MOST_BYTES; ) {
    const line = source.splitter.next();
    if (line === undefined) break;
    lines.push(line);
    bytes += line.bytes.length;
  }
  return lines;
}
