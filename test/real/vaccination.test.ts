/**
 * Two plants in namespaces, with what they really have: Suricata at A sees an attack; at B the kernel's
 * packet filter, CrowdSec and a Suricata that stands before the controller act on what A attested, each
 * for its time, while B's own station works on; and what is refuted at A is gone from all three.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BEHAVIOUR_CLASSES, behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { IndicatorForm, IndicatorId } from "@anamnesis/sdk/core/types";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createCrowdsec } from "../../node/src/adapters/controls/crowdsec.ts";
import { createNftables } from "../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../node/src/adapters/controls/suricata.ts";
import { tryRules } from "../../node/src/adapters/controls/suricata-try.ts";
import { createFormattedFile } from "../../node/src/adapters/detectors/formatted-file.ts";
import { type Consortium, makeConsortium } from "../node/support/consortium.ts";
import { DAY_MS } from "../node/support/plant.ts";
import { MISSING } from "./support/engines.ts";
import { type Lapi, type LiveSuricata, startLapi, startLiveSuricata } from "./support/live.ts";
import { type Host, noNetwork } from "./support/network.ts";
import {
  BESIDE,
  CONTROLLER,
  FIRST,
  groupsOf,
  keepTime,
  layTwoPlants,
  SECOND,
  SENSED,
  selfOf,
  type TwoPlants,
} from "./support/two-plants.ts";

const lacking = [noNetwork(), MISSING.suricata, MISSING.crowdsec].filter((why) => why !== undefined);
for (const why of lacking) console.warn(`SKIPPED test/real/vaccination: ${why}`);

/** How long plant B's DMZ may block without a person, s. */
const STANDING_S = 12;

const idOf = (form: IndicatorForm): IndicatorId => indicatorId(toPattern(form));
const addressId = (value: string) => idOf({ form: "observable", observable: { kind: "ipv4-addr", value } });
const WRITE = idOf({ form: "behaviour", behaviour: behaviourOf(icsRequest("modbus", 6)!)! });

