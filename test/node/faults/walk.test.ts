import { expect, test } from "vitest";
import { makeConsortium } from "../support/consortium.ts";

test("one attack makes every plant immune", async () => {
  const [consortium, close] = await makeConsortium(4);
  const id = consortium.alert(consortium.plant(1), "203.0.113.7");
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(consortium.status(plant, id)).toBe("attested");
    expect(plant.control.inForce.get(id)?.action).toBe("block");
    expect(consortium.view(plant, id)).toMatchObject({
      recorded: true,
      members: expect.arrayContaining([1, 2, 3, 4]),
    });
  }
  expect(new Set([...consortium.heldHashes(), ...consortium.recordedHashes()]).size).toBe(1);
  expect(consortium.faults()).toEqual([]);
  await close();
});
