/** Several chain nodes for one chain, some away, some of another chain, some that lie. */
import type { Address, Bytes32, Hex } from "@anamnesis/sdk/core/types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEndpoints } from "../../../../node/src/adapters/chain/endpoints.ts";
import { createEthersChain } from "../../../../node/src/adapters/chain/ethers-chain.ts";
import type { RpcLog } from "../../../../node/src/adapters/chain/events.ts";
import type { Chain } from "../../../../node/src/ports.ts";
import { callRpc } from "../../../../scripts/consortium/rpc.ts";
import { createTestLog } from "../../chain-world.ts";
import { makeRealConsortium, SILENT, type TestConsortium } from "./consortium.ts";
import { addressOf, keyOf, node, sign, signHead } from "./fixtures.ts";
import { type Impostor, type Lie, startImpostor } from "./impostor.ts";

let c: TestConsortium;
let closers: (() => Promise<void>)[] = [];
/** A block with an attestation, and the head after it. */
let written: number;
let last: number;

beforeAll(async () => {
  const [consortium, close] = await makeRealConsortium();
  c = consortium;
  closers = [close];
  const chain = await c.connect("relay");
  written = (await chain.attest([sign(c.hasher, node(1))])).block;
  await chain.anchor([signHead(c.hasher, node(1), 3)]);
  last = (await chain.head()).number;
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

async function proxy(lie?: Lie): Promise<Impostor> {
  const made = await startImpostor(c.anvil.url, lie);
  closers.push(made.close);
  return made;
}

async function connect(urls: readonly string[], more: object = {}): Promise<Chain> {
  const chain = createEthersChain({
    urls,
    consortium: c.consortium,
    senders: [keyOf("second relay"), keyOf("third relay")],
    log: SILENT,
    pollMs: 20,
    timeoutMs: 2_000,
    ...more,
  });
  closers.push(() => chain.stop());
  return chain;
}

const states = (chain: Chain) => chain.endpoints().map(({ state }) => state);

describe("fail-over", () => {
  it("leaves a node of another chain out and names it, and goes on at the next", async () => {
    const log = createTestLog();
    for (const [lie, why] of [
      [(method: string, answer: unknown) => (method === "eth_chainId" ? "0x1" : answer), /chain id is 1,/],
      [
        (method: string, answer: unknown, [block]: readonly unknown[]) =>
          method === "eth_getBlockByNumber" && block === "0x0"
            ? { ...(answer as object), hash: `0x${"11".repeat(32)}` }
            : answer,
        /genesis hash is/,
      ],
      [
        (method: string, answer: unknown) => (method === "eth_getCode" ? "0x6001" : answer),
        /code hash of the registry/,
      ],
    ] as const) {
      const foreign = await proxy(lie);
      const chain = await connect([foreign.url, c.anvil.url], { log });
      await chain.start();
      expect((await chain.head()).number).toBeGreaterThanOrEqual(last);
      expect(chain.endpoints()).toMatchObject([
        {
          name: new URL(foreign.url).host,
          state: "excluded",
          current: false,
          reason: expect.stringMatching(why),
        },
        { state: "answering", current: true },
      ]);
      expect(log.lines).toContainEqual({
        event: "chain.endpoint",
        fields: expect.objectContaining({ state: "excluded" }),
      });
    }
  });

  it("stays where it went, and says chain.mismatch when nobody is left", async () => {
    const first = await proxy();
    const second = await proxy();
    const chain = await connect([first.url, second.url]);
    await chain.start();
    first.away = true;
    await chain.head();
    expect(states(chain)).toEqual(["away", "answering"]);
    first.away = false;
    await chain.head();
    expect(chain.endpoints()[1]).toMatchObject({ current: true });
    second.lie = (method, answer) => (method === "eth_chainId" ? "0x2" : answer);
    first.lie = second.lie;
    second.away = true; // contact is lost: both are looked at again
    await expect(chain.head()).rejects.toMatchObject({ code: "chain.unreachable" });
    second.away = false;
    await expect(chain.head()).rejects.toMatchObject({ code: "chain.mismatch" });
  });

  it("tries the preferred one again after a while, but not while it is behind", async () => {
    let now = 0;
    const blocks = new Map([
      ["http://a:1", 5],
      ["http://b:2", 9],
    ]);
    const endpoints = createEndpoints([...blocks.keys()], {
      monotonicMs: () => now,
      ask: async ({ url }) => `0x${blocks.get(url)?.toString(16)}`,
    });
    const [a, b] = endpoints.inOrder();
    endpoints.failed(a!, new Error("away"));
    endpoints.answered(b!);
    now += 31_000;
    endpoints.answered(b!);
    await endpoints.choose();
    expect(endpoints.current().name).toBe("b:2");
    blocks.set("http://a:1", 8);
    await endpoints.choose();
    expect(endpoints.current().name).toBe("a:1");
  });

  it("leaves a node that stands still while another goes on", async () => {
    const frozen = await proxy();
    const chain = await connect([frozen.url, c.anvil.url], { stalledMs: 200 });
    await chain.start();
    const { number } = await chain.head();
    const block = await fetchBlock(number);
    frozen.lie = (method, answer, [tag]) => {
      if (method === "eth_blockNumber") return `0x${number.toString(16)}`;
      return method === "eth_getBlockByNumber" && tag === "latest" ? block : answer;
    };
    const further = Promise.withResolvers<void>();
    chain.onHead(() => void chain.head().then((head) => head.number > number + 2 && further.resolve()));
    for (let i = 0; i < 4; i++) await c.anvil.mine();
    await further.promise;
    expect(chain.endpoints()[1]).toMatchObject({ current: true });
  });

  it("reads pages as wide as the node gives them", async () => {
    const narrow = await proxy((method, answer, [filter]) => {
      const { fromBlock, toBlock } = (filter ?? {}) as { fromBlock?: string; toBlock?: string };
      if (method === "eth_getLogs" && Number(toBlock) - Number(fromBlock) >= 3)
        throw new Error("Requested range exceeds maximum range limit");
      return answer;
    });
    const chain = await connect([narrow.url], { check: false });
    const direct = await connect([c.anvil.url]);
    expect(await chain.events(0, last)).toEqual(await direct.events(0, last));
  });

  it("spreads transactions over its accounts", async () => {
    const chain = await connect([c.anvil.url]);
    await chain.start();
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => chain.attest([sign(c.hasher, node(2))])),
    );
    expect(outcomes.flatMap(({ skipped }) => skipped)).toEqual([]);
    expect(chain.senders()).toHaveLength(2);
    for (const name of ["second relay", "third relay"]) expect(await countOf(name)).toBeGreaterThanOrEqual(2);
  });

  it("pays a base fee where there is one, by EIP-1559, and says which account cannot", async () => {
    const [own, stop] = await makeRealConsortium();
    closers.push(stop);
    const options = { consortium: own.consortium, timeoutMs: 2_000 };
    await callRpc(own.anvil.url, "anvil_setBalance", [addressOf("rich relay"), "0xde0b6b3a7640000"]);
    await callRpc(own.anvil.url, "anvil_setNextBlockBaseFeePerGas", ["0x3b9aca00"]);
    await own.anvil.mine();
    const rich = await connect([own.anvil.url], { ...options, senders: [keyOf("rich relay")] });
    const { block } = await rich.attest([sign(own.hasher, node(1))]);
    const { transactions, baseFeePerGas } = (await callRpc(own.anvil.url, "eth_getBlockByNumber", [
      `0x${block.toString(16)}`,
      true,
    ])) as { transactions: { type: string; gasPrice: string }[]; baseFeePerGas: string };
    expect(Number(baseFeePerGas)).toBeGreaterThan(0);
    expect(transactions).toContainEqual(expect.objectContaining({ type: "0x2" }));
    const poor = await connect([own.anvil.url], { ...options, senders: [keyOf("poor relay")] });
    await expect(poor.attest([sign(own.hasher, node(1))])).rejects.toMatchObject({
      code: "chain.unreachable",
      message: expect.stringContaining(`account ${addressOf("poor relay")} cannot pay for gas`),
    });
  });

  it("finds the signed head of an anchoring in the transaction that carried it", async () => {
    const chain = await connect([c.anvil.url]);
    const head = signHead(c.hasher, node(1), 3);
    const anchoring = (await chain.events(0, last)).find((event) => event.type === "FeedAnchored")!;
    expect(await chain.anchoredHead(head.feed, 3, anchoring.block)).toEqual(head);
    expect(await chain.anchoredHead(head.feed, 4, anchoring.block)).toBeUndefined();
  });

  it("asks a contract whether a signature is its own, as it stood at a block", async () => {
    const chain = await connect([c.anvil.url]);
    const [wallet, odd] = [addressOf("wallet"), addressOf("odd wallet")];
    // Calls its own whatever begins with the digest, and reverts otherwise.
    const code = "0x60043560643514600e57600080fd5b631626ba7e60e01b60005260206000f3";
    await callRpc(c.anvil.url, "anvil_setCode", [wallet, code]);
    await callRpc(c.anvil.url, "anvil_setCode", [odd, "0x600160005260206000f3"]); // true is no answer
    await c.anvil.mine();
    const { number } = await chain.head();
    const digest = `0x${"ab".repeat(32)}` as Bytes32;
    const ask = (account: Address, signature: string, block = number) =>
      chain.isSignedByContract(account, digest, signature as Hex, block);
    expect(await ask(wallet, `${digest}00`)).toBe(true);
    expect(await ask(wallet, `0x${"cd".repeat(65)}`)).toBe(false);
    expect(await ask(wallet, "0x")).toBe(false);
    expect(await ask(odd, `${digest}00`)).toBe(false);
    expect(await ask(addressOf("an account without code"), `${digest}00`)).toBe(false);
    expect(await ask(wallet, `${digest}00`, 0)).toBe(false); // not there yet
    await expect(ask(wallet, `${digest}00`, number + 1_000)).rejects.toMatchObject({
      code: "chain.reverted",
    });
  });
});

