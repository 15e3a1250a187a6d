import { expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../../../node/src/adapters/peers/limits.ts";
import { createOutbox } from "../../../../node/src/adapters/peers/outbox.ts";
import { createCounters } from "../../../../node/src/adapters/peers/stats.ts";

function make(sendQueueBytes: number) {
  const counters = createCounters();
  const written: string[] = [];
  const wire = { open: true };
  const outbox = createOutbox({
    limits: { ...DEFAULT_LIMITS, sendQueueBytes },
    counters,
    sink: () => ({
      writable: () => wire.open,
      write: (frames) => void written.push(Buffer.from(frames).toString()),
    }),
  });
  return { outbox, written, wire, stats: () => counters.read(0) };
}

test("the first message leaves inside the call, the rest of the turn together", async () => {
  const { outbox, written, stats } = make(1000);
  for (const text of ["a", "b", "c"]) outbox.push(Buffer.from(text));
  expect(written).toEqual(["a"]);
  await Promise.resolve();
  expect(written).toEqual(["a", "bc"]);
  expect(stats()).toMatchObject({ messagesOut: 3, bytesOut: 3, dropped: 0 });
});

test("above the bound the oldest is dropped and the newest stays", () => {
  const { outbox, written, wire, stats } = make(10);
  wire.open = false;
  for (const text of ["1111", "2222", "3333", "4444"]) outbox.push(Buffer.from(text));
  wire.open = true;
  outbox.flush();
  expect(written.join("")).toBe("33334444");
  expect(stats()).toMatchObject({ dropped: 2, messagesOut: 2 });
});

test("a cleared queue sends nothing and counts what it dropped", () => {
  const { outbox, written, wire, stats } = make(1000);
  wire.open = false;
  outbox.push(Buffer.from("gone"));
  outbox.clear();
  wire.open = true;
  outbox.flush();
  expect(written).toEqual([]);
  expect(stats().dropped).toBe(1);
});
