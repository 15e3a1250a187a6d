import { closeSync, openSync, writeSync } from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** Writes a file that was not there before. Throws `config.invalid` when it is, or cannot be written. */
export function writeNewFile(path: string, text: string, mode: number): void {
  try {
    const file = openSync(path, "wx", mode);
    writeSync(file, text);
    closeSync(file);
  } catch (cause) {
    throw new AnamnesisError(
      "config.invalid",
      `${path} cannot be written, or is there already; name a new file`,
      { cause },
    );
  }
}
