/** Self that grows while something is in force undoes what now hits it, running or over a restart. */

import { icsRequest } from "@anamnesis/sdk/core/ics";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { IndicatorId, Self } from "@anamnesis/sdk/core/types";
import { parseWarninglist } from "@anamnesis/sdk/core/warninglist";
import { expect, test } from "vitest";
import { compileRules } from "../../../node/src/adapters/controls/suricata-rules.ts";
import type { Control } from "../../../node/src/ports.ts";
import { makeConsortium } from "../support/consortium.ts";
import { conduct } from "../support/plant.ts";
import { detectionOf } from "../support/surroundings.ts";

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

test("a writer that is named later leaves the rule in force, and a whole network of writers ends it", async () => {
  const [consortium, close] = await makeConsortium(4);
  const receiver = consortium.plant(2);
  Object.assign(receiver.control, { compile: compileRules } satisfies Partial<Control>);
  consortium.plant(1).lines.push({
    kind: "detection",
    detection: detectionOf("10.2.2.66", {
      attacker: { address: "10.2.2.66", port: 40_000 },
      victim: { address: "10.2.2.10", port: 502 },
      observables: [],
      appProtocol: "modbus",
      ics: icsRequest("modbus", 6)!,
    }),
  });
  await consortium.settle();
  const id = indicatorId(toPattern(conduct));
  const rule = () => receiver.control.inForce.get(id)?.statement ?? "none";
  expect(rule()).toContain("[10.2.2.0/24,!10.2.2.20,!10.2.2.30] any -> [10.2.2.10] 502");

  const { roles } = receiver.self;
  receiver.self = { ...receiver.self, roles: { ...roles, writers: [...roles.writers, "10.2.2.77"] } };
  await consortium.settle();
  expect(rule()).toContain("[10.2.2.0/24,!10.2.2.20,!10.2.2.30,!10.2.2.77] any ->");

  consortium.crash(receiver);
  receiver.self = { ...receiver.self, roles: { ...roles, writers: ["10.2.2.0/24"] } };
  await consortium.start(receiver);
  await consortium.settle();
  expect(rule()).toBe("none");
  expect(receiver.running!.rooms.vaccinations.get(id, receiver.control.name)).toMatchObject({
    state: "ended",
    reason: "self.incomplete",
  });
  await close();
});
