/** Everything at once: attacks, power cuts, lost messages, cut paths, an absent and a rolled back chain. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeConsortium } from "../support/consortium.ts";

const plant = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("attack" as const),
      plant,
      attack: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "stop" as const), plant }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("start" as const), plant }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("cut" as const, "mend" as const), plant, other: plant }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("lose" as const), every: fc.integer({ min: 0, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("chain" as const), plant, reachable: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("rollback" as const), blocks: fc.integer({ min: 1, max: 10 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("disk" as const), plant, full: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("live" as const), seconds: fc.integer({ min: 1, max: 6 }) }),
  },
);

test("after any storm nothing is lost, nothing is repeated, and all plants hold the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const [consortium, close] = await makeConsortium(4);
      const { ledger, network, plants } = consortium;
      const founded = plants[0]!.running!.rooms.registry.recordedAt()!.number;
      const attacks = new Map<IndicatorId, number>();
      const full = new AnamnesisError("store.full", "no room");
      for (const each of steps) {
        const at = "plant" in each ? consortium.plant(each.plant) : plants[0]!;
        switch (each.do) {
          case "attack": {
            const id = consortium.alert(at, `203.0.113.${each.attack}`);
            attacks.set(id, (attacks.get(id) ?? 0) + 1);
            break;
          }
          case "crash":
            consortium.crash(at);
            break;
          case "stop":
            await consortium.stop(at);
            break;
          case "start":
            if (at.running === undefined) await consortium.start(at);
            break;
          case "cut":
          case "mend":
            if (each.other !== each.plant) network[each.do](at.key, consortium.plant(each.other).key);
            break;
          case "lose": {
            let sent = 0;
            network.lossy(each.every === 0 ? undefined : () => sent++ % (each.every + 1) === 0);
            break;
          }
          case "chain":
            at.chain.setReachable(each.reachable);
            break;
          case "rollback": {
            const head = (await ledger.connect().head()).number;
            const blocks = Math.min(each.blocks, head - founded);
            if (blocks > 0) ledger.rollback(blocks);
            break;
          }
          case "disk":
            at.disk.failWith(each.full ? full : undefined);
            break;
          case "live":
            await consortium.live(each.seconds);
            break;
        }
        await consortium.live(1);
      }
      // The storm is over.
      network.lossy(undefined);
      for (const one of plants) {
        one.chain.setReachable(true);
        one.disk.failWith(undefined);
        for (const other of plants) if (other !== one) network.mend(one.key, other.key);
      }
      for (const one of plants) if (one.running === undefined) await consortium.start(one);
      await consortium.settle();
      // A detector that met a full disk tries again within two seconds of true time.
      const isRead = () =>
        plants.every(
          ({ lines, running }) =>
            (running!.rooms.detections.counts().get("ids")?.lines ?? 0) === lines.length,
        );
      await consortium.until(isRead, 20_000);
      await consortium.settle();
      await consortium.live(61); // the slowest sighting is told
      await consortium.settle();

      expect(consortium.faults()).toEqual([]);
      expect(new Set([...consortium.heldHashes(), ...consortium.recordedHashes()]).size).toBe(1);
      for (const [id, count] of attacks)
        for (const one of plants) {
          expect(consortium.view(one, id)).toMatchObject({ status: { name: "attested" }, recorded: true });
          expect(one.control.inForce.get(id)?.action).toBe("block");
          expect(consortium.view(one, id)?.sightings.count).toBe(count);
        }
      await close();
    }),
    { numRuns: Number(process.env.STORMS ?? 25) },
  );
}, 120_000);
