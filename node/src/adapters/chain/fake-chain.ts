/** A ledger in memory with the contracts' rules, blocks, rollbacks and outages: for tests of flows. */
import { concat, fromHex, toHex, uintBytes, utf8 } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { createHasher, type Domain, type TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, MemberNumber, Parameters, SignedHead } from "@anamnesis/sdk/core/types";
import type { BlockRef, Chain, ChainEvent, Clock, WriteOutcome } from "../../ports.ts";
import * as contracts from "./fake-contracts.ts";

export interface FakeLedgerOptions {
  /** Accounts of the first members, numbered from 1. */
  readonly founders: readonly Address[];
  readonly parameters: Parameters;
  readonly blindingKeyHash: Bytes32;
  /** Gives the blocks' timestamps. */
  readonly clock: Pick<Clock, "nowMs">;
  /** Whether each transaction gets a block of its own at once. Default true. */
  readonly autoMine?: boolean;
}

/** One node's connection to the ledger. */
export interface FakeChain extends Chain {
  /** While false, every call rejects with `chain.unreachable`. */
  setReachable(reachable: boolean): void;
  /** Items written through this connection so far, skipped ones included. */
  readonly written: { readonly attestations: number; readonly heads: number };
}

/** The ledger itself, as its operator sees it. The registry's writes are mined at once. */
export interface FakeLedger {
  readonly domain: Domain;
  readonly hasher: TypedDataHasher;
  connect(): FakeChain;
  /** Mines what waits, or an empty block. */
  mine(): void;
  setAutoMine(on: boolean): void;
  /** Takes the last blocks back; their transactions are lost. */
  rollback(blocks: number): void;
  admit(account: Address): void;
  suspend(member: number): void;
  reinstate(member: number): void;
  remove(member: number): void;
  setParameters(parameters: Parameters): void;
  addNodeKey(member: number, key: Address): void;
  revokeNodeKey(member: number, key: Address): void;
}

const CHAIN_ID = 31_337;
const REGISTRY = `0x${"a1".repeat(20)}` as Address;
const GENESIS_SECONDS = 1_577_836_800;

interface Block {
  readonly ref: BlockRef;
  readonly transactions: readonly contracts.FakeTransaction[];
  readonly events: readonly ChainEvent[];
}

interface Waiting {
  readonly transaction: contracts.FakeTransaction;
  readonly done: (outcome: WriteOutcome) => void;
  readonly failed: (error: unknown) => void;
}

