import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import { Transaction } from "ethers";
import { describe, expect, it } from "vitest";
import { createSender } from "../../../../node/src/adapters/chain/sender.ts";
import { addressOf, keyOf } from "./fixtures.ts";

const TO = addressOf("contract");

/** A node's pool as a sender sees it: which nonces are mined, taken or refused. */
class ScriptedRpc {
  mined = 0;
  /** Nonces that a stranded transaction of ours occupies. */
  readonly occupied = new Set<number>();
  readonly pool = new Map<string, number>();
  readonly receipts = new Map<string, { blockNumber: string; status: string; logs: never[] }>();
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
    if (method === "eth_getTransactionCount") return `0x${this.mined.toString(16)}`;
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
        this.receipts.set(hash, { blockNumber: "0x7", status: this.status, logs: [] });
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
