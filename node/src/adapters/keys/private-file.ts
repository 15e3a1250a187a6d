import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/**
 * Reads the text of a file that only this user may read.
 *
 * @param setting names the file in messages
 * @throws AnamnesisError `config.invalid` when others may read it; what reading threw otherwise
 */
export function readPrivateFile(path: string, setting: string): string {
  const text = readFileSync(path, "utf8");
  requirePrivate(path, setting);
  return text;
}

/** Refuses a secret that other users of this machine can read. Throws `config.invalid`, and what `stat` throws. */
export function requirePrivate(path: string, setting: string): void {
  if (process.platform === "win32") return; // no such bits there
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  const octal = mode.toString(8).padStart(4, "0");
  throw new AnamnesisError(
    "config.invalid",
    `${setting}: ${path} is open to other users (mode ${octal}); run: chmod 600 ${path}`,
  );
}

/** Writes text that only this user may read: whole or not at all, and on the disk when it returns. */
export function writeSecret(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  rmSync(temporary, { force: true }); // one left behind would keep its own mode
  const file = openSync(temporary, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
