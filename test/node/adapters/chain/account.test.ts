/** The member account on a real chain: with a key here or elsewhere, with gas free or priced. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Hex } from "@anamnesis/sdk/core/types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REGISTRY } from "../../../../node/src/adapters/chain/abi.ts";
import { createMemberAccount } from "../../../../node/src/adapters/chain/account.ts";
import { connectRemoteSigner } from "../../../../node/src/adapters/chain/account-remote.ts";
import { type AccountSigner, createKeySigner } from "../../../../node/src/adapters/chain/account-signer.ts";
import type { Rpc } from "../../../../node/src/adapters/chain/rpc.ts";
import { possessionOf, readRegistry } from "../../../../scripts/consortium/registry.ts";
import { callRpc } from "../../../../scripts/consortium/rpc.ts";
import { account, makeRealConsortium, type TestConsortium } from "./consortium.ts";
import { addressOf, keyOf } from "./fixtures.ts";
import { startStandIn } from "./stand-in-signer.ts";

let c: TestConsortium;
let close: () => Promise<void>;
let sent: string[];

beforeAll(async () => {
  [c, close] = await makeRealConsortium();
  sent = [];
});
afterAll(() => close());

/** The chain as it is, but what is sent is noted. */
const rpc: Rpc = {
  async call(method, params) {
    if (method === "eth_sendRawTransaction") sent.push(String(params[0]));
    const { createRpc } = await import("../../../../node/src/adapters/chain/rpc.ts");
    const real = createRpc([c.anvil.url], 5000);
    try {
      return await real.call(method, params);
    } finally {
      real.close();
    }
  },
  close() {},
} as Rpc;

const accountOf = (signer: AccountSigner, minedTimeoutMs?: number) =>
  createMemberAccount(rpc, signer, {
    chainId: c.consortium.chainId,
    pollMs: 10,
    ...(minedTimeoutMs !== undefined && { minedTimeoutMs }),
  });
const keySigner = (name: string) => createKeySigner(keyOf(name), c.hasher);

const addition = (member: string, key: string): [Address, Hex] => [
  c.consortium.registry,
  REGISTRY.encodeFunctionData("addNodeKey", possessionOf(c.place, addressOf(member), account(key))) as Hex,
];
const memberOf = async (key: string) => {
  const [held] = (await readRegistry(c.place, "nodeKey", [addressOf(key)])) as unknown as [
    { member: bigint },
  ];
  return Number(held.member);
};

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (isAnamnesisError(error)) return error;
  throw new Error(`refused with ${String(error)}`);
}

describe("a member account", () => {
  it("adds its key where gas is free, from an account that never had anything", async () => {
    expect(
      BigInt(String(await callRpc(c.anvil.url, "eth_getBalance", [addressOf("member 1"), "latest"]))),
    ).toBe(0n);
    const { block, hash } = await accountOf(keySigner("member 1")).send(...addition("member 1", "new 1"));
    expect(await memberOf("new 1")).toBe(1);
    const receipt = (await callRpc(c.anvil.url, "eth_getTransactionReceipt", [hash])) as {
      blockNumber: string;
    };
    expect(Number(receipt.blockNumber)).toBe(block);
  });

  it("does the same behind a signer", async () => {
    const standIn = await startStandIn(keyOf("member 2"), c.consortium.chainId);
    try {
      const signer = await connectRemoteSigner({
        url: standIn.url,
        account: addressOf("member 2"),
        domain: { chainId: c.consortium.chainId, verifyingContract: c.consortium.registry },
      });
      await accountOf(signer).send(...addition("member 2", "new 2"));
      expect(await memberOf("new 2")).toBe(2);
      standIn.fault = "other data";
      const before = sent.length;
      const refused = await refusal(accountOf(signer).send(...addition("member 2", "new 3")));
      expect(refused).toMatchObject({ code: "signer.mismatch" });
      expect(sent.length).toBe(before);
    } finally {
      await standIn.close();
    }
  });

  it("gives up waiting, and says which transaction to look for", async () => {
    const waited = await refusal(accountOf(keySigner("member 4"), 0).send(...addition("member 4", "new 6")));
    expect(waited).toMatchObject({ code: "chain.unreachable" });
    expect(waited.message).toMatch(/transaction 0x[0-9a-f]{64} was sent and not mined/);
  });

  it("pays where gas has a price, and says how much is missing", async () => {
    const member = accountOf(keySigner("member 3"));
    const dear = () => callRpc(c.anvil.url, "anvil_setNextBlockBaseFeePerGas", ["0x3b9aca00"]);
    await dear();
    await c.anvil.mine();
    await dear();
    const poor = await refusal(member.send(...addition("member 3", "new 4")));
    expect(poor).toMatchObject({ code: "chain.reverted" });
    expect(poor.message).toMatch(
      /^account 0x[0-9a-f]{40} holds 0 wei and the call may cost [1-9]\d{13,}; send/,
    );

    await callRpc(c.anvil.url, "anvil_setBalance", [
      addressOf("member 3"),
      toHex(Uint8Array.of(0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0, 0)),
    ]);
    await dear();
    await member.send(...addition("member 3", "new 4"));
    expect(await memberOf("new 4")).toBe(3);
    const left = BigInt(
      String(await callRpc(c.anvil.url, "eth_getBalance", [addressOf("member 3"), "latest"])),
    );
    expect(left).toBeLessThan(10n ** 18n);
  });

  it("sends nothing that the contract would refuse, and gives its reason", async () => {
    const before = sent.length;
    const refused = await refusal(accountOf(keySigner("stranger")).send(...addition("stranger", "new 5")));
    expect(refused).toMatchObject({ code: "chain.reverted", details: { error: "MemberRegistryNotMember" } });
    const borrowed = addition("member 2", "new 5");
    const unproved = await refusal(accountOf(keySigner("member 1")).send(...borrowed));
    expect(unproved.details.error).toBe("MemberRegistryKeyNotPossessed");
    expect(sent.length).toBe(before);
  });
});
