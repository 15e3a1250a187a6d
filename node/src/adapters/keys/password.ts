import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { readPrivateFile } from "./private-file.ts";

/** Where the password of a keystore comes from: a file, and without one the environment. Never the command line. */
export interface PasswordSource {
  readonly file: string | undefined;
  /** The environment's variable. */
  readonly variable: string;
  /** How people call the file: `keystore.passwordFile`, `--password-file`. */
  readonly setting: string;
}

/** The node keystore's password, when the configuration names no file. */
export const NODE_PASSWORD = "ANAMNESIS_KEYSTORE_PASSWORD";
/** The member account's. */
export const ACCOUNT_PASSWORD = "ANAMNESIS_ACCOUNT_PASSWORD";

/**
 * Reads a password. The variable is taken out of the environment, so that no child process has it.
 *
 * @throws AnamnesisError `keystore.missing` | `config.invalid` when others may read the file
 */
export function readPassword({ file, variable, setting }: PasswordSource): string {
  if (file === undefined) {
    const held = process.env[variable]?.trim();
    delete process.env[variable];
    if (held !== undefined && held !== "") return held;
    throw new AnamnesisError(
      "keystore.missing",
      `${setting} is not given and ${variable} is not set; give the keystore's password by one of them`,
    );
  }
  try {
    return readPrivateFile(file, setting).trim();
  } catch (cause) {
    if (cause instanceof AnamnesisError) throw cause;
    throw new AnamnesisError(
      "keystore.missing",
      `${setting}: ${file} cannot be read; write the keystore's password into it, mode 0600`,
      { cause },
    );
  }
}

/** What to call a source in a message: the file, or the variable. */
export function nameOf({ file, variable, setting }: PasswordSource): string {
  return file === undefined ? variable : `${setting}: the password in ${file}`;
}