describe("a node that lies", () => {
  const turned = (hex: string) => `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}`;
  const isBlock = (method: string, answer: unknown, number: number): answer is Record<string, string> =>
    method === "eth_getBlockByNumber" && Number((answer as { number: string }).number) === number;

  it.each<[string, Lie, RegExp]>([
    [
      "withholds an event",
      (method, answer) => (method === "eth_getLogs" ? [] : answer),
      /0 logs are given, its receipts prove/,
    ],
    [
      "changes an event",
      (method, answer) =>
        method === "eth_getLogs"
          ? (answer as RpcLog[]).map((log) => ({ ...log, data: turned(log.data) }))
          : answer,
      /withheld, invented or changed/,
    ],
    [
      "repeats an event",
      (method, answer) =>
        method === "eth_getLogs" ? (answer as RpcLog[]).flatMap((log) => [log, log]) : answer,
      /logs are given, its receipts prove/,
    ],
    [
      "gives logs of other blocks",
      (method, answer) =>
        method === "eth_getLogs"
          ? (answer as RpcLog[]).map((log) => ({ ...log, blockNumber: "0x1" }))
          : answer,
      /were asked for, one of block 0x1 is given/,
    ],
    [
      "gives logs of another address",
      (method, answer) =>
        method === "eth_getLogs"
          ? (answer as RpcLog[]).map((log) => ({ ...log, address: `0x${"77".repeat(20)}` }))
          : answer,
      /one of 0x7777/,
    ],
    [
      "gives a header that is not the block's",
      (method, answer) =>
        isBlock(method, answer, written) ? { ...answer, stateRoot: turned(answer.stateRoot!) } : answer,
      /its header hashes to/,
    ],
    [
      "gives receipts that are not the block's",
      (method, answer) =>
        method === "eth_getBlockReceipts"
          ? (answer as object[]).map((receipt) => ({ ...receipt, status: "0x0" }))
          : answer,
      /its receipts give the root/,
    ],
    [
      "gives another block than was asked for",
      (method, answer) =>
        isBlock(method, answer, written) ? { ...answer, number: `0x${(written - 1).toString(16)}` } : answer,
      /is given|hashes to/,
    ],
  ])("%s: noticed, named, and left for the next", async (_name, lie, why) => {
    const liar = await proxy();
    const alone = await connect([liar.url]);
    await alone.start();
    liar.lie = lie;
    await expect(alone.events(written, written)).rejects.toMatchObject({
      code: "chain.contradiction",
      message: expect.stringMatching(why),
    });
    expect(alone.endpoints()[0]).toMatchObject({ state: "excluded", reason: expect.stringMatching(why) });

    const chain = await connect([liar.url, c.anvil.url]);
    await expect(chain.events(written, written)).rejects.toMatchObject({ code: "chain.contradiction" });
    expect(await chain.events(written, written)).toEqual(
      await (await connect([c.anvil.url])).events(written, written),
    );
  });

  it("links a block to another parent: noticed by the hash of its parent", async () => {
    const liar = await proxy();
    const chain = await connect([liar.url]);
    await chain.start();
    const other = await fetchBlock(1);
    liar.lie = (method, answer) =>
      isBlock(method, answer, written - 1) ? { ...(other as object), number: answer.number } : answer;
    await expect(chain.events(written, written)).rejects.toMatchObject({ code: "chain.contradiction" });
  });

  it.each<[string, (receipt: Record<string, unknown>) => object]>([
    ["says that a transaction failed", (receipt) => ({ ...receipt, status: "0x0" })],
    ["leaves out a receipt's logs", (receipt) => ({ ...receipt, logs: [] })],
    ["puts a receipt into another block", (receipt) => ({ ...receipt, blockHash: `0x${"22".repeat(32)}` })],
    [
      "gives another transaction's receipt",
      (receipt) => ({ ...receipt, transactionHash: `0x${"33".repeat(32)}` }),
    ],
  ])("%s: not believed, and the next node's word is taken", async (_name, change) => {
    const liar = await proxy((method, answer) =>
      method === "eth_getTransactionReceipt" && answer !== null
        ? change(answer as Record<string, unknown>)
        : answer,
    );
    const log = createTestLog();
    const chain = await connect([liar.url, c.anvil.url], { log });
    await chain.start();
    const item = sign(c.hasher, node(3));
    const outcome = chain.attest([item]);
    if (_name.startsWith("gives another")) {
      // Nothing in the block contradicts it: it is not believed, and asked again until it tells the truth.
      await untilLogged(log, "chain.contradiction");
      liar.lie = undefined;
    }
    expect((await outcome).skipped).toEqual([]);
    expect(log.lines.map(({ event }) => event)).toContain("chain.contradiction");
  });
});

async function untilLogged(log: ReturnType<typeof createTestLog>, event: string): Promise<void> {
  while (!log.lines.some((line) => line.event === event))
    await new Promise((resolve) => setTimeout(resolve, 5));
}

async function ask(method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(c.anvil.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  return ((await response.json()) as { result: unknown }).result;
}

const fetchBlock = (number: number) => ask("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]);

async function countOf(name: string): Promise<number> {
  return Number(await ask("eth_getTransactionCount", [addressOf(name), "latest"]));
}
