/* BENCH 3: acknowledged feed entries per second against bare group commit of the same bytes. */
import { randomBytes } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Entry, IndicatorId } from "@anamnesis/sdk/core/types";
import { createSigner } from "../../node/src/adapters/keys/signer.ts";
import { openLevelStore } from "../../node/src/adapters/store/level.ts";
import { systemRandomness } from "../../node/src/adapters/system.ts";
import { createOwnFeed } from "../../node/src/flows/append.ts";
import { loadChanges } from "../../node/src/state/changes.ts";
import { loadFeeds } from "../../node/src/state/feeds.ts";
import { atLeast, type Figure, inTemporary, interleave, printed, rate } from "./support.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const GROUP = 100;

/** Writes the same entries through the own feed and through bare batches with one sync per hundred. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const count = tiny ? 200 : 20_000;
  const entries = Array.from({ length: count }, (_, i) => entryOf(i));
  const sizes = entries.map((entry) => Buffer.from(JSON.stringify(entry)));
  return inTemporary(async (directory) => {
    let round = 0;
    const rates = await interleave(tiny ? 1 : 5, {
      ours: () => ours(join(directory, `store-${round++}`), entries),
      bare: () => bare(join(directory, `file-${round++}`), sizes),
    });
    return [
      printed("durable", "acknowledged entries/s (sealed, hashed, synced, signed)", rates.ours),
      printed("durable", `bare group commit, records/s (fdatasync per ${GROUP})`, rates.bare),
      atLeast("durable", "against bare group commit, ratio", rates.ours / rates.bare, 0.5),
    ];
  });
}

async function ours(directory: string, entries: readonly Entry[]): Promise<number> {
  const store = await openLevelStore(directory, SILENT);
  const hasher = createHasher({ chainId: 1, verifyingContract: `0x${"11".repeat(20)}` as Address });
  const feed = createOwnFeed({
    store,
    feeds: await loadFeeds(store),
    changes: await loadChanges(store),
    signer: createSigner(keccak256(Uint8Array.of(9)), hasher),
    randomness: systemRandomness,
    peers: { broadcast() {} },
    log: SILENT,
    isForAll: () => true,
    project() {},
  });
  feed.open();
  const result = await rate(entries.length, async () => {
    const waiting: Promise<void>[] = [];
    for (let i = 0; i < entries.length; i += GROUP) {
      waiting.push(feed.append(entries.slice(i, i + GROUP).map(feed.seal)));
      if (waiting.length % 4 === 0) await waiting[waiting.length - 4];
    }
    await Promise.all(waiting);
  });
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

/** Sightings of random indicators: incompressible where it matters. */
function entryOf(i: number): Entry {
  return {
    at: 1_795_000_000_000 + i,
    tlp: "amber",
    kind: "sighting",
    body: {
      indicator: toHex(randomBytes(32)) as IndicatorId,
      firstMs: 1_795_000_000_000,
      lastMs: 1_795_000_000_000 + i,
      count: i + 1,
    },
  };
}
