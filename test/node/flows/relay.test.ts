import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { wins } from "@anamnesis/sdk/core/status";
import { uidOf } from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, MemberNumber, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { FakeChain, FakeLedger } from "../../../node/src/adapters/chain/fake-chain.ts";
import { createRelay, type Relay } from "../../../node/src/flows/relay.ts";
import type { HeldWord } from "../../../node/src/flows/relay-difference.ts";
import type { EquivocationProof } from "../../../node/src/ports.ts";
import type { Registry } from "../../../node/src/state/registry.ts";
import { addressOf, equivocate, newSubject, node, sign, signHead } from "../adapters/chain/fixtures.ts";
import { createTestClock, createTestLog, followLedger, makeLedger, type TestClock } from "../chain-world.ts";

/** What all nodes hold alike once their feeds are in step. */
class Held {
  readonly words = new Map<Subject, Map<MemberNumber, HeldWord>>();
  readonly heads = new Map<Address, SignedHead>();
  readonly proofs: EquivocationProof[] = [];
  private readonly ledger: FakeLedger;

  constructor(ledger: FakeLedger) {
    this.ledger = ledger;
  }

  /** A member's word with the key `name`; the winner stays. */
  say(member: number, changes: Partial<Attestation> = {}, name = node(member)): HeldWord {
    const { attestation, signature } = sign(this.ledger.hasher, name, changes);
    const { subject, content: _, ...word } = attestation;
    const register = { member: member as MemberNumber, ...word, uid: uidOf(this.ledger.hasher, attestation) };
    const held = { register, attestation: { ...attestation, signature }, key: addressOf(name) };
    const ofSubject = this.words.get(subject) ?? new Map<MemberNumber, HeldWord>();
    if (wins(register, ofSubject.get(register.member)?.register)) ofSubject.set(register.member, held);
    this.words.set(subject, ofSubject);
    return held;
  }

  *all(): Iterable<readonly [Subject, HeldWord]> {
    for (const [subject, words] of this.words) for (const word of words.values()) yield [subject, word];
  }
}

interface Node {
  readonly relay: Relay;
  readonly chain: FakeChain;
  readonly registry: Registry;
  readonly log: ReturnType<typeof createTestLog>;
  index(): Promise<void>;
}

