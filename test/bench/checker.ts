/* The checker: what a plan costs, whether any record gets Self blocked, whether a broken checker is noticed. */
import { checkPlan } from "@anamnesis/sdk/check/plan";
import type { Self } from "@anamnesis/sdk/core/types";
import { blockedSelf, drawForm, drawSelf } from "../node/adapters/controls/hostile.ts";
import { allMutants, deathOf, sameness } from "../sdk/check/mutants.ts";
import { drawer, drawPair, touchesSelf } from "../sdk/check/oracle.ts";
import { atLeast, atMost, type Figure, median, printed } from "./support.ts";

const OPEN = { ports: [], functions: [] } as const;
const ENTRIES = 10_000;

/** Measures and proves; with `tiny` a sample of both. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  return [...costs(tiny), ...hostile(tiny), ...counted(tiny), ...mutants(tiny)];
}

function costs(tiny: boolean): readonly Figure[] {
  const self = largeSelf();
  const host = (i: number) => `10.128.${(i >> 8) & 255}.${i & 255}`;
  const wide = [
    {
      sources: Array.from({ length: ENTRIES }, (_, i) => host(i)),
      destinations: ["10.0.1.1"],
      ports: [502],
      functions: [6],
    },
  ];
  const one = (i: number) => {
    const value = `203.0.${i & 127}.${i % 251}`;
    return [
      { ...OPEN, sources: [value], destinations: ["any"] },
      { ...OPEN, sources: ["any"], destinations: [value] },
    ];
  };
  const preparing = cpuMs(() => checkPlan(one(0), self));
  const many = tiny ? 1000 : 200_000;
  const single = (cpuMs(() => repeat(many, (i) => checkPlan(one(i), self))) / many) * 1000;
  const wholes = Array.from({ length: tiny ? 3 : 21 }, () => cpuMs(() => checkPlan(wide, self)));
  return [
    printed("checker", `Self of ${ENTRIES} entries prepared, once, ms of CPU`, preparing),
    atMost("checker", "a plan for one address, µs of CPU", single, 10),
    atMost("checker", `a plan of ${ENTRIES} sources, ms of CPU, median`, median(wholes), 5),
  ];
}

function hostile(tiny: boolean): readonly Figure[] {
  const random = drawer(20_261_125);
  const records = tiny ? 2000 : 1_000_000;
  let hits = 0;
  let stopping = 0;
  let self = drawSelf(random);
  for (let i = 0; i < records; i++) {
    if (i % 200 === 0) self = drawSelf(random);
    const found = blockedSelf(drawForm(random, self), self);
    stopping += found.stopping;
    hits += found.hits.length;
  }
  return [
    printed("checker", `plans above alert from ${records} hostile and clumsy records`, stopping),
    atMost("checker", "tuples of Self that any of them would block", hits, 0),
  ];
}

function counted(tiny: boolean): readonly Figure[] {
  const random = drawer(815);
  const pairs = tiny ? 500 : 100_000;
  let wrong = 0;
  for (let i = 0; i < pairs; i++) {
    const [blocks, self] = drawPair(random);
    if (checkPlan(blocks, self).ok === touchesSelf(blocks, self)) wrong += 1;
  }
  return [atMost("checker", `disagreements with counting, of ${pairs} small universes`, wrong, 0)];
}

function mutants(tiny: boolean): readonly Figure[] {
  const others = allMutants().filter((mutant) => sameness(mutant) === undefined);
  const tried = others.filter((_, i) => !tiny || i % 20 === 0);
  const alive = tried.filter((mutant) => deathOf(mutant) === undefined);
  for (const { name } of alive) process.stderr.write(`survives: ${name}\n`);
  return [
    atLeast("checker", `mutants found out, of ${tried.length}`, tried.length - alive.length, tried.length),
  ];
}

function largeSelf(): Self {
  const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  return {
    assets: Array.from({ length: ENTRIES / 2 }, (_, i) => ({ name: `asset ${i}`, addresses: [address(i)] })),
    domains: ["plant.example"],
    roles: { otNetwork: ["10.0.0.0/8"], writers: [address(1)], controllers: ["10.0.1.1"] },
    conduits: Array.from({ length: ENTRIES / 2 }, (_, i) => ({
      name: `conduit ${i}`,
      from: [address(i)],
      to: ["10.9.0.0/16"],
      protocol: "modbus" as const,
      functions: [3],
    })),
    services: [],
    files: [],
    confirmedAtMs: 0,
  };
}

function repeat(count: number, task: (i: number) => void): void {
  for (let i = 0; i < count; i++) task(i);
}

function cpuMs(task: () => void): number {
  const before = process.cpuUsage();
  task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
