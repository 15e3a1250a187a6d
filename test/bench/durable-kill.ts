/* kill -9 while a process appends: what it had acknowledged must be there, in order, under its own tree. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { commitmentOf, decodeEntry } from "@anamnesis/sdk/core/entry";
import { appendLeaves, EMPTY_FRONTIER, leafHash, rootOf } from "@anamnesis/sdk/core/merkle";
import { FEED, openFeed } from "./durable-feed.ts";

const WRITER = fileURLToPath(new URL("durable-writer.ts", import.meta.url));

/** What was acknowledged when the process died, and how much of it the next start found whole. */
export interface Survivors {
  readonly acknowledged: number;
  readonly found: number;
}

/** Kills a process in the middle of its appends, after at least so many acknowledged entries. */
export async function killWriter(directory: string, after: number): Promise<Survivors> {
  const writer = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", WRITER, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  writer.stdout.setEncoding("utf8").on("data", (text: string) => {
    told = (told + text).slice(-100);
    if (acknowledgedIn(told) >= after) writer.kill("SIGKILL");
  });
  const [code, signal] = (await once(writer, "close")) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`the writer ended by itself, with code ${code}`);
  return { acknowledged: acknowledgedIn(told), found: await countWhole(directory) };
}

/** The last number of a whole line. */
function acknowledgedIn(told: string): number {
  return Number(told.split("\n").at(-2) ?? 0);
}

/** Entries that are in their places, when the tree over all of them is the one that was kept; else none. */
async function countWhole(directory: string): Promise<number> {
  const { store, feeds } = await openFeed(directory);
  try {
    const leaves: Uint8Array[] = [];
    for await (const [index, item] of feeds.items(FEED)) {
      const entry = "entry" in item ? decodeEntry(item.entry) : undefined;
      if (index !== leaves.length || entry?.kind !== "sighting" || entry.body.count !== index + 1) return 0;
      leaves.push(leafHash(commitmentOf(item)));
    }
    const { frontier } = appendLeaves(EMPTY_FRONTIER, leaves);
    const isKept = Buffer.compare(rootOf(frontier), rootOf(feeds.frontier(FEED))) === 0;
    return isKept && feeds.size(FEED) === leaves.length ? leaves.length : 0;
  } finally {
    await store.close();
  }
}
