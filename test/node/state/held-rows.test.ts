import { memoryHash } from "@anamnesis/sdk/core/status";
import type { Register, Subject, Uid } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createHeldRows } from "../../../node/src/state/held-rows.ts";

const bytes32 = (n: number) => `0x${n.toString(16).padStart(64, "0")}` as const;

test("the hash is that of all last registers, whenever it was asked for before", () => {
  const write = fc.record({
    subject: fc.integer({ min: 0, max: 5 }),
    member: fc.integer({ min: 1, max: 300 }),
    version: fc.integer({ min: 1, max: 9 }),
    asked: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(write), (writes) => {
      const rows = createHeldRows();
      const held = new Map<string, readonly [Subject, Register]>();
      for (const { subject, member, version, asked } of writes) {
        const of = bytes32(subject) as Subject;
        const uid = bytes32(version) as Uid;
        const register = {
          member,
          stance: 1,
          basis: 1,
          confidence: 7,
          validUntil: 9,
          version,
          uid,
        } as Register;
        rows.put(of, register);
        held.set(`${subject} ${member}`, [of, register]);
        if (asked) expect(rows.hash()).toBe(memoryHash(held.values()));
      }
      expect(rows.hash()).toBe(memoryHash(held.values()));
      rows.clear();
      expect(rows.hash()).toBe(memoryHash([]));
    }),
  );
});
