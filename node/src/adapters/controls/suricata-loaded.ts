/** Whether an engine holds what stands in its rule file, by its own account. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { type FileSystem, readText } from "./atomic-file.ts";
import type { SuricataEngine } from "./suricata-socket.ts";

/** The rule file of one engine. */
export interface LoadedRules {
  /** Loads the file where this version of it was not loaded yet. */
  load(): Promise<void>;
  /** The lines of the file that are in force, and the hashes of its list. Rejects with `control.io` where that cannot be known. */
  inForce(): Promise<readonly string[]>;
  /** What the engine said of lines that it could not take, by line, when it was last asked. */
  readonly failed: ReadonlyMap<string, string>;
}

/** Follows a rule file and its engine. `hashSid` is the rule that refers to the list of hashes. */
export function followRules(
  engine: SuricataEngine,
  { path, hashSid, files }: { readonly path: string; readonly hashSid: number; readonly files: FileSystem },
): LoadedRules {
  const failed = new Map<string, string>();
  /** The version of the file that was loaded last. */
  let loaded: string | undefined;

  // Whole ms, as the engine's times are read.
  const writtenMs = async () => {
    const found = await stat(path).catch(() => undefined);
    return found === undefined ? undefined : Math.floor(found.mtimeMs);
  };

  async function load(): Promise<void> {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    const version = found && `${found.ino} ${found.mtimeNs}`;
    if (version !== undefined && version === loaded) return;
    await engine.reload();
    loaded = version;
  }

  async function inForce(): Promise<readonly string[]> {
    const wroteMs = await writtenMs();
    const lines = ((await readText(path, files)) ?? "")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    const state = await engine.rules();
    // It reads the file at the beginning of a load and gives its end: `load` is what makes this exact.
    if (wroteMs !== undefined && wroteMs > state.loadedAtMs)
      throw fault(
        path,
        `was written at ${time(wroteMs)}, and the engine loaded its rules before, at ${time(state.loadedAtMs)}`,
      );
    failed.clear();
    const words = new Map(state.failed.map((each) => [sidOf(each.rule), each.words]));
    const taken: string[] = [];
    for (const line of lines) {
      const why = words.get(sidOf(line));
      if (why === undefined) taken.push(line);
      else failed.set(line, why);
    }
    if (state.loaded < taken.length)
      throw fault(
        path,
        `has ${taken.length} rules, and the engine says it holds ${state.loaded} in all`,
        "list the file under rule-files of its suricata.yaml",
      );
    const held = taken.filter((line) => sidOf(line) !== hashSid);
    for (const line of taken) {
      const list = sidOf(line) === hashSid ? /filesha256:([^;/]+);/.exec(line)?.[1] : undefined;
      if (list === undefined) continue;
      const text = (await readText(join(dirname(path), list), files)) ?? "";
      held.push(...text.split("\n").filter((each) => each !== ""));
    }
    return held;
  }

  return { load, inForce, failed };
}

function sidOf(rule: string): number {
  return Number(/\bsid:\s*(\d+)\s*;/.exec(rule)?.[1] ?? Number.NaN);
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function fault(
  path: string,
  what: string,
  advice = "it is loaded with the next change or a restart",
): AnamnesisError {
  return new AnamnesisError("control.io", `${path} ${what}; ${advice}`, {
    details: { path },
  });
}
