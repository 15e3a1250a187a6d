import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import { Transaction } from "ethers";
import { describe, expect, it } from "vitest";
import { createSender } from "../../../../node/src/adapters/chain/sender.ts";
import { createSenders } from "../../../../node/src/adapters/chain/senders.ts";
import type { InFlight, InFlightBook } from "../../../../node/src/ports.ts";
import { addressOf, keyOf } from "./fixtures.ts";

const TO = addressOf("contract");

/** A node's pool as a sender sees it: which nonces are mined, taken or refused. */
class ScriptedRpc {
  mined = 0;
  /** What the pool would take the next transaction for. */
  pending = 0;
  /** Nonces that a stranded transaction of ours occupies. */
  readonly occupied = new Set<number>();
  readonly pool = new Map<string, number>();
  readonly receipts = new Map<string, object>();
  readonly sent: number[] = [];
  /** Mines whatever is executable at every look for a receipt. */
  mining = true;
  status = "0x1";
  gasPrice = "0x0";
  baseFee: string | undefined;
  onLook = () => {};

  call = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    if (method === "eth_gasPrice") return this.gasPrice;
    if (method === "eth_getBlockByNumber") return { baseFeePerGas: this.baseFee };
    if (method === "eth_call") return "0x";
    if (method === "eth_estimateGas") return "0x5208";
    if (method === "eth_getTransactionCount")
      return `0x${(params[1] === "pending" ? Math.max(this.mined, this.pending) : this.mined).toString(16)}`;
    if (method === "eth_sendRawTransaction") return this.accept(Transaction.from(params[0] as string));
    if (method !== "eth_getTransactionReceipt") throw new Error(method);
    this.onLook();
    if (this.mining) this.mine();
    return this.receipts.get(params[0] as string) ?? null;
  };

  close(): void {}

  mine(): void {
    for (let found = true; found; ) {
      found = false;
      if (this.occupied.delete(this.mined)) {
        this.mined++;
        found = true;
      }
      for (const [hash, nonce] of this.pool) {
        if (nonce !== this.mined) continue;
        this.receipts.set(hash, { transactionHash: hash, blockNumber: "0x7", status: this.status, logs: [] });
        this.pool.delete(hash);
        this.mined++;
        found = true;
      }
    }
  }

  private accept(tx: Transaction): string {
    const refuse = (why: string) => new AnamnesisError("chain.reverted", `the chain refused: ${why}`);
    if (this.pool.has(tx.hash as string)) throw refuse("transaction already imported");
    if (tx.nonce < this.mined) throw refuse("nonce too low");
    if (this.occupied.has(tx.nonce)) throw refuse("replacement transaction underpriced");
    this.sent.push(tx.nonce);
    this.pool.set(tx.hash as string, tx.nonce);
    return tx.hash as string;
  }
}