describe("relay", () => {
  let clock: TestClock;
  let ledger: FakeLedger;
  let held: Held;
  beforeEach(() => {
    clock = createTestClock();
    ledger = makeLedger(clock);
    held = new Held(ledger);
  });

  const makeNode = async (member: number): Promise<Node> => {
    const { registry, index } = await followLedger(ledger);
    const chain = ledger.connect();
    const log = createTestLog();
    const ports = {
      chain,
      registry,
      clock,
      log,
      held: () => held.all(),
      heads: () => held.heads.values(),
      proofs: () => held.proofs,
    };
    const relay = createRelay(ports, { self: addressOf(node(member)), patienceMs: 1_000, anchorMs: 1_000 });
    return { relay, chain, registry, log, index };
  };

  const isRecorded = async (word: HeldWord): Promise<boolean> => {
    const { registry } = await followLedger(ledger);
    return registry.recordedUids.has(word.register.uid);
  };

  it("sends its own words at once, in batches no larger than allowed, and then nothing", async () => {
    const one = await makeNode(1);
    for (let i = 0; i < 25; i++) held.say(1);
    expect(await one.relay.relayOnce()).toEqual({ sent: 25, skipped: 0, lacking: 25 });
    await one.index();
    expect(await one.relay.relayOnce()).toEqual({ sent: 0, skipped: 0, lacking: 0 });
    expect(one.chain.written.attestations).toBe(25);
  });

  it("does not send again what is mined and not indexed yet", async () => {
    const one = await makeNode(1);
    held.say(1);
    await one.relay.relayOnce();
    await one.relay.relayOnce();
    expect(one.chain.written.attestations).toBe(1);
  });

  it("names what a chain node called mined and the index of that block does not show", async () => {
    const one = await makeNode(1);
    const word = held.say(1);
    const { attest } = one.chain;
    one.chain.attest = async (items) => ({
      block: (await one.chain.head()).number,
      skipped: items.slice(items.length) as [],
    });
    await one.relay.relayOnce();
    ledger.mine();
    await one.index();
    await one.relay.relayOnce();
    const block = (await one.chain.head()).number - 1;
    expect(one.relay.unseen()).toEqual([{ item: word.register.uid, block }]);
    expect(one.log.lines).toContainEqual({
      event: "relay.unseen",
      fields: { item: word.register.uid, block },
    });
    // Another node of the chain tells the truth: sent again, and forgotten.
    one.chain.attest = attest;
    clock.advance(20_000);
    await one.relay.relayOnce();
    await one.index();
    await one.relay.relayOnce();
    expect(await isRecorded(word)).toBe(true);
    expect(one.relay.unseen()).toEqual([]);
  });

  it("does not put into a second transaction what waits in a first one that nobody answered for", async () => {
    const one = await makeNode(1);
    held.say(1);
    let sent = 0;
    one.chain.attest = async () => {
      sent++;
      throw new AnamnesisError("chain.unreachable", "gone", { details: { hash: "0x01" } });
    };
    await one.relay.relayOnce();
    await one.relay.relayOnce();
    expect(sent).toBe(1);
    clock.advance(15_000);
    await one.relay.relayOnce();
    expect(sent).toBe(2);
  });

  it("bounds what is under way", async () => {
    ledger.setAutoMine(false);
    const one = await makeNode(1);
    for (let i = 0; i < 100; i++) held.say(1);
    const looks = [one.relay.relayOnce(), one.relay.relayOnce()];
    await one.chain.head();
    ledger.mine();
    await Promise.all(looks);
    expect(one.chain.written.attestations).toBe(40); // four batches of ten
  });

  it("leaves others' words to them, and sends them when they stay away, next member first", async () => {
    const nodes = await Promise.all([2, 3, 4].map(makeNode));
    const word = held.say(1);
    const relayAll = async () => {
      for (const n of nodes) {
        await n.relay.relayOnce();
        await n.index();
      }
    };
    await relayAll();
    clock.advance(999);
    await relayAll();
    expect(await isRecorded(word)).toBe(false);
    clock.advance(1);
    await relayAll();
    expect(await isRecorded(word)).toBe(true);
    clock.advance(60_000);
    await relayAll();
    expect(nodes.map((n) => n.chain.written.attestations)).toEqual([1, 0, 0]);
  });

  it("gets everything there while only the last in the circle lives", async () => {
    const four = await makeNode(4);
    const words = [1, 2, 3].map((n) => held.say(n));
    await four.relay.relayOnce();
    clock.advance(3_000);
    await four.relay.relayOnce();
    expect(await Promise.all(words.map(isRecorded))).toEqual([true, true, true]);
  });

  it("waits while the chain is out of reach, says so once, and is not late for others' words afterwards", async () => {
    const [one, two] = [await makeNode(1), await makeNode(2)];
    const word = held.say(1);
    for (const n of [one, two]) n.chain.setReachable(false);
    held.say(2);
    for (let i = 0; i < 5; i++) {
      clock.advance(10_000);
      expect(await one.relay.relayOnce()).toMatchObject({ sent: 0 });
      await two.relay.relayOnce();
    }
    for (const n of [one, two]) n.chain.setReachable(true);
    await two.relay.relayOnce();
    expect(await isRecorded(word)).toBe(false);
    await one.relay.relayOnce();
    expect(await isRecorded(word)).toBe(true);
    expect(one.log.lines.map((line) => line.event)).toEqual(["relay.paused", "relay.resumed"]);
  });

  it("sends again what a rollback took, also when it was mined and never indexed", async () => {
    const one = await makeNode(1);
    const words = [held.say(1), held.say(1)];
    await one.relay.relayOnce();
    await one.index();
    ledger.rollback(1);
    ledger.mine();
    await one.index();
    await one.relay.relayOnce();
    expect(await Promise.all(words.map(isRecorded))).toEqual([true, true]);
    const late = held.say(1);
    await one.relay.relayOnce();
    ledger.rollback(1);
    clock.advance(15_000);
    await one.relay.relayOnce();
    expect(await isRecorded(late)).toBe(true);
  });

  it("logs a skip by uid and never tries again what the chain will not take", async () => {
    const one = await makeNode(1);
    const gone = held.say(1);
    ledger.revokeNodeKey(1, addressOf(node(1))); // not indexed here yet
    expect(await one.relay.relayOnce()).toEqual({ sent: 0, skipped: 1, lacking: 1 });
    const [line] = one.log.lines;
    expect(line).toMatchObject({
      event: "relay.skipped",
      fields: { item: gone.register.uid, skipCode: 2, retried: false },
    });
    clock.advance(10_000_000);
    await one.relay.relayOnce();
    await one.index();
    await one.relay.relayOnce();
    expect(one.chain.written.attestations).toBe(1);
  });

  it("does not send a word that another of its member beat on the chain", async () => {
    const one = await makeNode(1);
    const word = held.say(1, { version: 5 });
    const { subject } = word.attestation;
    await ledger.connect().attest([sign(ledger.hasher, node(1), { subject, version: 6, stance: 3 })]);
    expect(await one.relay.relayOnce()).toMatchObject({ skipped: 1 });
    await one.index();
    clock.advance(10_000_000);
    await one.relay.relayOnce();
    expect(one.chain.written.attestations).toBe(1);
  });

  it("tries again after a rollback what was beaten before it", async () => {
    const one = await makeNode(1);
    const word = held.say(1, { version: 5 });
    const { subject } = word.attestation;
    await ledger.connect().attest([sign(ledger.hasher, node(1), { subject, version: 6, stance: 3 })]);
    await one.relay.relayOnce();
    await one.index();
    ledger.rollback(2); // the newer word, and the block in which ours was skipped
    await one.index();
    await one.relay.relayOnce();
    expect(await isRecorded(word)).toBe(true);
  });

  it("holds a word from the future back until the chain takes it", async () => {
    const one = await makeNode(1);
    const word = held.say(1, { version: clock.nowMs() + 3_600_000 });
    await one.relay.relayOnce();
    expect(one.chain.written.attestations).toBe(0);
    clock.advance(3_600_000);
    ledger.mine();
    await one.index();
    await one.relay.relayOnce();
    expect(await isRecorded(word)).toBe(true);
  });

  it("records the words of a suspended member and those of an unknown key only after its enrolment", async () => {
    const two = await makeNode(2);
    ledger.suspend(2);
    await two.index();
    const suspended = held.say(2);
    const stranger = held.say(3, {}, "new node");
    await two.relay.relayOnce();
    clock.advance(60_000);
    await two.relay.relayOnce();
    expect([await isRecorded(suspended), await isRecorded(stranger)]).toEqual([true, false]);
    ledger.addNodeKey(3, addressOf("new node"));
    await two.index();
    await two.relay.relayOnce();
    clock.advance(60_000);
    await two.relay.relayOnce();
    expect(await isRecorded(stranger)).toBe(true);
  });

  it("finds the one item that makes a batch revert, and sends the others", async () => {
    const one = await makeNode(1);
    const words = Array.from({ length: 9 }, () => held.say(1));
    const bad = held.say(1);
    const signature = `${bad.attestation.signature.slice(0, -2)}00` as typeof bad.attestation.signature;
    held.words
      .get(bad.attestation.subject)
      ?.set(1 as MemberNumber, { ...bad, attestation: { ...bad.attestation, signature } });
    expect(await one.relay.relayOnce()).toEqual({ sent: 9, skipped: 1, lacking: 10 });
    expect(await Promise.all(words.map(isRecorded))).toEqual(words.map(() => true));
    const reverted = one.log.lines.filter((line) => line.event === "relay.reverted");
    expect(reverted.map((line) => line.fields.item)).toEqual([bad.register.uid]);
    const before = one.chain.written.attestations;
    await one.index();
    await one.relay.relayOnce();
    expect(one.chain.written.attestations).toBe(before);
  });

  it("anchors its own head at intervals and a silent node's head after a while", async () => {
    const [one, two] = [await makeNode(1), await makeNode(2)];
    const anchored = async (member: number) => {
      await Promise.all([one.index(), two.index()]);
      return two.registry.anchored(addressOf(node(member)))?.size;
    };
    const grow = (size: number) => held.heads.set(addressOf(node(1)), signHead(ledger.hasher, node(1), size));
    for (const size of [1, 2, 3]) {
      grow(size);
      await two.relay.relayOnce();
      await one.relay.relayOnce();
    }
    expect(await anchored(1)).toBe(1);
    clock.advance(999);
    await one.relay.relayOnce();
    expect(await anchored(1)).toBe(1);
    clock.advance(1);
    await one.relay.relayOnce();
    expect(await anchored(1)).toBe(3);
    await two.relay.relayOnce();
    expect(two.chain.written.heads).toBe(0);
    grow(4);
    await two.relay.relayOnce();
    clock.advance(1_000);
    await two.relay.relayOnce();
    expect(await anchored(1)).toBe(4);
  });

  it("reports a proof of equivocation once", async () => {
    const [one, two] = [await makeNode(1), await makeNode(2)];
    held.proofs.push(equivocate(ledger.hasher, node(3)));
    await Promise.all([one.relay.relayOnce(), two.relay.relayOnce()]);
    await one.index();
    expect(one.registry.keyState(addressOf(node(3)))).toBe("closed");
    await one.relay.relayOnce();
    const events = one.log.lines.concat(two.log.lines).map((line) => line.event);
    expect(events.toSorted()).toEqual(["relay.equivocation", "relay.reverted"]);
  });

  it("gets every word there, whatever dies, comes back and is rolled back", async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("say" as const),
        member: fc.integer({ min: 1, max: 4 }),
        of: fc.integer({ min: 0, max: 2 }),
        version: fc.integer({ min: 1, max: 9 }),
      }),
      fc.record({
        do: fc.constant("look" as const),
        member: fc.integer({ min: 0, max: 3 }),
        index: fc.boolean(),
      }),
      fc.record({
        do: fc.constant("reach" as const),
        member: fc.integer({ min: 0, max: 3 }),
        on: fc.boolean(),
      }),
      fc.record({ do: fc.constant("rollback" as const), blocks: fc.integer({ min: 1, max: 10 }) }),
      fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(100, 1_000, 20_000) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.integer({ min: 0, max: 3 }),
        async (steps, survivor) => {
          clock = createTestClock();
          ledger = makeLedger(clock);
          held = new Held(ledger);
          const nodes = await Promise.all([1, 2, 3, 4].map(makeNode));
          const subjects = [0, 1, 2].map(() => newSubject());
          for (const s of steps) {
            if (s.do === "say")
              held.say(s.member, { subject: subjects[s.of] as Subject, version: s.version });
            if (s.do === "look") {
              const n = nodes[s.member] as Node;
              await n.relay.relayOnce();
              if (s.index) await n.index();
            }
            if (s.do === "reach") (nodes[s.member] as Node).chain.setReachable(s.on);
            if (s.do === "rollback")
              ledger.rollback(Math.min(s.blocks, (await ledger.connect().head()).number - 5));
            if (s.do === "wait") clock.advance(s.ms);
          }
          const last = nodes[survivor] as Node;
          last.chain.setReachable(true);
          for (let i = 0; i < 3; i++) {
            await last.index();
            await last.relay.relayOnce();
            clock.advance(30_000);
          }
          const { registry } = await followLedger(ledger);
          for (const [subject, word] of held.all()) {
            expect(registry.recordedRegister(subject, word.register.member)).toEqual(word.register);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("runs by itself: kicked by new words and by the chain", async () => {
    const one = await makeNode(1);
    one.relay.start();
    const word = held.say(1);
    const recorded = new Promise<void>((resolve) => {
      ledger.connect().onHead(() => void isRecorded(word).then((yes) => yes && resolve()));
    });
    one.relay.kick();
    await recorded;
    await one.relay.stop();
  });
});
