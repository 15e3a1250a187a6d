/* BENCH 3: acknowledged feed entries per second against bare group commit of the same bytes, and kill -9. */
import { randomBytes } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { concat } from "@anamnesis/sdk/core/bytes";
import { encodeEntry } from "@anamnesis/sdk/core/entry";
import type { Entry } from "@anamnesis/sdk/core/types";
import { appendAll, entryOf, GROUP, openFeed, WINDOW } from "./durable-feed.ts";
import { killWriter } from "./durable-kill.ts";
import { atLeast, atMost, type Figure, inTemporary, interleave, printed, rate } from "./support.ts";

/** Writes the same entries through the own feed and through bare batches with one sync per hundred; then kills writers. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const count = tiny ? 200 : 40_000;
  const entries = Array.from({ length: count }, (_, i) => entryOf(i));
  const records = entries.map((entry) => concat(randomBytes(32), encodeEntry(entry)));
  return inTemporary(async (directory) => {
    let round = 0;
    const contenders = {
      ours: () => ours(join(directory, `store-${round++}`), entries),
      bare: () => bare(join(directory, `file-${round++}`), records),
    };
    await interleave(tiny ? 0 : 3, contenders); // until the compiler has settled
    const rates = await interleave(tiny ? 1 : 7, contenders);
    let lost = 0;
    for (let kill = 0; kill < (tiny ? 1 : 5); kill++) {
      const { acknowledged, found } = await killWriter(join(directory, `killed-${kill}`), tiny ? 100 : 5000);
      lost += Math.max(0, acknowledged - found);
    }
    return [
      printed(
        "durable",
        `acknowledged entries/s (sealed, synced, signed; ${WINDOW * GROUP} waiting)`,
        rates.ours,
      ),
      printed("durable", `bare group commit, records/s (fdatasync per ${GROUP})`, rates.bare),
      atLeast("durable", "against bare group commit, ratio", rates.ours / rates.bare, 0.5),
      atMost("durable", "acknowledged entries lost by kill -9", lost, 0),
    ];
  });
}

async function ours(directory: string, entries: readonly Entry[]): Promise<number> {
  const { store, feed } = await openFeed(directory);
  const result = await rate(entries.length, () => appendAll(feed, entries));
  await store.close();
  return result;
}

function bare(path: string, records: readonly Uint8Array[]): Promise<number> {
  const file = openSync(path, "w");
  return rate(records.length, () => {
    for (let i = 0; i < records.length; i += GROUP) {
      writeSync(file, Buffer.concat(records.slice(i, i + GROUP)));
      fdatasyncSync(file);
    }
  }).finally(() => closeSync(file));
}
