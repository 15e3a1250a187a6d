/** All nodes agree on every score at a height, whatever happened before; who refutes is shown with its history. */
import type { IndicatorId, MemberNumber } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { memberHistory } from "../../../node/src/state/view.ts";
import { makeConsortium } from "../support/consortium.ts";

const plant = fc.integer({ min: 1, max: 4 });
const attack = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("attack" as const), plant, attack }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("say" as const),
      plant,
      attack,
      stance: fc.constantFrom(1, 2, 3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("cut" as const, "mend" as const), plant, other: plant }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), plant }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("live" as const), seconds: fc.integer({ min: 1, max: 5 }) }),
  },
);

test("all nodes agree on every score at a height", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const [consortium, close] = await makeConsortium(4);
      const { network, plants } = consortium;
      const ids = new Set<IndicatorId>();
      for (const each of steps) {
        const at = "plant" in each ? consortium.plant(each.plant) : plants[0]!;
        if (each.do === "attack") ids.add(consortium.alert(at, `203.0.113.${each.attack}`));
        else if (each.do === "say") {
          const id = [...ids][each.attack % Math.max(1, ids.size)];
          if (id !== undefined && at.running?.rooms.memory.record(id) !== undefined)
            await at.running.commands.attest(id, each.stance as 1 | 2 | 3, 70).catch(() => undefined);
        } else if (each.do === "cut" || each.do === "mend") {
          if (each.other !== each.plant) network[each.do](at.key, consortium.plant(each.other).key);
        } else if (each.do === "crash") {
          consortium.crash(at);
          await consortium.start(at);
        } else if (each.do === "live") await consortium.live(each.seconds);
      }
      for (const one of plants)
        for (const other of plants) if (other !== one) network.mend(one.key, other.key);
      await consortium.settle();
      expect(new Set(consortium.recordedHashes()).size).toBe(1);
      for (const id of ids) {
        const scores = plants.map((at) => consortium.view(at, id)?.recordedScore);
        for (const score of scores) expect(score).toEqual(scores[0]);
      }
      await close();
    }),
    { numRuns: 15 },
  );
}, 60_000);

test("one refutation disputes a record, and shows what its author's word was worth so far", async () => {
  const [consortium, close] = await makeConsortium(4);
  const doubter = consortium.plant(2);
  const [first, second] = [1, 2].map((n) => consortium.alert(consortium.plant(1), `203.0.113.${n}`));
  await consortium.settle();
  await doubter.running!.commands.attest(first!, 2, 90);
  await consortium.plant(3).running!.commands.attest(first!, 2, 90);
  await doubter.running!.commands.attest(second!, 2, 90);
  await consortium.settle();
  expect(consortium.status(consortium.plant(4), first!)).toBe("refuted");
  const { rooms } = consortium.plant(4).running!;
  const at = consortium.plant(4).clock.nowMs() / 1000;
  expect(rooms.memory.indicatorStatus(second!, at)).toMatchObject({ disputed: true, refutes: 1 });
  expect(memberHistory(rooms, doubter.member as MemberNumber, at)).toEqual({
    supports: 0,
    refutes: 2,
    withdrawn: 0,
    upheld: 1,
    outvoted: 1,
  });
  await close();
});
