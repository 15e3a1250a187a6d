/* One launcher for one data directory. The lock is the system's own, so it dies with its holder. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { openLevelStore } from "../../node/src/adapters/store/level.ts";
import type { Log } from "../../node/src/ports.ts";

/** Takes the lock of a data directory; the function gives it back. Throws `store.locked` | `config.invalid`. */
export async function lockDirectory(directory: string, log: Log): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    const message = `--data ${directory} cannot be written (${cause.code}); give a directory of your own`;
    throw new AnamnesisError("config.invalid", message, { cause });
  });
  try {
    const lock = await openLevelStore(join(directory, "lock"), log);
    return () => lock.close();
  } catch (cause) {
    if (!isAnamnesisError(cause, "store.locked")) throw cause;
    throw new AnamnesisError(
      "store.locked",
      `--data ${directory} is in use by another launcher; stop it, or give another directory`,
      { cause },
    );
  }
}
