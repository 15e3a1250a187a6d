import { toHex } from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { recoverSigner } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Bytes32 } from "@anamnesis/sdk/core/types";
import { Transaction } from "ethers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectRemoteSigner } from "../../../../node/src/adapters/chain/account-remote.ts";
import type { AccountTransaction } from "../../../../node/src/adapters/chain/account-signer.ts";
import { addressOf, keyOf } from "./fixtures.ts";
import { type Fault, type StandIn, startStandIn } from "./stand-in-signer.ts";

const domain = { chainId: 20_261, verifyingContract: addressOf("registry") };
const account = addressOf("member 1");
const TX: AccountTransaction = {
  chainId: 20_261,
  nonce: 7,
  gasPrice: 0,
  gasLimit: 300_000,
  to: addressOf("registry"),
  data: Uint8Array.of(0xca, 0xfe, 0, 1),
};

let standIn: StandIn;
beforeEach(async () => {
  standIn = await startStandIn(keyOf("member 1"), domain.chainId);
});
afterEach(() => standIn.close());

const connect = (timeoutMs = 5000, url = standIn.url) =>
  connectRemoteSigner({ url, account, domain, timeoutMs });

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (isAnamnesisError(error)) return error;
  throw new Error(`refused with ${String(error)}`);
}

describe("a remote signer", () => {
  it.each([false, true])("signs what it is asked to (wrapped: %s)", async (wraps) => {
    standIn.wraps = wraps;
    for (const gasPrice of [0, 1_250_000_000]) {
      const signer = await connect();
      const { raw, hash } = await signer.signTransaction({ ...TX, gasPrice });
      const signed = Transaction.from(raw);
      expect([signed.from?.toLowerCase(), signed.hash, signed.data]).toEqual([account, hash, "0xcafe0001"]);
      expect([signed.type, signed.chainId, signed.nonce, signed.gasPrice]).toEqual([
        0,
        20_261n,
        7,
        BigInt(gasPrice),
      ]);
    }
  });

  it("signs a configuration as typed data", async () => {
    const digest = toHex(keyOf("some file")) as Bytes32;
    const signature = await (await connect()).signConfiguration(digest);
    expect(recoverSigner(createHasher(domain).configuration(digest), signature)).toBe(account);
    standIn.fault = "another key";
    const refused = await refusal((await connect()).signConfiguration(digest));
    expect(refused).toMatchObject({ code: "signer.mismatch" });
  });

  it.each([
    ["holds another account", /does not hold account 0x[0-9a-f]{40} \(it holds 0x5555/],
    ["holds nothing", /does not hold account 0x[0-9a-f]{40} \(it holds none\)/],
  ] satisfies [Fault, RegExp][])("that %s is refused before anything is signed", async (fault, words) => {
    standIn.fault = fault;
    const { code, message } = await refusal(connect());
    expect([code, message]).toEqual(["signer.mismatch", expect.stringMatching(words)]);
    expect(standIn.asked).toEqual(["eth_accounts"]);
  });

  it.each([
    ["another chain", /a transaction with the chain id 20262 instead of 20261/],
    ["another destination", /the destination 0x6666.* instead of 0x/],
    ["other data", /the data 0xcafe0099 instead of 0xcafe0001/],
    ["some value", /the value 1 instead of 0/],
    ["another nonce", /the nonce 8 instead of 7/],
    ["a higher price", /the gas price 1 instead of 0/],
    ["another key", /the signer 0x[0-9a-f]{40} instead of 0x/],
    ["a dynamic fee", /the type 2 instead of 0/],
    ["junk", /gave what is no transaction/],
  ] satisfies [Fault, RegExp][])("that signs %s is told, and nothing is sent", async (fault, words) => {
    const signer = await connect();
    standIn.fault = fault;
    const { code, message } = await refusal(signer.signTransaction(TX));
    expect([code, message]).toEqual(["signer.mismatch", expect.stringMatching(words)]);
    expect(message).toMatch(/nothing was sent/);
    expect(message).not.toContain("\n");
  });

  it.each([
    ["refuses", /it says "Signing from is not an unlocked account"/],
    ["HTTP 500", /HTTP 500/],
    ["no JSON", /no JSON-RPC answer/],
    ["a long answer", /no JSON-RPC answer/],
    ["hangs up", /did not answer eth_signTransaction/],
    ["hangs", /no answer within 200 ms/],
  ] satisfies [Fault, RegExp][])("that %s is unreachable", async (fault, words) => {
    const signer = await connect(fault === "hangs" ? 200 : 5000);
    standIn.fault = fault;
    const { code, message } = await refusal(signer.signTransaction(TX));
    expect([code, message]).toEqual(["signer.unreachable", expect.stringMatching(words)]);
  });

  it("that is not there is unreachable, and the password in its address is not told", async () => {
    const url = `${standIn.url.replace("http://", "http://operator:hunter2@")}/`;
    await standIn.close();
    const refused = await refusal(connect(2000, url));
    expect(refused).toMatchObject({ code: "signer.unreachable" });
    expect(`${refused.message} ${JSON.stringify(refused.details)}`).not.toContain("hunter2");
    standIn = await startStandIn(keyOf("member 1"), domain.chainId);
  });
});
