import type { Bytes32 } from "@anamnesis/sdk/core/types";
import { expect, it } from "vitest";
import { createHeadAge } from "../../../node/src/flows/head-age.ts";
import type { BlockRef } from "../../../node/src/ports.ts";
import { createTestClock, createTestLog } from "../chain-world.ts";

function make() {
  const clock = createTestClock();
  const log = createTestLog();
  const world = { reachable: true, waiting: false, head: undefined as BlockRef | undefined };
  const age = createHeadAge(
    {
      clock,
      log,
      head: () => world.head,
      isReachable: () => world.reachable,
      isWaiting: () => world.waiting,
    },
    { blockPeriodSeconds: 2, emptyBlockPeriodSeconds: 60 },
  );
  let number = 0;
  const mine = (ageSeconds = 0) => {
    world.head = {
      number: ++number,
      hash: `0x${number}` as Bytes32,
      timestamp: Math.floor(clock.nowMs() / 1000) - ageSeconds,
    };
    age.look();
  };
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000);
      age.look();
    }
  };
  return { age, log, world, mine, pass };
}

it("is an alarm after three empty periods, said once, and the next block clears it", () => {
  const { age, log, mine, pass } = make();
  mine();
  pass(180);
  expect([age.ageSeconds(), age.alarm()]).toEqual([180, undefined]);
  pass(5);
  expect(age.alarm()).toMatch(/^no new block for 185 s; /);
  mine();
  expect(age.alarm()).toBeUndefined();
  expect(log.lines.map(({ event }) => event)).toEqual(["chain.stalled", "chain.moving"]);
});

it("is an alarm after three busy periods while something waits, counted from when it began to wait", () => {
  const { age, world, mine, pass } = make();
  mine();
  pass(100);
  world.waiting = true;
  age.look();
  pass(6);
  expect(age.alarm()).toBeUndefined();
  pass(1);
  expect(age.alarm()).toMatch(/while transactions wait/);
  world.waiting = false;
  pass(1);
  expect(age.alarm()).toBeUndefined();
});

it("takes the first head for as old as it says, and says nothing of a chain that does not answer", () => {
  const { age, world, mine, pass } = make();
  expect(age.ageSeconds()).toBeUndefined();
  mine(3_600);
  expect(age.alarm()).toMatch(/3600 s/);
  world.reachable = false;
  pass(1);
  expect(age.alarm()).toBeUndefined();
});
