/** Files that are either old or new, never in between: what every control writes through. */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** An open file, as far as a write needs it. */
export interface OpenFile {
  writeFile(text: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** By what a file is known to be as it was left. */
export interface Stamp {
  readonly inode: bigint;
  readonly size: number;
  readonly mtimeNs: bigint;
}

/** A file that is changed in place. */
export interface EditedFile {
  stamp(): Promise<Stamp>;
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Fewer bytes at the end of the file. */
  read(length: number, at: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** The system calls a write makes, so that tests can break each of them. */
export interface FileSystem {
  open(path: string, flags: string, mode?: number): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readFile(path: string, encoding: "utf8"): Promise<string>;
  edit(path: string): Promise<EditedFile>;
}

/** A rename that took longer than this met a busy disk, ms. */
const SLOW_RENAME_MS = 5;
/** For so long renames then go through the thread pool, ms. */
const BUSY_MS = 10_000;

let busyUntilMs = 0;

/**
 * Renames at once while the disk is quick: the way through the thread pool costs more than the call,
 * on the path that an attack races against. ext4 begins to write a file out when it takes an old
 * one's name; where that has to wait for the disk, it is left to the thread pool and stops nobody else.
 */
async function renameFile(from: string, to: string): Promise<void> {
  const beganMs = performance.now();
  if (beganMs < busyUntilMs) return rename(from, to);
  renameSync(from, to);
  if (performance.now() - beganMs > SLOW_RENAME_MS) busyUntilMs = beganMs + BUSY_MS;
}

/**
 * The real file system. Writing is synchronous: a rule file is small and its three calls take a
 * fraction of a millisecond. What waits for the disk, syncing, is left to the thread pool by its caller.
 */
export const nodeFileSystem: FileSystem = {
  async open(path, flags, mode) {
    if (flags === "r") return open(path, flags);
    const file = openSync(path, flags, mode);
    return {
      writeFile: async (text) => writeFileSync(file, text),
      sync: async () => fdatasyncSync(file),
      close: async () => closeSync(file),
    };
  },
  rename: renameFile,
  unlink: async (path) => unlinkSync(path),
  readFile: async (path, encoding) => readFileSync(path, encoding),
  async edit(path) {
    const file = openSync(path, "r+");
    return {
      async stamp() {
        const { ino, size, mtimeNs } = fstatSync(file, { bigint: true });
        return { inode: ino, size: Number(size), mtimeNs };
      },
      async write(bytes, at) {
        for (let done = 0; done < bytes.length; )
          done += writeSync(file, bytes, done, bytes.length - done, at + done);
      },
      async read(length, at) {
        const bytes = Buffer.allocUnsafe(length);
        let done = 0;
        for (let got = -1; got !== 0 && done < length; done += got)
          got = readSync(file, bytes, done, length - done, at + done);
        return bytes.subarray(0, done);
      },
      close: async () => closeSync(file),
    };
  },
};

/**
 * Replaces a file: temporary file beside it → write → rename. `syncFiles` follows.
 *
 * MUST be called by one writer per path at a time. When it throws, the old file is untouched and
 * the temporary one is gone.
 * @throws AnamnesisError `control.io` with the path and the system's code
 */
export async function replaceFile(path: string, text: string, files: FileSystem): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  try {
    const handle = await files.open(temporary, "w", 0o644);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    await files.rename(temporary, path);
  } catch (cause) {
    await files.unlink(temporary).catch(() => undefined);
    throw ioError(path, "write", cause);
  }
}

/** Makes replaced files and the rename in their directory survive a power cut. Throws `control.io`. */
export async function syncFiles(paths: readonly string[], files: FileSystem): Promise<void> {
  const directories = new Set(paths.map((path) => dirname(path)));
  for (const path of [...paths, ...directories]) {
    try {
      const file = await files.open(path, "r");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw ioError(path, "sync", cause);
    }
  }
}

/** The text of a file, undefined when there is none. Throws `control.io`. */
export async function readText(path: string, files: FileSystem): Promise<string | undefined> {
  try {
    return await files.readFile(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined;
    throw ioError(path, "read", cause);
  }
}

/** Removes a file that may be gone already. Throws `control.io`. */
export async function removeFile(path: string, files: FileSystem): Promise<void> {
  try {
    await files.unlink(path);
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw ioError(path, "remove", cause);
  }
}

/** The system's code of an error, `unknown` when it has none. */
export function errnoOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "unknown";
}

/** The system's error, with what to do. */
export function ioError(path: string, verb: string, cause: unknown): AnamnesisError {
  const errno = errnoOf(cause);
  const advice: Readonly<Record<string, string>> = {
    ENOSPC: "the disk is full; free space and it goes on by itself",
    EIO: "the disk reports an error; check it",
    EACCES: "give this user the right to write there",
    EROFS: "the file system is read-only",
    ENOENT: "the directory does not exist; create it",
  };
  const message = `cannot ${verb} ${path} (${errno}); ${advice[errno] ?? "see the cause"}`;
  return new AnamnesisError("control.io", message, { details: { path, errno }, cause });
}
