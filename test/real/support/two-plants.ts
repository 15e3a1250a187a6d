/**
 * Plants A and B as cables and machines. This namespace is B's firewall, with the attacker's line on one
 * side and B's cell on the other; the attacker reaches A's controller on a line of its own.
 *
 *   attacker ── 10.1.2.10 controller of A
 *      └────── 203.0.113.1 here 10.2.2.1 ─┬─ 10.2.2.20 station
 *                                         ├─ 10.2.2.66 stranger, with no sensor before it
 *                                         └─ sensor ── 10.2.2.10 controller of B
 */
import { execFileSync } from "node:child_process";
import type { Self } from "@anamnesis/sdk/core/types";
import type { Consortium } from "../../node/support/consortium.ts";
import { bridge, cable, forward, type Host, route, startHost } from "./network.ts";

/** The attacker's addresses. */
export const [FIRST, SECOND] = ["203.0.113.8", "203.0.113.7"] as const;
/** The controllers. */
export const CONTROLLER = { a: "10.1.2.10", b: "10.2.2.10" } as const;
/** A machine of B with the packet filter alone between it and the attacker. */
export const BESIDE = "10.2.2.66";

/** The machines. */
export interface TwoPlants {
  readonly attacker: Host;
  readonly controllerA: Host;
  readonly controllerB: Host;
  readonly station: Host;
  readonly stranger: Host;
  readonly sensor: Host;
  stop(): Promise<void>;
}

/** Interfaces of the sensors: A's listens at the controller, B's stands between cell and controller. */
export const SENSED = { a: ["cell-a0"], b: ["outer0", "inner0"] } as const;

/** Lays everything out; controllers and the stranger take writes from then on. */
export async function layTwoPlants(): Promise<TwoPlants> {
  forward();
  const [attacker, controllerA, controllerB, station, stranger, sensor] = (await Promise.all(
    ["attacker", "controller of A", "controller of B", "station", "stranger", "sensor"].map(startHost),
  )) as [Host, Host, Host, Host, Host, Host];
  cable(
    { host: attacker, link: "line-a0" },
    { host: controllerA, link: SENSED.a[0], address: `${CONTROLLER.a}/24` },
  );
  cable(
    { host: attacker, link: "line-b0", address: `${SECOND}/24` },
    { link: "wan-b0", address: "203.0.113.1/24" },
  );
  const [ip, ...args] = attacker.inside("ip", "address", "add", `${FIRST}/24`, "dev", "line-b0");
  execFileSync(ip, args);
  route(attacker, "10.1.2.0/24", "dev", "line-a0");
  route(attacker, "10.2.2.0/24", "via", "203.0.113.1");
  route(controllerA, "203.0.113.0/24", "dev", SENSED.a[0]);
  cable({ host: station, link: "cell-b0", address: "10.2.2.20/24" }, { link: "port-b1" });
  cable({ host: stranger, link: "cell-b0", address: `${BESIDE}/24` }, { link: "port-b2" });
  cable({ host: sensor, link: SENSED.b[0] }, { link: "port-b3" });
  cable(
    { host: sensor, link: SENSED.b[1] },
    { host: controllerB, link: "cell-b0", address: `${CONTROLLER.b}/24` },
  );
  bridge("bridge-b0", "10.2.2.1/24", ["port-b1", "port-b2", "port-b3"]);
  for (const each of [controllerB, station, stranger]) route(each, "default", "via", "10.2.2.1");
  await controllerA.ask({ do: "serve", host: CONTROLLER.a });
  await controllerB.ask({ do: "serve", host: CONTROLLER.b });
  await stranger.ask({ do: "serve", host: BESIDE });
  const all = { attacker, controllerA, controllerB, station, stranger, sensor };
  return {
    ...all,
    stop: async () => void (await Promise.all(Object.values(all).map((host) => host.stop()))),
  };
}

/** What plant n knows of itself; A is 1. */
export function selfOf(n: number): Self {
  const own = (name: string, last: number) => ({ name, addresses: [`10.${n}.2.${last}`] });
  return {
    assets: [own("firewall", 1), own("controller", 10), own("hmi", 20), own("engineering station", 30)],
    domains: ["plant.example"],
    roles: {
      otNetwork: [`10.${n}.2.0/24`],
      writers: [`10.${n}.2.20`, `10.${n}.2.30`],
      engineeringStations: [`10.${n}.2.30`],
      controllers: [`10.${n}.2.10`],
    },
    services: [],
    files: [],
    confirmedAtMs: Date.now(),
  };
}

/** The same as the address groups of plant n's sensor; the attacker's line ends in the cell. */
export function groupsOf(n: number): Readonly<Record<string, string>> {
  return {
    HOME_NET: `[10.${n}.0.0/16]`,
    OT_NET: `[10.${n}.2.0/24,203.0.113.0/24]`,
    WRITERS: `[10.${n}.2.20,10.${n}.2.30]`,
    PLCS: `[10.${n}.2.10]`,
  };
}

/** Lets the consortium's clock go with the real one, since kernels go by that. */
export function keepTime(consortium: Consortium): () => Promise<void> {
  let isOver = false;
  const going = (async () => {
    while (!isOver) {
      await consortium.second(Math.max(0, Date.now() - consortium.world.nowMs()));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return async () => {
    isOver = true;
    await going;
  };
}
