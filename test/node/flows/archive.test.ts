/** When a node asks for proofs, of which block, and what it does when it gets none. */
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type {
  Address,
  Bytes32,
  IndicatorId,
  MemberNumber,
  Register,
  Subject,
} from "@anamnesis/sdk/core/types";
import { packRegister } from "@anamnesis/sdk/evidence/storage";
import { beforeEach, describe, expect, it } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { type ArchivePorts, type Archiver, createArchiver } from "../../../node/src/flows/archive.ts";
import type { BlockRef, ProofQuestion, ProvenState } from "../../../node/src/ports.ts";
import { loadArchive } from "../../../node/src/state/archive.ts";
import { sealedHeader } from "../../sdk/evidence/qbft.ts";
import { createTestClock, createTestLog, type TestClock } from "../chain-world.ts";

const SELF = `0x${"11".repeat(20)}` as Address;
const PARAMETERS = { members: 1, witnesses: 1, refutes: 1, maxBatch: 100 };
const ONE = 1 as MemberNumber;
const idOf = (name: string) => toHex(sha256(Buffer.from(name))) as IndicatorId;
const [a, b] = [idOf("a"), idOf("b")];

/** A chain of which each block may change what member 1 says of a record. */
class World {
  readonly clock: TestClock = createTestClock();
  readonly store = createMemoryStore();
  /** Newest first. */
  readonly words = new Map<IndicatorId, { readonly block: number; readonly register: Register }[]>();
  readonly asked: ProofQuestion[] = [];
  height = 0;
  fork = 0;
  refuses = false;
  /** Whether this plant's member said something of a record. */
  actedOn = (_: IndicatorId): boolean => true;
  private archiver!: Archiver;
  private ports!: ArchivePorts;

  async start(maxBytes?: number): Promise<void> {
    const words = (id: string, block = this.height) =>
      (this.words.get(id as IndicatorId) ?? []).find((each) => each.block <= block)?.register;
    const records = () => [...this.words.keys()].map(recordOf);
    const rooms = {
      store: this.store,
      archive: await loadArchive(this.store),
      feeds: { head: () => undefined },
      memory: {
        records: () => records()[Symbol.iterator](),
        record: (id: IndicatorId) => (this.words.has(id) ? recordOf(id) : undefined),
        subject: (id: string) => id as Subject,
        indicatorOf: (subject: string) => subject as IndicatorId,
        stances: (subject: string) => new Map(this.actedOn(subject as IndicatorId) ? [[ONE, {}]] : []),
      },
      registry: {
        recordedAt: () => this.blockAt(this.height),
        members: () => [{}],
        keys: () => [SELF],
        key: () => ({ member: ONE, addedAtBlock: 0, closed: false }),
        anchored: () => undefined,
        activeMembers: () => new Set([ONE]),
        parameters: () => PARAMETERS,
        recordedRegisters: (subject: string) => [words(subject)].flatMap((word) => word ?? []),
      },
    };
    this.ports = {
      clock: this.clock,
      log: createTestLog(),
      hasher: createHasher({ chainId: 1, verifyingContract: SELF }),
      self: SELF,
      rooms: rooms as unknown as ArchivePorts["rooms"],
      chain: {
        prove: async (question) => this.prove(question, words),
        header: async () => undefined,
        block: async (number) => this.blockAt(number),
        anchoredHead: async () => undefined,
      },
      ...(maxBytes !== undefined && { maxBytes }),
    };
    this.archiver = createArchiver(this.ports);
  }

  private headerAt(number: number) {
    const parentHash = toHex(sha256(Buffer.from(`${this.fork}/${number}`)));
    return sealedHeader({ number, parentHash, validators: [1], mixHash: `0x${"00".repeat(32)}` });
  }

  private blockAt(number: number): BlockRef {
    return { number, hash: this.headerAt(number).hash as Bytes32, timestamp: 1_800_000_000 };
  }

  private prove(
    question: ProofQuestion,
    words: (id: string, block: number) => Register | undefined,
  ): ProvenState {
    this.asked.push(question);
    if (this.refuses) throw new AnamnesisError("chain.unreachable", "nobody answers");
    return {
      block: this.blockAt(question.block),
      header: this.headerAt(question.block).rlp,
      nodes: [],
      parameters: PARAMETERS,
      active: [ONE],
      sizes: new Map(),
      registers: new Map(
        question.subjects.map((subject) => {
          const word = words(subject, question.block);
          return [subject, new Map(word && [[ONE, packRegister(word, fromHex(word.uid))]])];
        }),
      ),
    };
  }

  /** A block in which member 1 says something new of some records. */
  mine(...ids: IndicatorId[]): void {
    const block = ++this.height;
    for (const id of ids) {
      const register: Register = {
        ...{ member: ONE, version: block, stance: 1, basis: 1, confidence: 80, validUntil: 2_000_000_000 },
        uid: toHex(sha256(Buffer.from(`${id}${block}`))) as Register["uid"],
      };
      this.words.set(id, [{ block, register }, ...(this.words.get(id) ?? [])]);
    }
    this.tell(ids);
  }

