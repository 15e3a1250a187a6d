import { expect, test } from "vitest";
import { allMutants, deathOf, original, sameness } from "./mutants.ts";

const EVERY = 7;

test("the checker in the form its mutants have makes no mistake", () => {
  expect(deathOf(original())).toBeUndefined();
});

// All of them: npm run bench -- checker.
test("a checker with one thing changed is found out (a sample)", { timeout: 120_000 }, () => {
  const mutants = allMutants().filter((mutant) => sameness(mutant) === undefined);
  expect(mutants.length).toBeGreaterThan(200);
  const sample = mutants.filter((_, i) => i % EVERY === 0);
  expect(sample.filter((mutant) => deathOf(mutant) === undefined).map(({ name }) => name)).toEqual([]);
});
