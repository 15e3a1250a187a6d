import { expect, test } from "vitest";
import { drawer } from "../../../sdk/check/oracle.ts";
import { blockedSelf, drawForm, drawSelf } from "./hostile.ts";

// A million of them: npm run bench -- checker.
test("no record, however hostile or clumsy, gets anything of Self stopped (a sample)", () => {
  const random = drawer(20_261_124);
  let stopping = 0;
  for (let plant = 0; plant < 60; plant++) {
    const self = drawSelf(random);
    for (let i = 0; i < 50; i++) {
      const form = drawForm(random, self);
      const found = blockedSelf(form, self);
      expect(found.hits, JSON.stringify({ form, self })).toEqual([]);
      stopping += found.stopping;
    }
  }
  expect(stopping).toBeGreaterThan(300);
});
