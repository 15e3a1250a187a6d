import { expect, test } from "vitest";
import { isImmune } from "../../../scripts/start/look.ts";

type View = Parameters<typeof isImmune>[0];
const view = (able: View["able"], state: View["state"], name = "attested"): View =>
  ({ able, state, status: { name } }) as View;

test("a plant is immune when it does all that it may", () => {
  expect(isImmune(view("protected", "protected"))).toBe(true);
  expect(isImmune(view("protected", "warned"))).toBe(false);
  expect(isImmune(view("watched", "watched"))).toBe(true);
  expect(isImmune(view("none", "none"))).toBe(true);
});

test("against what is refuted it may do nothing", () => {
  expect(isImmune(view("protected", "none", "refuted"))).toBe(true);
  expect(isImmune(view("protected", "protected", "refuted"))).toBe(false);
});