describe.skipIf(lacking.length > 0)("two plants", { timeout: 60_000 }, () => {
  const closing: (() => Promise<unknown>)[] = [];
  let hosts: TwoPlants;
  let ips: LiveSuricata;
  let lapi: Lapi;
  let consortium: Consortium;
  let startedMs = 0;

  const story: string[] = ["two plants, and what happened there:"];
  const tell = (what: string): void =>
    void story.push(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${what}`);

  beforeAll(async () => {
    startedMs = performance.now();
    hosts = await layTwoPlants();
    closing.push(hosts.stop);
    const [ids, inline, api] = await Promise.all([
      startLiveSuricata(hosts.controllerA, SENSED.a, { own: true, groups: groupsOf(1) }),
      startLiveSuricata(hosts.sensor, SENSED.b, { groups: groupsOf(2) }),
      startLapi(),
    ]);
    ips = inline;
    lapi = api;
    closing.push(ids.stop, inline.stop, api.stop);
    const folder = await mkdtemp(join(tmpdir(), "anamnesis-vaccination-"));
    closing.push(() => rm(folder, { recursive: true }));
    const [made, close] = await makeConsortium(4, {
      start: false,
      policy: (number) => ({
        release: {
          automatic: (["observable", ...BEHAVIOUR_CLASSES] as const).map((each) => ({
            class: each,
            minSeverity: 0,
          })),
          tlp: "green",
          validityDays: 30,
        },
        vaccination: {
          self: () => consortium.plant(number).self,
          phases: { edge: "protecting", dmz: "protecting", bouncers: "protecting", cell: "protecting" },
          standing: [
            standing("DMZ", ["observable"], "dmz", STANDING_S * 1000),
            standing("cell", ["observable", "modbus-write-by-non-writer"], "cell", DAY_MS),
          ],
          budgetPerHour: 100,
          durationMs: DAY_MS,
        },
      }),
      detectors: (plant) =>
        plant.number !== 1
          ? []
          : [
              createFormattedFile({
                name: "suricata",
                format: "eve",
                path: ids.log,
                clock: plant.clock,
                log: { debug() {}, info() {}, warn() {}, error() {} },
                self: () => plant.self,
                pollMs: 50,
              }),
            ],
      controls: ({ number, clock }) =>
        number !== 2
          ? []
          : [
              createNftables(
                { name: "dmz", level: 3.5, path: join(folder, "dmz.nft"), apply: "exec" },
                { clock },
              ),
              createCrowdsec({ name: "bouncers", level: 4, ...lapi }, { clock }),
              createSuricata(
                {
                  name: "cell",
                  level: 2,
                  path: ips.rules,
                  sensor: ips.sensor,
                  socket: ips.socket,
                  test: ips.test,
                },
                { clock },
              ),
            ],
    });
    consortium = made;
    consortium.world.advance(Date.now() - consortium.world.nowMs());
    for (const plant of consortium.plants) {
      plant.self = selfOf(plant.number);
      await consortium.start(plant);
    }
    closing.push(close, keepTime(consortium));
    await eventually(() =>
      consortium.plants.every(({ running }) => running?.node.ownFeed.state().open === true),
    );
    await hosts.station.ask({ do: "poll", host: CONTROLLER.b });
    const isOdd = ({ event }: { event: string }) => event.startsWith("control.");
    expect(consortium.plant(2).log.filter(isOdd)).toEqual([]);
    tell("four plants, A and B with their engines; B's station polls its controller");
  }, 90_000);

  afterAll(async () => {
    console.log(`${story.join("\n")}\n`);
    for (const close of closing.reverse()) await close();
  });

  /** The state that a control of B has verified for a record, as its receipts say at plant C. */
  const receipt = (id: IndicatorId, control: string) => {
    const b = consortium.plant(2).key;
    const record = consortium.plant(3).running?.rooms.memory.record(id);
    return [...(record?.receipts.values() ?? [])].find(
      (each) => each.feed === b && each.receipt.control === control,
    )?.receipt;
  };
  const isVerified = (id: IndicatorId, ...controls: readonly string[]) =>
    controls.every((control) => {
      const found = receipt(id, control);
      return found?.state === "verified" && found.action === "block" && found.proof === "enforced";
    });
  const isUndone = (id: IndicatorId, ...controls: readonly string[]) =>
    controls.every((control) => receipt(id, control)?.state === "undone");
  const kernel = () => execFileSync("nft", ["list", "table", "inet", "anamnesis"], { encoding: "utf8" });
  const isBlocked = (address: string) => new RegExp(`set block4 \\{[^}]*${address}`).test(kernel());
  const attack = async (host: Host, target: string, from?: string): Promise<boolean> =>
    (await host.ask<{ isTaken: boolean }>({ do: "attack", host: target, from, value: 1, withinMs: 700 }))
      .isTaken;
  const writesAtB = async () => (await hosts.controllerB.ask<{ writes: number }>({ do: "writes" })).writes;

  /** B's own station goes on as if nothing happened. */
  async function expectStationWorks(): Promise<void> {
    let found: Record<string, number> = {};
    await eventually(async () => {
      found = await hosts.station.ask({ do: "polls", atLeast: 4 });
      return found.asked! >= 4;
    });
    // One may be under way while it is asked.
    expect(found.asked! - found.answered!).toBeLessThanOrEqual(1);
    expect(found.writes! - found.applied!).toBeLessThanOrEqual(1);
  }

  test("the engine itself names the rule that it cannot take, and takes the others", async () => {
    const rules = (options: string, sid: number) =>
      `alert modbus any any -> any any (msg:"x"; ${options} sid:${sid}; rev:1;)\n`;
    const candidates = [
      { statement: "good", rules: rules("modbus:function 6;", 1) + rules("modbus:function 5;", 2) },
      { statement: "bad", rules: rules("modbus:function 16;", 3) + rules("modbus:nonsense;", 4) },
      { statement: "good, too", rules: rules("modbus:access write;", 5) },
    ];
    const { test: program, sensor, rules: path } = ips;
    const refused = await tryRules({ program, sensor, path }, candidates);
    expect([...refused]).toEqual([["bad", expect.stringContaining("invalid modbus option")]]);
  });

  test("before: nothing is known, and B's controller takes every write", async () => {
    expect(await attack(hosts.attacker, CONTROLLER.b, FIRST)).toBe(true);
    expect(await attack(hosts.stranger, CONTROLLER.b)).toBe(true);
    expect(await writesAtB()).toBe(2);
    await expectStationWorks();
    tell(`B takes the write of ${FIRST} from outside, and of a stranger in its cell`);
  });

  let blockedMs = 0;
  test("an attack on A, seen by A's Suricata, is in force at B's packet filter, CrowdSec and Suricata", async () => {
    expect(await attack(hosts.attacker, CONTROLLER.a, FIRST)).toBe(true);
    const attackedMs = performance.now();
    tell(`${FIRST} writes to A's controller`);
    await eventually(() => isBlocked(FIRST));
    blockedMs = performance.now();
    tell(`B's kernel holds ${FIRST}, ${Math.round(blockedMs - attackedMs)} ms after the attack`);
    await eventually(
      () => isVerified(addressId(FIRST), "dmz", "bouncers", "cell") && isVerified(WRITE, "cell"),
    );
    tell(
      `B's receipts say so at C: packet filter, CrowdSec and Suricata, each asked, ${Math.round(performance.now() - attackedMs)} ms after the attack`,
    );
    expect((await lapi.bouncer()).banned).toEqual([FIRST]);
    expect(readFileSync(ips.rules, "utf8")).toMatch(/^drop modbus /m);
  });

  test("the same attacks at B fail, and B's station works on", async () => {
    const before = await writesAtB();
    for (const target of [CONTROLLER.b, BESIDE])
      expect(await attack(hosts.attacker, target, FIRST)).toBe(false);
    expect(
      await attack(hosts.attacker, CONTROLLER.b, SECOND),
      "another address passes the packet filter",
    ).toBe(true);
    expect(await attack(hosts.stranger, CONTROLLER.b)).toBe(false);
    expect(await writesAtB()).toBe(before + 1);
    await eventually(() => /"action":"blocked"/.test(readFileSync(ips.log, "utf8")));
    await expectStationWorks();
    tell(`${FIRST} is stopped at B's edge, the stranger by B's Suricata; the station works on`);
  });

  test("the packet filter lets the address through again when its time is over, and not before", async () => {
    let passedMs = 0;
    let stoppedMs = 0;
    await eventually(async () => {
      const isTaken = await attack(hosts.attacker, BESIDE, FIRST);
      if (isTaken) passedMs = performance.now();
      else stoppedMs = performance.now();
      return isTaken;
    });
    expect(stoppedMs).toBeGreaterThan(blockedMs);
    expect(passedMs - blockedMs).toBeGreaterThan((STANDING_S - 2) * 1000);
    expect(passedMs - blockedMs).toBeLessThan((STANDING_S + 10) * 1000);
    await eventually(() => isUndone(addressId(FIRST), "dmz"));
    expect(receipt(addressId(FIRST), "dmz")?.reason).toBe("expired");
    expect(kernel()).not.toContain(FIRST);
    tell(
      `${FIRST} passes again after ${((passedMs - blockedMs) / 1000).toFixed(1)} s; the standing change said ${STANDING_S} s`,
    );
  });

  test("what R members refute is gone from all three, receipts prove it, and the attacks work again", async () => {
    const id = addressId(SECOND);
    expect(await attack(hosts.attacker, CONTROLLER.a, SECOND)).toBe(true);
    await eventually(() => isVerified(id, "dmz", "bouncers", "cell"));
    expect(await attack(hosts.attacker, CONTROLLER.b, SECOND)).toBe(false);
    tell(`${SECOND} attacks A, too, and is stopped at B`);
    const refutedMs = performance.now();
    for (const number of [1, 3])
      for (const each of [id, WRITE]) await consortium.plant(number).running!.commands.attest(each, 2, 90);
    await eventually(() => isUndone(id, "dmz", "bouncers", "cell") && isUndone(WRITE, "cell"));
    tell(
      `refuted at A and C: undone at B, receipts at C after ${Math.round(performance.now() - refutedMs)} ms`,
    );
    for (const control of ["dmz", "cell"]) expect(receipt(id, control)?.reason).toBe("refuted");
    // A decision cannot be lowered to a watch: it is gone with the first of those who refute.
    expect(receipt(id, "bouncers")?.reason).toMatch(/^(?:status\.proposed|policy\.disputed|refuted)$/);
    expect(kernel()).not.toContain(SECOND);
    expect(await lapi.bouncer()).toEqual({ banned: [FIRST], over: [SECOND] });
    const rules = readFileSync(ips.rules, "utf8");
    expect(rules).not.toContain(SECOND);
    expect(rules).not.toMatch(/^drop modbus /m);
    expect(consortium.plant(2).running!.node.vaccinate.faults()).toEqual({});
    expect(await attack(hosts.attacker, CONTROLLER.b, SECOND)).toBe(true);
    expect(await attack(hosts.stranger, CONTROLLER.b)).toBe(true);
    await expectStationWorks();
    tell("and both attacks work at B again: it was the records that stopped them");
  });
});

const standing = (
  name: string,
  classes: readonly ("observable" | "modbus-write-by-non-writer")[],
  control: string,
  maxDurationMs: number,
) => ({
  name,
  classes,
  controls: [control],
  levels: [],
  action: "block" as const,
  maxDurationMs,
});

function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  return vi.waitFor(
    async () => {
      if (!(await condition())) throw new Error(`not yet: ${condition.toString()}`);
    },
    { timeout: 30_000, interval: 50 },
  );
}
