/**
 * A consortium on anvil that is governed by its members' votes, and machines of members that have the
 * command line, a keystore and consortium.json, but no plant.
 */
import { join } from "node:path";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import type { Address, Bytes32, Hex, Parameters } from "@anamnesis/sdk/core/types";
import { getCreateAddress } from "ethers";
import { createRpc } from "../../../node/src/adapters/chain/rpc.ts";
import { createSender } from "../../../node/src/adapters/chain/sender.ts";
import { writeKeystore } from "../../../node/src/adapters/keys/keystore.ts";
import { writeSecret } from "../../../node/src/adapters/keys/private-file.ts";
import type { Account } from "../../../scripts/consortium/accounts.ts";
import { type Anvil, startAnvil } from "../../../scripts/consortium/anvil.ts";
import { type Consortium, deployConsortium } from "../../../scripts/consortium/deploy.ts";
import { account } from "../adapters/chain/consortium.ts";
import { runInProcess } from "./in-process.ts";
import type { Outcome } from "./run.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const PASSWORD = "correct horse";

export interface Governed {
  readonly anvil: Anvil;
  readonly directory: string;
  readonly consortium: Consortium;
  /** Runs the command as member n, with its keystore. */
  as(member: number, ...args: string[]): Promise<Outcome>;
  /** Runs it with these options and environment only. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** Lets the chain's time pass and mines. */
  pass(seconds: number): Promise<void>;
  call(method: string, params: readonly unknown[]): Promise<unknown>;
  /** Deploys a contract that calls whatever it is told to: what a multisig does once its owners have agreed. */
  deployForwarder(): Promise<Address>;
  /** Lets it call. */
  forward(contract: Address, to: Address, data: Hex): Promise<void>;
}

/**
 * calldata is the target in 32 bytes, then what it is called with; a failure is passed on. In EVM words:
 * copy calldata[32:], call(gas, calldata[0:32], 0, …), stop or revert with what came back. Asked for
 * isValidSignature(hash, signature), it calls its own whatever begins with the hash, and reverts otherwise.
 */
const FORWARDER =
  "0x6057600c60003960576000f3" +
  "60003560e01c631626ba7e14603757" +
  "602036038060206000376000600082600060006000355af115602c57005b3d600060003e3d6000fd" +
  "5b60043560643514604657600080fd5b631626ba7e60e01b60005260206000f3";

/** The account of a member: of number n, or of a name. */
export const memberAccount = (name: number | string): Account =>
  account(typeof name === "number" ? `member ${name}` : name);

/** Founds one with that many members below `directory`. */
export async function makeGoverned(
  directory: string,
  founders: readonly Address[],
  parameters: Parameters,
): Promise<[Governed, () => Promise<void>]> {
  let aheadMs = 0;
  const nowMs = () => Date.now() + aheadMs;
  const anvil = await startAnvil({ dir: join(directory, "chain"), port: 0, log: SILENT, blockMs: 20, nowMs });
  const file = join(directory, "consortium.json");
  const consortium = await deployConsortium({
    url: anvil.url,
    file,
    deployer: account("deployer"),
    founders,
    parameters,
    blindingKeyHash: toHex(new Uint8Array(32).fill(1)) as Bytes32,
  });
  const rpc = createRpc([anvil.url], 10_000);
  const anyone = account("anyone");
  const sender = createSender(rpc, anyone.key, consortium.chainId, 20, 60_000);
  const send = async (to: Address | null, data: string): Promise<void> => {
    await sender.send(to, fromHex(data), new AbortController().signal, 2_000_000);
  };

  const governed: Governed = {
    anvil,
    directory,
    consortium,
    as(member, ...args) {
      const name = join(directory, `member-${member}`);
      return governed.run([...args, "--keystore", `${name}.json`, "--password-file", `${name}.password`]);
    },
    run: (args, env) => runInProcess(["admin", "--chain", anvil.url, "--consortium", file, ...args], env),
    async pass(seconds) {
      aheadMs += seconds * 1000;
      await anvil.mine();
    },
    call: (method, params) => rpc.call(method, params),
    async deployForwarder() {
      const nonce = Number(await rpc.call("eth_getTransactionCount", [anyone.address, "latest"]));
      await send(null, FORWARDER);
      return getCreateAddress({ from: anyone.address, nonce }).toLowerCase() as Address;
    },
    forward: (contract, to, data) => send(contract, `0x${to.slice(2).padStart(64, "0")}${data.slice(2)}`),
  };
  // Founders vote from the second after the foundation on.
  await governed.pass(1);
  return [
    governed,
    async () => {
      rpc.close();
      await anvil.stop();
    },
  ];
}

/** Puts a member account's keystore and its password where `as` finds them. */
export function giveKeystore(directory: string, member: number, key: Account = memberAccount(member)): void {
  const name = join(directory, `member-${member}`);
  writeKeystore(`${name}.json`, key.key, PASSWORD, { N: 1024 });
  writeSecret(`${name}.password`, `${PASSWORD}\n`);
}
