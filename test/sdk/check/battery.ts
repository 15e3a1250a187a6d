/** Everything a checker must answer, in one go: what the real one passes and every mutant fails. */
import type { checkPlan } from "@anamnesis/sdk/check/plan";
import { SELF } from "../../node/support/plant.ts";
import { FAILS, PASSES, SAID } from "./cases.ts";
import { drawer, drawPair, touchesSelf } from "./oracle.ts";

const drawn = drawer(20_261_125);
/** Pairs of a plan and a Self, each with what counting says. */
const COUNTED = Array.from({ length: 500 }, () => {
  const [blocks, self] = drawPair(drawn);
  return { blocks, self, touches: touchesSelf(blocks, self) };
});

/** The first thing a checker gets wrong, or undefined. */
export function firstMistake(check: typeof checkPlan): string | undefined {
  // A fresh Self each time: a checker may remember one.
  for (const [what, blocks, self = SELF] of PASSES) {
    if (!check(blocks, { ...self }).ok) return `refuses ${what}`;
  }
  for (const [what, blocks, self = SELF] of FAILS) {
    const verdict = check(blocks, { ...self });
    if (verdict.ok) return `passes ${what}`;
    if (verdict.code !== "plan.self" || verdict.entry === "") return `says nothing of ${what}`;
  }
  for (const [said, block] of SAID) {
    const verdict = check([block], SELF);
    if (verdict.ok || !verdict.reason.includes(said)) return `does not say ${said}`;
  }
  for (const { blocks, self, touches } of COUNTED) {
    if (check(blocks, { ...self }).ok === touches)
      return `counts ${JSON.stringify({ blocks, self, touches })}`;
  }
  return undefined;
}
