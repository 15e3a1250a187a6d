import { isKeyActiveAt } from "@anamnesis/sdk/core/key-activity";
import { expect, test } from "vitest";

const answers = (key: Parameters<typeof isKeyActiveAt>[0], blocks: readonly number[]) =>
  blocks.map((block) => isKeyActiveAt(key, block));

test("a key is active from the block that added it up to the one before the block that closed it", () => {
  expect(answers({ addedAtBlock: 5, revokedAtBlock: 9 }, [0, 4, 5, 8, 9, 10])).toEqual([
    false,
    false,
    true,
    true,
    false,
    false,
  ]);
});

test("an open key is active for ever, however storage or the fold says that it is open", () => {
  for (const key of [
    { addedAtBlock: 5 },
    { addedAtBlock: 5, revokedAtBlock: 0 },
    { addedAtBlock: 5, revokedAtBlock: undefined },
  ])
    expect(answers(key, [4, 5, 4_294_967_295])).toEqual([false, true, true]);
});

test("a key that was never added, or added and closed in one block, never was", () => {
  expect(answers(undefined, [0, 1, 1000])).toEqual([false, false, false]);
  expect(answers({ addedAtBlock: 7, revokedAtBlock: 7 }, [6, 7, 8])).toEqual([false, false, false]);
});
