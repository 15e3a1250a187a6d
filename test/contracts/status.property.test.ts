import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { responseStatus, status, wins } from "../../sdk/src/core/status.ts";
import type { MemberNumber, Register, Status } from "../../sdk/src/core/types.ts";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, FOUNDED, makeAttestation, makeConsortium } from "./consortium.ts";

const MEMBERS = 5;
const SUBJECTS = ["indicator", "response"].map((name) => oracle.hex(oracle.sha256(name)));
const NAMES = ["none", "withdrawn", "dormant", "proposed", "attested", "refuted"] as const;
/** Before, between and after the ends of the supports below. */
const TIMES = [FOUNDED, FOUNDED + 100, FOUNDED + 150, FOUNDED + 200];

interface Said {
  /** 1 to MEMBERS; 0 is a stranger, whom nobody believes. */
  member: number;
  /** A member has two keys. */
  secondKey: boolean;
  attestation: oracle.Attestation;
}

type Step = { suspend: number } | { reinstate: number } | { remove: number } | { relay: number };

const said: fc.Arbitrary<Said> = fc
  .record({
    member: fc.nat(MEMBERS),
    secondKey: fc.boolean(),
    subject: fc.constantFrom(...SUBJECTS),
    // Mostly supports, so that what needs several of them is reached.
    stance: fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 2, 3),
    basis: fc.constantFrom(1, 2, 3),
    confidence: fc.nat(100),
    end: fc.constantFrom(FOUNDED + 100, FOUNDED + 200, FOUNDED + 1000, FOUNDED + 1000),
    // Few versions, so that equal ones meet.
    age: fc.nat(3),
  })
  .map(({ member, secondKey, subject, stance, basis, confidence, end, age }) => ({
    member,
    secondKey,
    attestation: makeAttestation({
      subject,
      stance,
      basis,
      confidence,
      validUntil: stance === 1 ? end : 0,
      version: FOUNDED * 1000 - age,
    }),
  }));

/** What was said, in some order, some of it twice, cut into batches, with suspensions and removals in between. */
const history = fc.array(said, { minLength: 1, maxLength: 40 }).chain((statements) =>
  fc.record({
    statements: fc.constant(statements),
    order: fc.tuple(
      fc.shuffledSubarray(statements, { minLength: statements.length }),
      fc.subarray(statements),
    ),
    steps: fc.array(
      fc.oneof(
        fc.integer({ min: 1, max: MEMBERS }).map((member): Step => ({ suspend: member })),
        fc.integer({ min: 1, max: MEMBERS }).map((member): Step => ({ reinstate: member })),
        fc.integer({ min: 1, max: MEMBERS }).map((member): Step => ({ remove: member })),
        fc.integer({ min: 1, max: 8 }).map((items): Step => ({ relay: items })),
      ),
      { minLength: 1, maxLength: 12 },
    ),
  }),
);

describe("status", () => {
  let consortium: Consortium;
  let close: () => Promise<void>;
  const secondKey = (member: number) => oracle.privateKey(100 + member);

  beforeAll(async () => {
    [consortium, close] = await makeConsortium(MEMBERS, { ...DEFAULTS, witnesses: 1 });
    for (const [i, account] of consortium.accounts.entries()) {
      await consortium.registry
        .connect(account)
        .addNodeKey(...consortium.possession(account, secondKey(i + 1)));
    }
  });
  afterAll(() => close());

  const sign = ({ member, secondKey: second, attestation }: Said) =>
    consortium.signAttestation(
      second ? secondKey(member) : (consortium.keys[member - 1] ?? oracle.privateKey(99)),
      attestation,
    );

  /** What the SDK makes of the statements, in the order in which they were thought of. */
  function registersOf(statements: readonly Said[], subject: string): Register[] {
    const held = new Map<number, Register>();
    for (const { member, attestation } of statements) {
      if (member === 0 || attestation.subject !== subject) continue;
      const register = { ...attestation, member, uid: consortium.uid(attestation) } as unknown as Register;
      if (wins(register, held.get(member))) held.set(member, register);
    }
    return [...held.values()];
  }

  const fromChain = ([verdict, disputed, supports, witnesses, refutes]: [
    bigint,
    boolean,
    bigint,
    bigint,
    bigint,
  ]): Status => ({
    name: NAMES[Number(verdict)] as Status["name"],
    disputed,
    supports: Number(supports),
    witnesses: Number(witnesses),
    refutes: Number(refutes),
  });

  it("is the same on the chain and in the SDK, whatever the order, repetition and batching", {
    timeout: 300_000,
  }, async () => {
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(history, async ({ statements, order, steps }) => {
        const { networkHelpers, registry, memory } = consortium;
        const fresh = await networkHelpers.takeSnapshot();
        const deliveries = order.flat();
        const relay = async (items: Said[]) => {
          await memory.attest(
            items.map((item) => item.attestation),
            items.map(sign),
          );
        };
        const active = new Set(Array.from({ length: MEMBERS }, (_, i) => i + 1));
        const removed = new Set<number>();
        for (const step of steps) {
          if ("relay" in step) {
            await relay(deliveries.splice(0, step.relay));
          } else if ("suspend" in step) {
            if (active.size > 3 && active.delete(step.suspend)) await registry.suspend(step.suspend);
          } else if ("remove" in step) {
            if (removed.has(step.remove) || (active.has(step.remove) && active.size === 3)) continue;
            removed.add(step.remove);
            active.delete(step.remove);
            await registry.remove(step.remove);
          } else if (!active.has(step.reinstate) && !removed.has(step.reinstate)) {
            active.add(step.reinstate);
            await registry.reinstate(step.reinstate);
          }
        }
        await relay(deliveries);

        const parameters = { members: 3, witnesses: 1, refutes: 2 };
        const members = active as unknown as Set<MemberNumber>;
        const [indicator, response] = SUBJECTS as [string, string];
        for (const time of TIMES) {
          const cause = status(registersOf(statements, indicator), members, parameters, time);
          const cure = responseStatus(cause, registersOf(statements, response), members, parameters, time);
          expect(fromChain(await memory.status(indicator, time))).toEqual(cause);
          expect(fromChain(await memory.responseStatus(indicator, response, time))).toEqual(cure);
          reached.add(`indicator ${cause.name}`).add(`response ${cure.name}`);
        }
        await fresh.restore();
      }),
      { numRuns: 200, seed: 0x696d6d75 },
    );
    // A property that never meets the interesting statuses proves little.
    const everything = NAMES.flatMap((name) => [`indicator ${name}`, `response ${name}`]);
    expect([...reached].toSorted()).toEqual(everything.toSorted());
  });
});
