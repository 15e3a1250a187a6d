import { toHex } from "@anamnesis/sdk/core/bytes";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { memoryHash, responseStatus, status, wins } from "@anamnesis/sdk/core/status";
import type { MemberNumber, Register, Status, Subject, Uid } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readVectors } from "./vectors.ts";

type Said = Pick<Register, "member" | "stance" | "basis" | "validUntil">;
interface Case {
  name: string;
  parameters: { members: number; witnesses: number; refutes: number };
  members: number;
  suspended: number[];
  expected: Status;
}
const vectors = readVectors<{
  at: number;
  indicators: (Case & { registers: Said[] })[];
  responses: (Case & { indicator: Said[]; response: Said[] })[];
}>("status");

const full = (said: Said): Register => ({
  ...said,
  confidence: 50,
  version: 1,
  uid: `0x${"00".repeat(32)}` as Uid,
});
const activeOf = ({ members, suspended }: Case) =>
  new Set(
    Array.from({ length: members }, (_, i) => i + 1).filter((n) => !suspended.includes(n)) as MemberNumber[],
  );

test.each(vectors.indicators)("status: $name", (vector) => {
  expect(status(vector.registers.map(full), activeOf(vector), vector.parameters, vectors.at)).toEqual(
    vector.expected,
  );
});

test.each(vectors.responses)("status of a response: $name", (vector) => {
  const active = activeOf(vector);
  const indicator = status(vector.indicator.map(full), active, vector.parameters, vectors.at);
  expect(responseStatus(indicator, vector.response.map(full), active, vector.parameters, vectors.at)).toEqual(
    vector.expected,
  );
});

const uid = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toHex(bytes) as Uid);
const register = fc.record({ version: fc.integer({ min: 1, max: 3 }), uid });

test("one of two different words wins, never both, and order does not matter", () => {
  fc.assert(
    fc.property(fc.array(register, { minLength: 1, maxLength: 8 }), (words) => {
      const last = (list: typeof words) =>
        list.reduce<(typeof words)[0] | undefined>(
          (held, next) => (wins(next, held) ? next : held),
          undefined,
        );
      const winner = last(words)!;
      expect(last(words.toReversed())!.uid.slice(0, 38)).toBe(winner.uid.slice(0, 38));
      for (const word of words) expect(wins(word, winner)).toBe(false);
    }),
  );
});

test("uids that differ behind 144 bits only are one word", () => {
  const a = { version: 1, uid: `0x${"11".repeat(18)}${"00".repeat(14)}` as Uid };
  const b = { version: 1, uid: `0x${"11".repeat(18)}${"ff".repeat(14)}` as Uid };
  expect(wins(a, b)).toBe(false);
  expect(wins(b, a)).toBe(false);
});

test("the memory hash follows every field and no order", () => {
  const subject = (n: number) => toHex(sha256(Uint8Array.of(n))) as Subject;
  const said: Register = {
    member: 3 as MemberNumber,
    stance: 1,
    basis: 1,
    confidence: 70,
    validUntil: 1_800_000_000,
    version: 1_700_000_000_000,
    uid: `0x${"ab".repeat(32)}` as Uid,
  };
  const rows: [Subject, Register][] = [
    [subject(1), said],
    [subject(2), said],
    [subject(1), { ...said, member: 4 as MemberNumber }],
  ];
  const hash = memoryHash(rows);
  expect(memoryHash(rows.toReversed())).toBe(hash);
  const changes: Partial<Register>[] = [
    { member: 5 as MemberNumber },
    { stance: 2 },
    { basis: 3 },
    { confidence: 71 },
    { validUntil: 1_800_000_001 },
    { version: 1_700_000_000_001 },
    { uid: `0x${"ac".repeat(32)}` as Uid },
  ];
  for (const change of changes)
    expect(memoryHash([[subject(1), { ...said, ...change }], ...rows.slice(1)])).not.toBe(hash);
  expect(memoryHash([[subject(9), said], ...rows.slice(1)])).not.toBe(hash);
});
