import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createRecentLines } from "../../../../node/src/adapters/detectors/recent.ts";

const digest = (value: number): string => createHash("sha256").update(String(value)).digest("hex");

it("knows at least the last `capacity` different lines and no line that never came", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.nat({ max: 30 }), { maxLength: 120 }),
      (capacity, values) => {
        const recent = createRecentLines(capacity);
        const fresh: number[] = []; // different ones in the order they were taken in
        for (const value of values) {
          const seen = recent.seen(digest(value));
          if (fresh.slice(-capacity).includes(value)) expect(seen).toBe(true);
          if (!fresh.slice(-2 * capacity).includes(value)) expect(seen).toBe(false);
          if (!seen) fresh.push(value);
        }
      },
    ),
  );
});

it("tells digests apart that share 13 digits", () => {
  const recent = createRecentLines(4);
  const [a, b] = [`${"ab".repeat(13)}${"00".repeat(19)}`, `${"ab".repeat(12)}ac${"00".repeat(19)}`];
  expect([recent.seen(a), recent.seen(b), recent.seen(a)]).toEqual([false, false, true]);
});
