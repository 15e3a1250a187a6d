/** Self that grows while something is in force undoes what now hits it, running or over a restart. */

import type { IndicatorId, Self } from "@anamnesis/sdk/core/types";
import { parseWarninglist } from "@anamnesis/sdk/core/warninglist";
import { expect, test } from "vitest";
import { makeConsortium } from "../support/consortium.ts";

const list = parseWarninglist(
  JSON.stringify({ name: "Scanners we asked for", type: "cidr", list: ["203.0.113.0/28"] }),
  "scanners.json",
);
const grown: readonly (readonly [string, (self: Self) => Self])[] = [
  [
    "a service",
    (self) => ({ ...self, services: [{ name: "new vendor", addresses: ["203.0.113.7"], domains: [] }] }),
  ],
  ["a warninglist", (self) => ({ ...self, warninglists: [list] })],
];

test.each(grown)(
  "%s that holds an attacker undoes its block, and a sighting does not bring it back",
  async (_, grow) => {
    const [consortium, close] = await makeConsortium(4);
    const second = consortium.plant(2);
    const third = consortium.plant(3);
    const id = consortium.alert(consortium.plant(1), "203.0.113.7");
    const other = consortium.alert(consortium.plant(1), "198.51.100.66");
    await consortium.settle();
    const action = (at: typeof second, which: IndicatorId) => at.control.inForce.get(which)?.action;
    expect([action(second, id), action(third, id), action(second, other)]).toEqual([
      "block",
      "block",
      "block",
    ]);

    second.self = grow(second.self); // while it runs
    consortium.crash(third); // and one that starts again with it
    third.self = grow(third.self);
    await consortium.start(third);
    await consortium.settle();
    consortium.alert(consortium.plant(1), "203.0.113.7");
    await consortium.settle();
    for (const at of [second, third]) {
      expect(action(at, id) ?? "observe").not.toBe("block");
      expect(action(at, other)).toBe("block");
    }
    expect(action(consortium.plant(4), id)).toBe("block");
    expect(consortium.faults()).toEqual([]);
    await close();
  },
);
