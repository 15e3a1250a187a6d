/** Power cuts between every two hops: each commit of a whole walk is once the last one, and once the one that is lost. */
import { describe, expect, test } from "vitest";
import { type Consortium, makeConsortium } from "../support/consortium.ts";

/** Two attacks at plant 1, one of them seen again at plant 2. */
async function attackAll(consortium: Consortium) {
  const first = consortium.alert(consortium.plant(1), "203.0.113.7");
  const second = consortium.alert(consortium.plant(1), "198.51.100.66");
  await consortium.second();
  consortium.alert(consortium.plant(2), "203.0.113.7");
  consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.second();
  return [first, second];
}

async function commitsOf(number: number): Promise<number> {
  const [consortium, close] = await makeConsortium(4, { start: false });
  for (const plant of consortium.plants) await consortium.start(plant);
  await attackAll(consortium);
  await consortium.settle();
  const commits = consortium.plant(number).running?.store.commits ?? 0;
  await close();
  return commits;
}

describe.each([
  ["the attacked plant", 1],
  ["a plant that sees the attack, too", 2],
  ["a plant that only hears of it", 4],
])("%s", (_name, number) => {
  test.each(["before", "after"] as const)(
    "loses its power %s any commit",
    async (when) => {
      const most = await commitsOf(number);
      expect(most).toBeGreaterThan(8);
      for (let commit = 1; commit <= most; commit++) {
        const [consortium, close] = await makeConsortium(4, { start: false });
        const torn = consortium.plant(number);
        for (const plant of consortium.plants)
          await consortium.start(plant, plant === torn ? { cut: { commit, when } } : {});
        const ids = await attackAll(consortium);
        await consortium.settle();
        const wasCut = torn.running === undefined;
        if (wasCut) await consortium.start(torn);
        await consortium.settle();
        const at = `${when} commit ${commit}`;
        expect(new Set([...consortium.heldHashes(), ...consortium.recordedHashes()]).size, at).toBe(1);
        expect(consortium.faults(), at).toEqual([]);
        for (const plant of consortium.plants)
          for (const id of ids) {
            expect(consortium.status(plant, id), at).toBe("attested");
            expect(plant.control.inForce.get(id)?.action, at).toBe("block");
          }
        const seen = consortium.view(torn, ids[0]!)?.sightings.count;
        expect(seen, at).toBe(3);
        await close();
        if (!wasCut && commit < most - 3) throw new Error(`commit ${commit} was never asked for`);
      }
    },
    120_000,
  );
});

test("a withdraw stands although its node loses its power at any commit after a sibling's support", async () => {
  for (let commit = 1; commit <= 12; commit++) {
    for (const when of ["before", "after"] as const) {
      const [consortium, close] = await makeConsortium(5, { membership: [1, 1, 2, 3, 4] });
      const [a, b] = [consortium.plant(1), consortium.plant(2)];
      const id = consortium.alert(consortium.plant(3), "203.0.113.7");
      await consortium.settle();
      for (const other of consortium.plants) if (other !== b) consortium.network.cut(b.key, other.key);
      b.chain.setReachable(false);
      await a.running!.commands.attest(id, 3, 90);
      await consortium.settle();
      consortium.alert(b, "203.0.113.7"); // an observation beats the withdraw by its time
      await consortium.settle();
      await consortium.stop(a);
      await consortium.start(a, { cut: { commit, when } });
      await consortium.stop(b); // its words are known through others only
      b.chain.setReachable(true);
      for (const other of consortium.plants) if (other !== b) consortium.network.mend(b.key, other.key);
      await consortium.start(b);
      await consortium.until(() => consortium.plant(3).running!.rooms.feeds.size(b.key) > 3);
      await consortium.stop(b);
      await consortium.settle();
      if (a.running === undefined) await consortium.start(a);
      await consortium.settle();
      const subject = a.running!.rooms.memory.subject(id)!;
      for (const plant of consortium.plants)
        if (plant.running !== undefined)
          expect(
            plant.running.rooms.memory.stances(subject).get(1 as never)?.register.stance,
            `${when} commit ${commit}, plant ${plant.number}`,
          ).toBe(3);
      await close();
    }
  }
});