/** Founds a ledger with one block that holds the constructors' events. */
export function createFakeLedger(options: FakeLedgerOptions): FakeLedger {
  const domain: Domain = { chainId: CHAIN_ID, verifyingContract: REGISTRY };
  const hasher = createHasher(domain);
  const connections = new Set<() => void>();
  const anchored = new Map<string, SignedHead>();
  let state = contracts.emptyContracts();
  let autoMine = options.autoMine ?? true;
  let waiting: Waiting[] = [];
  let forks = 0;
  const genesis = { number: 0, hash: hashBlock(new Uint8Array(32), 0, 0), timestamp: GENESIS_SECONDS };
  const blocks: Block[] = [{ ref: genesis, transactions: [], events: [] }];

  const head = () => (blocks.at(-1) as Block).ref;

  const mine = (): void => {
    const parent = head();
    const number = parent.number + 1;
    const timestamp = Math.max(Math.floor(options.clock.nowMs() / 1000), parent.timestamp);
    const batch = waiting;
    waiting = [];
    const transactions: contracts.FakeTransaction[] = [];
    const events: ChainEvent[] = [];
    const answers: (() => void)[] = [];
    for (const { transaction, done, failed } of batch) {
      try {
        const own = transaction(state, { number, timestamp });
        transactions.push(transaction);
        events.push(...own);
        answers.push(() => done({ block: number, skipped: skippedOf(own) }));
      } catch (error) {
        answers.push(() => failed(error));
      }
    }
    blocks.push({
      ref: { number, hash: hashBlock(fromHex(parent.hash), timestamp, forks), timestamp },
      transactions,
      events,
    });
    for (const answer of answers) answer();
    for (const notify of connections) notify();
  };

  const submit = (transaction: contracts.FakeTransaction): Promise<WriteOutcome> => {
    const { promise, resolve: done, reject: failed } = Promise.withResolvers<WriteOutcome>();
    waiting.push({ transaction, done, failed });
    if (autoMine) mine();
    return promise;
  };

  /** Runs alone in a block of its own and throws what it throws. */
  const govern = (transaction: contracts.FakeTransaction): void => {
    const others = waiting;
    let failure: unknown;
    waiting = [{ transaction, done: () => {}, failed: (error) => (failure = error) }];
    mine();
    waiting = others;
    if (failure !== undefined) throw failure;
  };

  govern(contracts.found(options.founders, options.parameters));

  const connect = (): FakeChain => {
    const listeners = new Set<() => void>();
    const written = { attestations: 0, heads: 0 };
    let reachable = true;
    connections.add(() => {
      if (reachable) for (const listener of listeners) listener();
    });
    const contact = async () => {
      if (!reachable) throw new AnamnesisError("chain.unreachable", "the fake chain is out of reach");
    };
    return {
      genesisHash: genesis.hash,
      registry: REGISTRY,
      start: contact,
      async stop() {
        listeners.clear();
      },
      async blindingKeyHash() {
        await contact();
        return options.blindingKeyHash;
      },
      async head() {
        await contact();
        return head();
      },
      async block(number) {
        await contact();
        return blocks[number]?.ref;
      },
      async events(from, to) {
        await contact();
        if (to - from >= 2_000 || from < 0 || to < from) {
          throw new AnamnesisError("input.invalid", `blocks ${from} to ${to} are no page`);
        }
        return blocks.slice(from, to + 1).flatMap((block) => block.events);
      },
      onHead(callback) {
        listeners.add(callback);
        return () => listeners.delete(callback);
      },
      async attest(items) {
        await contact();
        written.attestations += items.length;
        return submit(contracts.attest(items, hasher));
      },
      async anchor(heads) {
        await contact();
        for (const head of heads) anchored.set(`${head.feed}/${head.size}/${head.root}`, head);
        written.heads += heads.length;
        return submit(contracts.anchor(heads, hasher));
      },
      async reportEquivocation(proof) {
        await contact();
        await submit(contracts.reportEquivocation(proof, hasher));
      },
      async anchoredHead(feed, size, block) {
        await contact();
        const event = blocks[block]?.events.find(
          (each) => each.type === "FeedAnchored" && each.feed === feed && each.size === size,
        );
        return event?.type === "FeedAnchored" ? anchored.get(`${feed}/${size}/${event.root}`) : undefined;
      },
      async prove() {
        await contact();
        throw new AnamnesisError("evidence.incomplete", "a ledger in memory has no tries that would prove");
      },
      async header() {
        await contact();
        return undefined;
      },
      async isSignedByContract() {
        await contact();
        return false; // members' accounts are keys here
      },
      expect() {},
      endpoints: () => [{ name: "fake", state: reachable ? "answering" : "away", current: true }],
      senders: () => [],
      setReachable(next) {
        reachable = next;
        if (next) for (const listener of listeners) listener();
      },
      written,
    };
  };

  return {
    domain,
    hasher,
    connect,
    mine,
    setAutoMine(on) {
      autoMine = on;
    },
    rollback(count) {
      blocks.length = Math.max(1, blocks.length - count);
      forks++;
      state = contracts.emptyContracts();
      for (const { ref, transactions } of blocks)
        for (const transaction of transactions) transaction(state, ref);
      for (const notify of connections) notify();
    },
    admit: (account) => govern(contracts.admit(account)),
    suspend: (member) => govern(contracts.setActive(member as MemberNumber, false)),
    reinstate: (member) => govern(contracts.setActive(member as MemberNumber, true)),
    remove: (member) => govern(contracts.remove(member as MemberNumber)),
    setParameters: (parameters) => govern(contracts.setParameters(parameters)),
    addNodeKey: (member, key) => govern(contracts.addNodeKey(member as MemberNumber, key)),
    revokeNodeKey: (member, key) => govern(contracts.revokeNodeKey(member as MemberNumber, key)),
  };
}

function hashBlock(parent: Uint8Array, timestamp: number, fork: number): Bytes32 {
  return toHex(sha256(concat(utf8("fake"), parent, uintBytes(timestamp, 6), uintBytes(fork, 4)))) as Bytes32;
}

function skippedOf(events: readonly ChainEvent[]): WriteOutcome["skipped"] {
  return events.flatMap((e) => (e.type === "Skipped" ? [{ index: e.index, skipCode: e.skipCode }] : []));
}
