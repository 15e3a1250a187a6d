import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { killWriter } from "../../bench/durable-kill.ts";

test("kill -9 in the middle of appends loses nothing that was acknowledged", async () => {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-kill-"));
  try {
    for (const after of [100, 1500]) {
      const { acknowledged, found } = await killWriter(join(directory, String(after)), after);
      expect(acknowledged).toBeGreaterThanOrEqual(after);
      expect(found).toBeGreaterThanOrEqual(acknowledged);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
