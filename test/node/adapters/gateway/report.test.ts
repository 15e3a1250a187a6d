import { parseEveLine } from "@anamnesis/sdk/core/eve";
import { expect, test } from "vitest";
import type { Hit } from "../../../../node/src/adapters/gateway/conduit.ts";
import { createReporter } from "../../../../node/src/adapters/gateway/report.ts";
import { SELF, START_MS } from "../../support/plant.ts";
import { silent } from "../../support/vaccination.ts";

const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
const hit = (change: Partial<Hit>): Hit => ({
  source: "10.2.2.66",
  sourcePort: 40_000,
  function: 6,
  unit: 1,
  verdict: "passed",
  ...change,
});

test("tells of writes by who is no writer and of what was refused, as alerts a node reads", async () => {
  const lines: string[] = [];
  const reporter = createReporter(SELF, async (batch) => void lines.push(...batch), { clock, log: silent });
  reporter.hear(hit({}), "10.2.2.10");
  reporter.hear(hit({ function: 3 }), "10.2.2.10");
  reporter.hear(hit({ source: "10.2.2.20" }), "10.2.2.10");
  reporter.hear(hit({ verdict: "refused", function: 5, indicator: "0xab" }), "10.2.2.10");
  await reporter.stop();
  const context = { detector: "gateway", readAtMs: START_MS, stream: "s", offset: 0, self: SELF };
  const outcomes = lines.map((line) => parseEveLine(line, context));
  expect(outcomes).toMatchObject([
    {
      kind: "detection",
      detection: {
        atMs: START_MS,
        attacker: { address: "10.2.2.66" },
        victim: { address: "10.2.2.10" },
        action: "allowed",
        ics: { protocol: "modbus", function: 6 },
      },
    },
    { kind: "detection", detection: { action: "blocked", ics: { function: 5 } } },
  ]);
});

test("never waits for a node: what does not arrive is counted and given up", async () => {
  const reporter = createReporter(SELF, () => Promise.reject(new Error("away")), { clock, log: silent });
  reporter.hear(hit({}), "10.2.2.10");
  reporter.hear(hit({}), "10.2.2.10");
  await reporter.stop();
  expect(reporter.dropped()).toBe(2);
});
