import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { parseWarninglist, WARNINGLIST_LIMITS } from "@anamnesis/sdk/core/warninglist";
import type { Warninglist } from "@anamnesis/sdk/core/warninglist-types";

/** More lists than MISP has, and entries that fit into a node's memory. */
const MOST = { files: 1000, entries: 1_200_000 } as const;

/**
 * Reads warninglists: files, or directories of them (`*.json`, and `NAME/list.json` as in MISP's
 * repository), in the order of their names. `base` is the file that names them, `setting` where.
 *
 * Throws `config.invalid` with one line that names the file and the entry.
 */
export function loadWarninglists(
  paths: readonly string[],
  base: string,
  setting: string,
): readonly Warninglist[] {
  const fail = (message: string): never => {
    throw new AnamnesisError("config.invalid", `${base}: ${message}`);
  };
  const files = paths.flatMap((path, i) => {
    const place = resolve(dirname(base), path);
    const found = filesIn(place);
    if (found === undefined) return fail(`${setting}.${i}: ${place} cannot be read`);
    return found.length > 0
      ? found
      : fail(`${setting}.${i}: ${place} holds no list.json and no other *.json`);
  });
  if (files.length > MOST.files)
    return fail(`${setting}: ${files.length} files, at most ${MOST.files} are taken`);
  let entries = 0;
  return files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    if (size > WARNINGLIST_LIMITS.bytes)
      return fail(`${setting}: ${file} is larger than ${WARNINGLIST_LIMITS.bytes} bytes`);
    const list = parseWarninglist(readFileSync(file, "utf8"), file);
    entries += list.entries.length;
    if (entries > MOST.entries)
      return fail(`${setting}: with ${file} there are more than ${MOST.entries} entries; take fewer lists`);
    return { ...list, modifiedAtMs: Math.floor(mtimeMs) };
  });
}

function filesIn(place: string): readonly string[] | undefined {
  try {
    if (!statSync(place).isDirectory()) return [place];
    return readdirSync(place, { withFileTypes: true })
      .flatMap((each) => {
        if (each.isFile() && each.name.endsWith(".json")) return [join(place, each.name)];
        const inside = join(place, each.name, "list.json");
        return each.isDirectory() && statSync(inside, { throwIfNoEntry: false })?.isFile() ? [inside] : [];
      })
      .sort();
  } catch {
    return undefined;
  }
}
