/* A MISP feed as a folder: what a web server hands to MISP, or a disk carries to it. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { KnownIndicator } from "@anamnesis/sdk/core/views";
import { writeMispFeed } from "@anamnesis/sdk/knowledge/misp-feed";
import { count } from "../output.ts";
import type { Result } from "../program.ts";
import type { Session } from "../session.ts";

/**
 * Writes a feed into a new folder, or the newest state into one that is a feed. AMBER+STRICT leaves in no file.
 * @throws AnamnesisError `config.invalid` when the folder holds something else or cannot be written
 */
export async function writeFeed(ask: Session["ask"], folder: string): Promise<Result> {
  requireFeed(folder);
  const known: KnownIndicator[] = [];
  const all = ask.knowledge();
  let step = await all.next();
  for (; step.done !== true; step = await all.next()) known.push(step.value);
  const withheld = step.value;
  const files = writeMispFeed(known, (text) => createHash("md5").update(text).digest("hex"));
  try {
    // The manifest comes last: who fetches meanwhile finds the events that it names.
    for (const [name, text] of files) {
      writeFileSync(join(folder, `.${name}.new`), text, { mode: 0o644 });
      renameSync(join(folder, `.${name}.new`), join(folder, name));
    }
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${folder} cannot be written`, { cause });
  }
  const left = withheld > 0 ? `; ${withheld} stay, TLP:AMBER+STRICT leaves in no file` : "";
  return {
    json: { folder, indicators: known.length, events: files.size - 2, withheld },
    raw: [folder],
    human: () =>
      `${count(known.length, "indicator")} in ${count(files.size - 2, "event")} in ${folder}${left}\n`,
  };
}

function requireFeed(folder: string): void {
  let names: string[];
  try {
    mkdirSync(folder, { recursive: true });
    names = readdirSync(folder);
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${folder} is no folder that can be written`, { cause });
  }
  if (names.length > 0 && !names.includes("manifest.json"))
    throw new AnamnesisError(
      "config.invalid",
      `${folder} holds something that is no feed; name a new folder`,
    );
}
