import { readFileSync } from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";

/** The bytes of a file. Throws `config.invalid` that says what it was to be and what to do. */
export function readBytes(file: string, what: string, todo: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${what} ${file} cannot be read; ${todo}`, { cause });
  }
}

/** YAML as it was written. Throws `config.invalid` with one line. */
export function parseYamlText(bytes: Uint8Array, file: string): unknown {
  try {
    return parseYaml(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    const line = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "";
    throw new AnamnesisError("config.invalid", `${file} is not YAML: ${line}`, { cause });
  }
}

/** The first thing wrong in one line that names the setting. */
export function invalidSetting(file: string, error: z.ZodError): AnamnesisError {
  const issue = error.issues[0];
  const where = issue?.path.join(".") || "the file";
  return new AnamnesisError("config.invalid", `${file}: ${where}: ${issue?.message ?? "invalid"}`);
}
