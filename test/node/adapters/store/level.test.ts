import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openLevelStore } from "../../../../node/src/adapters/store/level.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

it("reads of a store that cannot be used fail as the store's fault, so that flows wait for it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-store-"));
  try {
    const store = await openLevelStore(directory, SILENT);
    await store.commit([{ type: "put", key: "a", value: new Uint8Array([1]) }]);
    expect([...(store.get("a") ?? [])]).toEqual([1]);
    await store.close();
    expect(() => store.get("a")).toThrow(expect.objectContaining({ code: "store.io" }));
    const all = store.entries({ gte: "a", lt: "b" });
    await expect(all[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "store.io" });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