  tell(subjects: readonly string[], rolledBack = false): void {
    this.archiver.onChain({
      subjects: new Set(subjects as Subject[]),
      membership: rolledBack,
      parameters: rolledBack,
      block: this.blockAt(this.height),
      rolledBack,
    });
  }

  /** Lets so many seconds pass, one tick each. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.clock.advance(1000);
      this.archiver.tick();
      await this.archiver.settled();
    }
  }

  status = () => this.archiver.status();
  stop = () => this.archiver.stop();
  blocks = () => this.asked.map(({ block }) => block);
  rows = () =>
    this.ports.rooms.archive.rows().map(({ block, subjects }) => [block.number, Object.keys(subjects)]);
}

const recordOf = (id: IndicatorId) => ({
  id,
  responses: new Map(),
  sightings: new Map(),
  receipts: new Map(),
});

describe("the archive of proofs", () => {
  let world: World;
  beforeEach(async () => {
    world = new World();
    await world.start();
  });

  it("asks for each block in which a record changed, when it is quiet, the oldest first", async () => {
    world.mine(a);
    world.mine();
    world.mine(a, b);
    await world.pass(1);
    expect(world.blocks()).toEqual([]);
    await world.pass(5);
    expect(world.blocks()).toEqual([1, 3]);
    expect(world.rows()).toEqual([
      [1, [a]],
      [3, [a, b]],
    ]);
    expect(world.status()).toMatchObject({ blocks: 2, subjects: 2, waiting: 0, failure: null });
  });

  it("waits a minute at most while something changes all the time", async () => {
    for (let i = 0; i < 59; i++) {
      world.mine(a);
      await world.pass(1);
    }
    expect(world.blocks()).toEqual([]);
    for (let i = 0; i < 5; i++) {
      world.mine(a);
      await world.pass(1);
    }
    expect(world.blocks().slice(0, 2)).toEqual([1, 2]);
  });

  it("proves the newest block when chain nodes no longer have the older ones", async () => {
    world.mine(a);
    world.mine(b);
    world.height = 500;
    await world.pass(5);
    expect(world.blocks()).toEqual([500]);
    expect(world.rows()).toEqual([[500, [a, b]]]);
  });

  it("keeps nothing of records that this plant had no part in, until it has", async () => {
    world.actedOn = (id) => id === a;
    world.mine(a, b);
    await world.pass(5);
    expect(world.rows()).toEqual([[1, [a]]]);
    world.actedOn = () => true;
    await world.pass(70);
    expect(world.rows()).toEqual([[1, [a, b]]]);
  });

  it("goes on asking, ever more seldom, while it gets no proof, and says why", async () => {
    world.refuses = true;
    world.mine(a);
    await world.pass(120);
    expect(world.asked.length).toBeGreaterThan(3);
    expect(world.asked.length).toBeLessThan(12);
    expect(world.status()).toMatchObject({ waiting: 1, failure: { code: "chain.unreachable" } });
    world.refuses = false;
    await world.pass(70);
    expect(world.rows()).toEqual([[1, [a]]]);
    expect(world.status()).toMatchObject({ waiting: 0, failure: null });
  });

  it("finds after a crash what is not proved", async () => {
    world.mine(a);
    world.mine(b);
    await world.start();
    await world.pass(3);
    expect(world.blocks()).toEqual([2]);
    expect(world.rows()).toEqual([[2, [a, b]]]);
  });

  it("asks once more when it stops", async () => {
    world.mine(a);
    await world.stop();
    expect(world.rows()).toEqual([[1, [a]]]);
    world.mine(b);
    await world.pass(100);
    expect(world.blocks()).toEqual([1]);
  });

  it("forgets blocks that are gone after a rollback and proves what came instead", async () => {
    world.mine(a);
    world.mine(b);
    await world.pass(6);
    expect(world.blocks()).toEqual([1, 2]);
    world.fork = 1;
    world.tell([a, b], true);
    await world.pass(6);
    expect(world.rows()).toEqual([[2, [a, b]]]);
  });

  it("says so when it is full, and never drops the only proof of a record", async () => {
    const add = async (id: IndicatorId) => {
      world.mine(id);
      await world.pass(4);
    };
    await add(a);
    await world.start(1.5 * world.status().bytes); // room for one, and more only in place of others
    await add(a);
    await add(a);
    expect(world.rows()).toEqual([
      [2, [a]],
      [3, [a]],
    ]);
    await add(b);
    await add(idOf("c"));
    expect(world.rows()).toEqual([
      [3, [a]],
      [4, [b]],
    ]);
    expect(world.status()).toMatchObject({ waiting: 1, failure: { code: "store.full" } });
  });
});
