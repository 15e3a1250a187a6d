import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { SelectionContext } from "@anamnesis/sdk/core/selection";
import { checkSelf } from "@anamnesis/sdk/core/self-check";
import type { Self } from "@anamnesis/sdk/core/types";
import { readConfig } from "../../config.ts";
import { isPlantFile, readSelf } from "../../self-config.ts";
import { locate, type Where } from "../locate.ts";
import { table } from "../output.ts";
import type { Result } from "../program.ts";

/** A file of values may have this many bytes. */
const MOST_BYTES = 64 << 20;

/**
 * Holds a value, or every line of a file, against the plant's own configuration; the node need not run.
 * Exit code 0 when every value has an entry, 1 when one has none.
 *
 * Throws `config.invalid`, and `input.invalid` with the line of what is no value.
 */
export function checkAgainstSelf(where: Where, given: string, configFile?: string): Result {
  const context = contextOf(where, configFile);
  const checks = valuesOf(given).map(({ text, place }) => {
    const check = checkSelf(text, context);
    if (check.kind !== undefined) return check;
    throw new AnamnesisError(
      "input.invalid",
      `${place}${JSON.stringify(text.slice(0, 80))} is no address, range, domain, URL, SHA-256, JA3, JA4 or MAC, and no name in Self`,
    );
  });
  return {
    json: { checks: checks.map(({ code, ...check }) => ({ ...check, code: code ?? null })) },
    raw: checks.map(({ value, entries }) => `${value}\t${entries[0] ?? "nothing"}`),
    human: (style) =>
      table(
        ["VALUE", "ENTRY"],
        checks.flatMap(({ value, entries }) =>
          (entries.length > 0 ? entries : ["nothing"]).map((entry, i) => [i === 0 ? value : "", entry]),
        ),
        style,
      ),
    exit: checks.every(({ entries }) => entries.length > 0) ? 0 : 1,
  };
}

/** Self as a command means it: a plant.yaml or self.yaml that is named, or the plant's. Throws `config.invalid`. */
export function selfOf(where: Where, configFile?: string): Self {
  return contextOf(where, configFile).self;
}

function contextOf(where: Where, configFile?: string): SelectionContext {
  const file = configFile ?? join(directoryOf(where), "plant.yaml");
  if (!isPlantFile(file)) return { self: readSelf(file) };
  const { self, lab } = readConfig(file);
  return { self, labPublic: lab.public };
}

function directoryOf(where: Where): string {
  const { directory } = locate(where);
  if (directory !== undefined) return directory;
  throw new AnamnesisError("config.invalid", "--plant is missing; Self is read from the plant's own files");
}

/** A file's lines without empty ones and `#` comments, or the value itself. */
function valuesOf(given: string): readonly { readonly text: string; readonly place: string }[] {
  if (!existsSync(given) || statSync(given).isDirectory()) return [{ text: given, place: "" }];
  if (statSync(given).size > MOST_BYTES)
    throw new AnamnesisError("input.invalid", `${given} is larger than ${MOST_BYTES} bytes; split it`);
  return readFileSync(given, "utf8")
    .split(/\r?\n/)
    .flatMap((line, i) => {
      const text = line.trim();
      return text === "" || text.startsWith("#") ? [] : [{ text, place: `${given}:${i + 1}: ` }];
    });
}
