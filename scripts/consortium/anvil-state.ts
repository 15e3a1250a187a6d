/**
 * The state of a local chain on disk: the newest dump and the one before it, never rewritten in place.
 * A crash at any moment leaves at least one of them whole.
 */
import { link, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

const NEWEST = "state.json.gz";
const PREVIOUS = "state.previous.json.gz";

/** A state that can be loaded. `file` is plain JSON, as anvil's `--load-state` reads it. */
export interface LoadableState {
  readonly source: string;
  readonly file: string;
}

/** Writes a dump (gzipped JSON): tmp → fsync → rename; the last newest becomes the previous. */
export async function writeState(dir: string, gzipped: Uint8Array): Promise<void> {
  await mkdir(dir, { recursive: true });
  const tmp = join(dir, `${NEWEST}.tmp`);
  const file = await open(tmp, "w");
  try {
    await file.writeFile(gzipped);
    await file.sync();
  } finally {
    await file.close();
  }
  // By a second link first, so that the newest state has its name at every moment.
  const spare = join(dir, `${PREVIOUS}.tmp`);
  await rm(spare, { force: true });
  const kept = await link(join(dir, NEWEST), spare).then(
    () => true,
    () => false, // the first dump has nothing before it
  );
  if (kept) await rename(spare, join(dir, PREVIOUS));
  await rename(tmp, join(dir, NEWEST));
  await syncDirectory(dir);
}

/**
 * The states that can be read, newest first, unpacked one at a time; none before the first dump.
 *
 * gzip's checksum tells a whole file from a torn one.
 * @throws AnamnesisError `store.corrupt` after the last when there are states and none could be used: a
 * chain that silently began again would contradict its own past
 */
export async function* readableStates(dir: string): AsyncGenerator<LoadableState> {
  let found = false;
  for (const source of [NEWEST, PREVIOUS]) {
    const gzipped = await readFile(join(dir, source)).catch(absent);
    if (gzipped === undefined) continue;
    found = true;
    const json = unpack(gzipped);
    if (json === undefined) continue;
    const file = join(dir, "state.loading.json");
    await writeFile(file, json);
    try {
      yield { source, file };
    } finally {
      await rm(file, { force: true });
    }
  }
  if (found) {
    throw new AnamnesisError(
      "store.corrupt",
      `no chain state in ${dir} can be loaded; start afresh with --fresh`,
    );
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function unpack(gzipped: Uint8Array): string | undefined {
  try {
    return withoutTraces(gunzipSync(gzipped).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Call traces are five sixths of a state, and nobody asks a local chain for those of an earlier life. */
function withoutTraces(json: string): string {
  const state = JSON.parse(json) as { transactions?: { info: { traces: unknown[] } }[] };
  if (JSON.stringify(state) !== json) return json; // numbers that JavaScript would round: leave it as it is
  for (const { info } of state.transactions ?? []) info.traces = [];
  return JSON.stringify(state);
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
