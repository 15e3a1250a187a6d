/** What every implementation of the port `Chain` must do. */
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import { uidOf } from "@anamnesis/sdk/core/typed-data";
import type { Address, Parameters, Subject, Uid } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Chain, ChainEvent, SignedAttestation } from "../../../../node/src/ports.ts";
import * as fixtures from "./fixtures.ts";

const { addressOf, BLINDING_KEY_HASH, FOUNDERS, newSubject, node, PARAMETERS, sign, signHead } = fixtures;

/** A founded chain with an enrolled node key `node N` for each member N, and two connections. */
export interface ChainHarness {
  readonly chain: Chain;
  readonly other: Chain;
  readonly hasher: TypedDataHasher;
  rollback(blocks: number): Promise<void>;
  mine(): Promise<void>;
  suspend(member: number): Promise<void>;
  reinstate(member: number): Promise<void>;
  setParameters(parameters: Parameters): Promise<void>;
  /** The key of this name. */
  addNodeKey(member: number, name: string): Promise<void>;
  revokeNodeKey(member: number, key: Address): Promise<void>;
  stop(): Promise<void>;
}

/** Runs the suite against what `make` gives. */
export function describeChain(name: string, make: () => Promise<ChainHarness>): void {
  describe(`Chain: ${name}`, () => {
    let h: ChainHarness;
    beforeAll(async () => {
      h = await make();
    }, 30_000);
    afterAll(() => h.stop());

    const all = async () => h.chain.events(0, (await h.chain.head()).number);
    const since = async (block: number) => h.chain.events(block, (await h.chain.head()).number);
    const attested = async (subject: Subject) =>
      (await all()).filter((e) => e.type === "Attested" && e.subject === subject);
    const errorOf = async (promise: Promise<unknown>) => {
      const error = await promise.then(
        () => undefined,
        (e: unknown) => e,
      );
      return isAnamnesisError(error, "chain.reverted") ? error.details.error : error;
    };

    it("tells who founded the consortium, in log order", async () => {
      const events = await all();
      expect(events.slice(0, 5).map(({ block: _, ...event }) => event)).toEqual([
        ...FOUNDERS.map((account, i) => ({ type: "MemberAdmitted", member: i + 1, account })),
        { type: "ParametersChanged", parameters: PARAMETERS },
      ]);
      const keys = events.filter((e) => e.type === "NodeKeyAdded").map((e) => [e.member, e.key]);
      expect(keys.toSorted()).toEqual([1, 2, 3, 4].map((n) => [n, addressOf(node(n))]));
      expect(await h.chain.blindingKeyHash()).toBe(BLINDING_KEY_HASH);
    });

    it("knows its genesis and its blocks, and none beyond the head", async () => {
      const head = await h.chain.head();
      expect((await h.chain.block(0))?.hash).toBe(h.chain.genesisHash);
      expect(await h.chain.block(head.number)).toEqual(head);
      expect(await h.chain.block(head.number + 100)).toBeUndefined();
    });

    it("records an attestation as a register with the digest as uid", async () => {
      const item = sign(h.hasher, node(1), { confidence: 55, basis: 3, version: 1_650_000_000_000 });
      const { subject, content, ...word } = item.attestation;
      const { block, skipped } = await h.chain.attest([item]);
      expect(skipped).toEqual([]);
      const register = { member: 1, ...word, uid: uidOf(h.hasher, item.attestation) };
      const event = { block, type: "Attested", subject, key: addressOf(node(1)), register, content };
      expect(await attested(subject)).toEqual([event]);
    });

    it("skips what the state does not allow, with its code, and takes the rest", async () => {
      const subject = newSubject();
      await h.chain.attest([sign(h.hasher, node(1), { subject, version: 1_700_000_000_000 })]);
      const good = sign(h.hasher, node(2), { subject });
      const { timestamp } = await h.chain.head();
      const { skipped } = await h.chain.attest([
        sign(h.hasher, node(1), { subject, version: 1_699_999_999_999 }),
        sign(h.hasher, "nobody"),
        sign(h.hasher, node(1), { version: timestamp * 1000 + 3_600_000 }),
        good,
        good,
      ]);
      expect(skipped).toEqual([
        { index: 0, skipCode: 4 },
        { index: 1, skipCode: 1 },
        { index: 2, skipCode: 5 },
      ]);
      expect(await attested(subject)).toHaveLength(2);
    });

    it("stores an expired support and a suspended member's word", async () => {
      const subject = newSubject();
      await h.suspend(4);
      const items = [
        sign(h.hasher, node(4), { subject, stance: 3 }),
        sign(h.hasher, node(3), { subject, validUntil: 1 }),
      ];
      expect((await h.chain.attest(items)).skipped).toEqual([]);
      await h.reinstate(4);
      expect(await attested(subject)).toHaveLength(2);
    });

    it("leaves the same registers for any order, repetition and grouping", async () => {
      const wins = (subject: Subject, events: readonly ChainEvent[]) => {
        const uids = new Map<number, Uid>();
        for (const e of events) {
          if (e.type === "Attested" && e.subject === subject) uids.set(e.register.member, e.register.uid);
        }
        return uids;
      };
      const word = fc.record({
        member: fc.integer({ min: 1, max: 3 }),
        stance: fc.constantFrom(1, 2, 3),
        version: fc.integer({ min: 1, max: 3 }),
        confidence: fc.integer({ min: 0, max: 2 }),
      });
      const plan = fc
        .array(word, { minLength: 1, maxLength: 8 })
        .chain((words) =>
          fc.tuple(
            fc.constant(words),
            fc.shuffledSubarray([...words, ...words], { minLength: words.length }),
          ),
        );
      await fc.assert(
        fc.asyncProperty(plan, async ([words, more]) => {
          const subject = newSubject();
          const from = (await h.chain.head()).number + 1;
          const signed = (list: typeof words): SignedAttestation[] =>
            list.map(({ member, stance, ...rest }) =>
              sign(h.hasher, node(member), { subject, stance: stance as 1, ...rest }),
            );
          await h.chain.attest(signed(more.slice(0, 7)));
          await h.other.attest(signed(words));
          const highest = new Map<number, { version: number; uid: Uid }>();
          for (const [i, { attestation }] of signed(words).entries()) {
            const uid = uidOf(h.hasher, attestation);
            const { member, version } = words[i] as (typeof words)[0];
            const held = highest.get(member);
            if (!held || version > held.version || (version === held.version && uid > held.uid)) {
              highest.set(member, { version, uid });
            }
          }
          expect(wins(subject, await since(from))).toEqual(
            new Map([...highest].map(([m, { uid }]) => [m, uid])),
          );
        }),
        { numRuns: 8, seed: 7 },
      );
    });

    it("takes the same from two relays at once", async () => {
      const items = [1, 2, 3].map((n) => sign(h.hasher, node(n), { subject: newSubject() }));
      const outcomes = await Promise.all([
        h.chain.attest(items),
        h.other.attest(items),
        h.chain.attest(items),
      ]);
      expect(outcomes.flatMap((outcome) => outcome.skipped)).toEqual([]);
      for (const { attestation } of items) expect(await attested(attestation.subject)).toHaveLength(1);
    });

    it("reverts with the contract's error on what no state could mend", async () => {
      const good = sign(h.hasher, node(1));
      const malformed = { ...good, signature: `${good.signature.slice(0, -2)}1d` as typeof good.signature };
      const foreign = { ...signHead(h.hasher, node(1), 3), feed: addressOf(node(2)) };
      expect(await errorOf(h.chain.attest([malformed]))).toBe("ImmuneMemoryMalformedSignature");
      expect(await errorOf(h.chain.attest([sign(h.hasher, node(1), { validUntil: 0 })]))).toBe(
        "ImmuneMemoryInvalidValidUntil",
      );
      expect(await errorOf(h.chain.attest([sign(h.hasher, node(1), { confidence: 101 })]))).toBe(
        "ImmuneMemoryInvalidConfidence",
      );
      expect(await errorOf(h.chain.attest([sign(h.hasher, node(1), { stance: 4 as 3 })]))).toBe(
        "ImmuneMemoryInvalidStance",
      );
      expect(await errorOf(h.chain.attest(Array(11).fill(good)))).toBe("ImmuneMemoryBatchTooLarge");
      expect(await errorOf(h.chain.anchor([foreign]))).toBe("MemberRegistryWrongSigner");
    });

    it("anchors greater heads, passes over smaller ones and skips unknown keys", async () => {
      const from = (await h.chain.head()).number + 1;
      const first = await h.chain.anchor([signHead(h.hasher, node(1), 3), signHead(h.hasher, "nobody", 3)]);
      const second = await h.other.anchor([signHead(h.hasher, node(1), 2), signHead(h.hasher, node(1), 5)]);
      expect([first.skipped, second.skipped]).toEqual([[{ index: 1, skipCode: 1 }], []]);
      const sizes = (await since(from)).flatMap((e) => (e.type === "FeedAnchored" ? [e.size] : []));
      expect(sizes).toEqual([3, 5]);
    });

    it("closes a key by its own two histories, once, and skips it from then on", async () => {
      await h.addNodeKey(2, "liar");
      const from = (await h.chain.head()).number + 1;
      const proof = fixtures.equivocate(h.hasher, "liar");
      expect(await errorOf(h.chain.reportEquivocation({ ...proof, a: signHead(h.hasher, "liar", 3) }))).toBe(
        "MemberRegistryConsistentHeads",
      );
      expect(await errorOf(h.chain.reportEquivocation({ ...proof, path: proof.path.toReversed() }))).toBe(
        "MemberRegistryForeignPath",
      );
      await h.chain.reportEquivocation(proof);
      expect(await errorOf(h.other.reportEquivocation(proof))).toBe("MemberRegistryKeyRevoked");
      const types = (await since(from)).map((e) => e.type);
      expect(types).toEqual(["NodeKeyRevoked", "EquivocationProven"]);
      expect((await h.chain.attest([sign(h.hasher, "liar")])).skipped).toEqual([{ index: 0, skipCode: 2 }]);
    });

    it("skips a revoked key, which never returns", async () => {
      const key = addressOf("lost");
      await h.addNodeKey(3, "lost");
      await h.revokeNodeKey(3, key);
      expect((await h.chain.attest([sign(h.hasher, "lost")])).skipped).toEqual([{ index: 0, skipCode: 2 }]);
      expect(await errorOf(h.addNodeKey(3, "lost"))).toBe("MemberRegistryKeyTaken");
    });

    it("refuses thresholds that nobody could meet", async () => {
      expect(await errorOf(h.setParameters({ ...PARAMETERS, members: 5 }))).toBe(
        "MemberRegistryInvalidParameters",
      );
      await h.setParameters({ ...PARAMETERS, members: 2 });
      const last = (await all()).findLast((e) => e.type === "ParametersChanged");
      expect(last).toMatchObject({ parameters: { ...PARAMETERS, members: 2 } });
      await h.setParameters(PARAMETERS);
    });

    it("forgets what is rolled back and takes it again", async () => {
      const item = sign(h.hasher, node(1));
      await h.chain.attest([item]);
      for (let i = 0; i < 9; i++) await h.mine();
      const before = await h.chain.head();
      await h.rollback(10);
      expect(await attested(item.attestation.subject)).toEqual([]);
      expect((await h.chain.head()).number).toBeLessThan(before.number);
      expect((await h.chain.attest([item])).skipped).toEqual([]);
      expect(await attested(item.attestation.subject)).toHaveLength(1);
    });

    it("refuses pages wider than 2,000 blocks", async () => {
      await expect(h.chain.events(0, 2_000)).rejects.toMatchObject({ code: "input.invalid" });
      await expect(h.chain.events(0, 1_999)).resolves.not.toHaveLength(0);
    });

    it("hints at new heads until asked to stop", async () => {
      let calls = 0;
      const heard = Promise.withResolvers<void>();
      const unsubscribe = h.chain.onHead(() => {
        calls++;
        heard.resolve();
      });
      await h.mine();
      await heard.promise;
      unsubscribe();
      expect(calls).toBeGreaterThan(0);
    });
  });
}
