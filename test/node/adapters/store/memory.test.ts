import { expect, it } from "vitest";
import { createMemoryStore } from "../../../../node/src/adapters/store/memory.ts";

const put = (key: string) => [{ type: "put", key, value: Uint8Array.of(1) } as const];

it("a power cut takes what was not synced, unless something later was", async () => {
  const store = createMemoryStore();
  await store.commit(put("a"), { sync: false });
  await store.commit(put("b"));
  await store.commit(put("c"), { sync: false });
  expect(["a", "b", "c"].map((key) => store.get(key)?.length)).toEqual([1, 1, 1]);
  const after = store.crash();
  expect(["a", "b", "c"].map((key) => after.get(key)?.length)).toEqual([1, 1, undefined]);
});
