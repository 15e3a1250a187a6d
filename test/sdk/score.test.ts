import { score } from "@anamnesis/sdk/core/score";
import type { Basis, MemberNumber, Register, Stance, Uid } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";

const AT = 1_800_000_000;
const DAY = 86_400;
const active = new Set(Array.from({ length: 20 }, (_, i) => (i + 1) as MemberNumber));

function said(member: number, change: Partial<Register> = {}): Register {
  return {
    member: member as MemberNumber,
    stance: 1,
    basis: 1,
    confidence: 100,
    validUntil: AT + 400 * DAY,
    version: AT * 1000,
    uid: `0x${"00".repeat(32)}` as Uid,
    ...change,
  };
}

test("fresh words: one full observation is half of the most, further members add ever less", () => {
  expect(score([], active, "address", AT)).toBe(0);
  expect(score([said(1)], active, "address", AT)).toBe(500);
  expect(score([said(1), said(2)], active, "address", AT)).toBe(750);
  expect(score([said(1, { basis: 2 })], active, "address", AT)).toBe(250);
  expect(score([said(1, { basis: 3 })], active, "address", AT)).toBe(400);
});

test("what does not count adds nothing: refutes, withdraws, expired words, members that are not active", () => {
  for (const register of [
    said(1, { stance: 2, validUntil: 0 }),
    said(1, { stance: 3, validUntil: 0 }),
    said(1, { validUntil: AT }),
    said(99),
  ])
    expect(score([register], active, "address", AT)).toBe(0);
});

test("decays as MISP's default for network indicators: 120 days, speed 2; files keep their worth", () => {
  const old = (days: number) => [said(1, { version: (AT - days * DAY) * 1000 })];
  for (const kind of ["address", "name", "behaviour"] as const) {
    expect(score(old(30), active, kind, AT)).toBe(250); // 1 − √(30/120)
    expect(score(old(1.2), active, kind, AT)).toBe(450); // 1 − √0.01
    expect(score(old(120), active, kind, AT)).toBe(0);
    expect(score(old(119), active, kind, AT)).toBeGreaterThan(0);
  }
  expect(score(old(390), active, "file", AT)).toBe(500);
});

const registers = fc.array(
  fc.record({
    member: fc.integer({ min: 1, max: 25 }),
    stance: fc.constantFrom<Stance>(1, 2, 3),
    basis: fc.constantFrom<Basis>(1, 2, 3),
    confidence: fc.integer({ min: 0, max: 100 }),
    age: fc.integer({ min: -1000, max: 900 * DAY }),
  }),
  { maxLength: 25 },
);

test("always a whole number from 0 to 1000, whatever the order, and less with time", () => {
  fc.assert(
    fc.property(registers, fc.constantFrom("address", "name", "file", "behaviour"), (list, kind) => {
      const all = list.map(({ member, age, ...rest }) =>
        said(member, { ...rest, version: (AT - age) * 1000 }),
      );
      const now = score(all, active, kind, AT);
      expect(Number.isInteger(now) && now >= 0 && now <= 1000).toBe(true);
      expect(score(all.toReversed(), active, kind, AT)).toBe(now);
      expect(score(all, active, kind, AT + DAY)).toBeLessThanOrEqual(now);
    }),
  );
});