describe("sender", () => {
  const make = (minedTimeoutMs = 10_000) => {
    const rpc = new ScriptedRpc();
    const sender = createSender(rpc, keyOf("payer"), 1, 0, minedTimeoutMs);
    const send = (data = 1, to: Address | null = TO) =>
      sender.send(to, Uint8Array.of(data), new AbortController().signal, 100_000);
    return { rpc, sender, send };
  };

  it("numbers what it sends at once in a row", async () => {
    const { rpc, send } = make();
    rpc.mined = 5;
    const mined = await Promise.all([1, 2, 3].map((n) => send(n)));
    expect(mined.map((m) => m.block)).toEqual([7, 7, 7]);
    expect(rpc.sent).toEqual([5, 6, 7]);
  });

  it("passes over nonces that stranded transactions occupy, which the gap then sets free", async () => {
    const { rpc, send } = make();
    rpc.mined = 3;
    for (const nonce of [4, 5]) rpc.occupied.add(nonce);
    await send(1);
    await send(2);
    expect(rpc.sent).toEqual([3, 6]);
  });

  it("takes the same bytes in the pool for its own and waits for them", async () => {
    const { rpc, send } = make();
    rpc.mining = false;
    const controller = new AbortController();
    const sender = createSender(rpc, keyOf("payer"), 1, 0, 10_000); // of a process that died since
    const first = sender.send(TO, Uint8Array.of(1), controller.signal, 100_000);
    rpc.onLook = () => controller.abort();
    await expect(first).rejects.toMatchObject({ code: "chain.unreachable" });
    rpc.onLook = () => {};
    rpc.mining = true;
    await expect(send(1)).resolves.toMatchObject({ block: 7 });
    expect(rpc.sent).toEqual([0]);
  });

  it("reads its nonce again when a rollback set it back, and gives up what the rollback stranded", async () => {
    const { rpc, send } = make();
    for (let n = 0; n < 6; n++) await send(n);
    rpc.mining = false;
    const stranded = send(6);
    rpc.onLook = () => {
      rpc.mined = 2;
    };
    await expect(stranded).rejects.toMatchObject({ code: "chain.unreachable" });
    rpc.onLook = () => {};
    rpc.mining = true;
    await expect(send(7)).resolves.toMatchObject({ block: 7 });
    expect(rpc.sent).toEqual([0, 1, 2, 3, 4, 5, 6, 2]);
  });

  it("gives up what another transaction displaced, and what is not mined in time", async () => {
    const displaced = make();
    displaced.rpc.mining = false;
    displaced.rpc.onLook = () => {
      displaced.rpc.mined = 9;
    };
    await expect(displaced.send()).rejects.toMatchObject({ code: "chain.unreachable" });
    const slow = make(0);
    slow.rpc.mining = false;
    await expect(slow.send()).rejects.toMatchObject({ code: "chain.unreachable", details: { nonce: 0 } });
  });

  const makeBook = () => {
    const rows = new Map<string, InFlight>();
    const book: InFlightBook = {
      all: () => [...rows.values()],
      put: async (row) => void rows.set(`${row.sender}/${row.nonce}`, row),
      drop: async (sender, nonce) => void rows.delete(`${sender}/${nonce}`),
    };
    return { rows, book };
  };
  const signal = new AbortController().signal;
  const bytesOf = (rpc: ScriptedRpc) => {
    const raws: string[] = [];
    const { call } = rpc;
    rpc.call = async (method, params) => {
      if (method === "eth_sendRawTransaction") raws.push(params[0] as string);
      return call(method, params);
    };
    return raws;
  };

  it("sends the same bytes again after it was killed between signing and sending", async () => {
    const rpc = new ScriptedRpc();
    const { rows, book } = makeBook();
    const killed = Promise.withResolvers<never>();
    const dying = {
      call: (method: string, params: readonly unknown[]) =>
        method === "eth_sendRawTransaction" ? killed.promise : rpc.call(method, params),
    };
    void createSender(dying, keyOf("payer"), 1, 0, 10_000, { book }).send(
      TO,
      Uint8Array.of(1),
      signal,
      100_000,
    );
    while (rows.size === 0) await new Promise((resolve) => setImmediate(resolve));
    const raws = bytesOf(rpc);
    const next = createSender(rpc, keyOf("payer"), 1, 0, 10_000, { book });
    expect(next.status().waiting).toBe(1);
    await next.tend();
    expect(raws).toEqual([...rows.values()].flatMap((row) => row.raws));
    await next.send(TO, Uint8Array.of(2), signal, 100_000);
    expect(rpc.sent).toEqual([0, 1]);
    await next.tend();
    expect(rpc.mined).toBe(2);
  });

  it("sends nothing twice after it was killed between sending and the receipt", async () => {
    const rpc = new ScriptedRpc();
    rpc.mining = false;
    const { rows, book } = makeBook();
    void createSender(rpc, keyOf("payer"), 1, 0, 10_000, { book }).send(
      TO,
      Uint8Array.of(1),
      signal,
      100_000,
    );
    while (rpc.sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const next = createSender(rpc, keyOf("payer"), 1, 0, 10_000, { book, resendMs: 0 });
    await next.tend(); // already known
    expect(rpc.sent).toEqual([0]);
    rpc.mining = true;
    rpc.mine();
    await next.tend();
    expect([next.status().waiting, rows.size]).toEqual([0, 0]);
  });

  it("goes behind what the pool still holds after a power cut took its book", async () => {
    const { rpc, send } = make();
    rpc.mined = 2;
    rpc.pending = 4;
    for (const nonce of [2, 3]) rpc.occupied.add(nonce);
    await send();
    expect(rpc.sent).toEqual([4]);
  });

  it("keeps its bytes while nobody answers, and sends the same ones when somebody does", async () => {
    const rpc = new ScriptedRpc();
    const raws = bytesOf(rpc);
    const { call } = rpc;
    let away = true;
    rpc.call = async (method, params) => {
      if (away && method === "eth_sendRawTransaction") {
        raws.push(params[0] as string);
        throw new AnamnesisError("chain.unreachable", "nobody");
      }
      return call(method, params);
    };
    const sender = createSender(rpc, keyOf("payer"), 1, 0, 10_000, { resendMs: 0 });
    const sent = sender.send(TO, Uint8Array.of(1), signal, 100_000);
    rpc.onLook = () => {
      away = false;
    };
    await sent;
    expect(new Set(raws).size).toBe(1);
    expect(raws.length).toBeGreaterThan(1);
  });

  it("adds nothing behind sixteen that wait", async () => {
    const rpc = new ScriptedRpc();
    rpc.mining = false;
    const sender = createSender(rpc, keyOf("payer"), 1, 0, 0);
    for (let n = 0; n < 16; n++)
      await expect(sender.send(TO, Uint8Array.of(n), signal, 100_000)).rejects.toMatchObject({
        code: "chain.unreachable",
        details: { nonce: n },
      });
    await expect(sender.send(TO, Uint8Array.of(99), signal, 100_000)).rejects.toThrow(/16 transactions/);
    expect(rpc.sent).toHaveLength(16);
  });

  it("believes no receipt of another transaction, and none that its block does not prove", async () => {
    const rpc = new ScriptedRpc();
    const { call } = rpc;
    rpc.call = async (method, params) => {
      const answer = await call(method, params);
      if (method !== "eth_getTransactionReceipt" || answer === null) return answer;
      return { ...(answer as object), transactionHash: `0x${"00".repeat(32)}` };
    };
    const sender = createSender(rpc, keyOf("payer"), 1, 0, 20);
    await expect(sender.send(TO, Uint8Array.of(1), signal, 100_000)).rejects.toMatchObject({
      code: "chain.unreachable",
    });
    const honest = new ScriptedRpc();
    let doubts = 0;
    const doubting = createSender(honest, keyOf("payer"), 1, 0, 10_000, {
      doubt: async () => (++doubts < 3 ? "not in its block" : undefined),
    });
    await expect(doubting.send(TO, Uint8Array.of(1), signal, 100_000)).resolves.toMatchObject({ block: 7 });
  });

  it("offers twice the base fee and the producer's share where there is one", async () => {
    const { rpc, send } = make();
    const raws = bytesOf(rpc);
    rpc.baseFee = "0x64";
    rpc.gasPrice = "0x6e";
    await send();
    const tx = Transaction.from(raws[0] as string);
    expect([tx.type, tx.maxFeePerGas, tx.maxPriorityFeePerGas]).toEqual([2, 210n, 10n]);
  });

  it("raises its offer for the same call when the base fee has left it behind, and never otherwise", async () => {
    const rpc = new ScriptedRpc();
    const raws = bytesOf(rpc);
    rpc.mining = false;
    rpc.baseFee = "0x64";
    rpc.gasPrice = "0x64";
    const sender = createSender(rpc, keyOf("payer"), 1, 0, 10_000, { resendMs: 0 });
    let looks = 0;
    rpc.onLook = () => {
      looks++;
      if (looks === 5) rpc.baseFee = rpc.gasPrice = "0x3e8";
      if (looks === 12) rpc.mining = true;
    };
    await sender.send(TO, Uint8Array.of(1), signal, 100_000);
    const offers = [...new Set(raws)].map((raw) => Transaction.from(raw));
    expect(offers.map((tx) => [tx.nonce, tx.data, tx.maxFeePerGas])).toEqual([
      [0, "0x01", 200n],
      [0, "0x01", 2000n],
    ]);
    expect(sender.status().waiting).toBe(0);
  });

  it("says that a mined transaction failed", async () => {
    const { rpc, send } = make();
    rpc.status = "0x0";
    await expect(send()).rejects.toMatchObject({ code: "chain.reverted" });
  });

  it("offers a quarter more than the price of gas, and nothing where gas is free", async () => {
    const { rpc, send } = make();
    const prices: (bigint | null)[] = [];
    const call = rpc.call;
    rpc.call = async (method, params) => {
      if (method === "eth_sendRawTransaction") prices.push(Transaction.from(params[0] as string).gasPrice);
      return call(method, params);
    };
    const sender = createSender(rpc, keyOf("payer"), 1, 0, 10_000);
    await sender.send(TO, Uint8Array.of(1), new AbortController().signal, 100_000);
    rpc.gasPrice = "0x64";
    await sender.send(null, Uint8Array.of(1), new AbortController().signal);
    expect(prices).toEqual([0n, 125n]);
    await send(9);
  });
});

describe("several senders", () => {
  it("share the work, and one that is stuck stops none of the others", async () => {
    const given: number[] = [];
    const fake = (index: number, stuckSeconds: number) => ({
      address: addressOf(`payer ${index}`),
      send: async () => {
        given.push(index);
        return { block: 1, logs: [] };
      },
      tend: async () => {},
      status: () => ({
        address: addressOf(`payer ${index}`),
        waiting: stuckSeconds > 0 ? 3 : 0,
        stuckSeconds,
      }),
    });
    const senders = createSenders([fake(0, 0), fake(1, 30), fake(2, 0)]);
    for (let i = 0; i < 6; i++) await senders.send(TO, Uint8Array.of(1), new AbortController().signal);
    expect(given.filter((index) => index === 1)).toEqual([]);
    expect(new Set(given)).toEqual(new Set([0, 2]));
    const all = createSenders([fake(0, 20), fake(1, 30)]);
    await all.send(TO, Uint8Array.of(1), new AbortController().signal);
    await expect(
      createSenders([]).send(TO, Uint8Array.of(1), new AbortController().signal),
    ).rejects.toMatchObject({ code: "chain.unreachable" });
  });
});
