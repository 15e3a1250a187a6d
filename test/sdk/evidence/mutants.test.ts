import { expect, test } from "vitest";
import { FLIPS, outcomeOf } from "./mutants.ts";
import { makeWorld } from "./world.ts";

// All offsets and all bits: npm run bench -- audit.
test.each([false, true])("no byte of a bundle is unchecked (a sample; unsealed: %s)", async (unsealed) => {
  const { bytes, trust } = await makeWorld({ unsealed });
  const lenient = { ...trust, allowUnsealed: unsealed };
  const codes = new Set<string>();
  for (let at = 0; at < bytes.length; at += 13) {
    const outcome = outcomeOf(bytes, at, FLIPS[at % 8] as number, lenient);
    expect(outcome, `byte ${at}`).not.toBe("verified");
    codes.add(outcome);
  }
  expect([...codes].every((code) => code.startsWith("evidence."))).toBe(true);
  expect(codes.size).toBeGreaterThan(5);
});
