/** TLP at egress: what may leave a plant, to whom, and what stays. */
import { decodeEntry } from "@anamnesis/sdk/core/entry";
import { entrySchema } from "@anamnesis/sdk/core/schema";
import { expect, test } from "vitest";
import { makeConsortium, type TestPlant } from "../support/consortium.ts";
import { observable, START_MS } from "../support/plant.ts";
import { contentOf } from "../support/written-feed.ts";

const strict = {
  automatic: [{ class: "observable" as const, minSeverity: 0 }],
  tlp: "amber+strict" as const,
  validityDays: 30,
};

function kindsHeld(plant: TestPlant, feed: TestPlant): string[] {
  const { feeds } = plant.running!.rooms;
  return Array.from({ length: feeds.size(feed.key) }, (_, i) => {
    const item = feeds.item(feed.key, i)!;
    return "commitment" in item ? item.reason : decodeEntry(item.entry).kind;
  });
}

test("AMBER+STRICT content reaches its own member's nodes only, and nothing of it stands on the chain", async () => {
  const [consortium, close] = await makeConsortium(5, {
    membership: [1, 1, 2, 3, 4],
    policy: (number) => (number === 1 ? { release: strict } : {}),
  });
  const [origin, sibling, ...others] = consortium.plants as [TestPlant, TestPlant, ...TestPlant[]];
  const sent: Uint8Array[] = [];
  consortium.network.lossy((from, _to, message) => {
    if (from === origin.key) sent.push(message);
    return false;
  });
  const id = consortium.alert(origin, "203.0.113.7");
  const open = consortium.alert(consortium.plant(3), "198.51.100.66");
  await consortium.settle();

  expect(sent.some((bytes) => Buffer.from(bytes).includes("203.0.113.7"))).toBe(false);
  expect(kindsHeld(sibling, origin)).not.toContain("tlp.audience");
  expect(sibling.running!.rooms.memory.record(id)).toBeDefined();
  for (const other of others) {
    expect(kindsHeld(other, origin)).toEqual(expect.arrayContaining(["tlp.audience", "attestation"]));
    expect(kindsHeld(other, origin)).not.toContain("receipt");
    expect(other.running!.rooms.memory.record(id)).toBeUndefined();
    expect(other.control.inForce.has(id)).toBe(false);
    // Nobody passes on what the sibling may read.
    for (const { feed } of other.running!.rooms.feeds.list())
      for (let i = 0; i < other.running!.rooms.feeds.size(feed); i++) {
        const item = other.running!.rooms.feeds.item(feed, i)!;
        if ("entry" in item) expect(Buffer.from(item.entry).includes(id)).toBe(false);
      }
  }
  const subject = origin.running!.rooms.memory.subject(id)!;
  for (const plant of consortium.plants) {
    expect(plant.running!.rooms.registry.recordedRegisters(subject)).toEqual([]);
    // What is for everybody goes its way.
    expect(consortium.status(plant, open)).toBe("attested");
  }
  expect(origin.log).toContainEqual(expect.objectContaining({ event: "egress.withheld" }));
  // Attestations are never withheld: memory is the same everywhere.
  expect(new Set(consortium.heldHashes()).size).toBe(1);
  await close();
});

test("an audience may read what its origin serves, and nobody else", async () => {
  const [consortium, close] = await makeConsortium(4);
  const origin = consortium.plant(1);
  const { ownFeed } = origin.running!.node;
  const entry = { ...contentOf(observable("203.0.113.7"), "amber+strict"), audience: [2 as never] };
  await ownFeed.append([ownFeed.seal(entry)]);
  await consortium.settle();
  const reasons = [2, 3, 4].map((number) => kindsHeld(consortium.plant(number), origin));
  expect(reasons).toEqual([["content"], ["tlp.audience"], ["tlp.audience"]]);
  await close();
});

test("RED never enters a feed", () => {
  const entry = { ...contentOf(observable("203.0.113.7")), tlp: "red", at: START_MS };
  expect(entrySchema.safeParse(entry).success).toBe(false);
});
