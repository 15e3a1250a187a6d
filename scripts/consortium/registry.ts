import { fromHex, parseAddress } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { signDigest } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, MemberNumber, Signature } from "@anamnesis/sdk/core/types";
import { REGISTRY } from "../../node/src/adapters/chain/abi.ts";
import type { ConsortiumAddress } from "../../node/src/adapters/chain/ethers-chain.ts";
import { createRpc } from "../../node/src/adapters/chain/rpc.ts";
import { createSender } from "../../node/src/adapters/chain/sender.ts";
import type { Account } from "./accounts.ts";
import { callRpc } from "./rpc.ts";

/** More than any of these costs. An estimate falls short when a vote's checkpoint is new a second later. */
const GAS = 1_000_000;

/** What a member account may do by itself; the rest takes a vote (see vote.ts). */
export type MemberMethod = "addNodeKey" | "revokeNodeKey";

/** Where the registry is. */
export interface RegistryPlace {
  readonly url: string;
  readonly consortium: Pick<ConsortiumAddress, "chainId" | "registry">;
}

/** Sends one transaction to the registry and waits until it is mined. Throws `chain.reverted` | `chain.unreachable`. */
export async function sendToRegistry(
  place: RegistryPlace,
  account: Account,
  method: MemberMethod,
  args: readonly unknown[],
): Promise<void> {
  const { chainId, registry } = place.consortium;
  const rpc = createRpc([place.url], 10_000);
  try {
    const sender = createSender(rpc, account.key, chainId, 50, 60_000);
    const data = fromHex(REGISTRY.encodeFunctionData(method, [...args]));
    await sender.send(registry, data, new AbortController().signal, GAS);
  } finally {
    rpc.close();
  }
}

/** What `addNodeKey` takes: the key, and its word that this account may add it. */
export function possessionOf(place: RegistryPlace, account: Address, node: Account): [Address, Signature] {
  const { chainId, registry } = place.consortium;
  const hasher = createHasher({ chainId, verifyingContract: parseAddress(registry) });
  return [node.address, signDigest(hasher.possession(account), node.key)];
}

/**
 * Lets a node key speak for the member whose account is given; does nothing when it does already.
 *
 * @returns the member's number
 * @throws AnamnesisError `config.invalid` when the key is closed, of another member, or the account is no member's
 */
export async function enrolNodeKey(
  place: RegistryPlace,
  account: Account,
  node: Account,
): Promise<MemberNumber> {
  const key = node.address;
  const [member] = await readRegistry(place, "memberOf", [account.address]);
  if (Number(member) === 0) {
    throw new AnamnesisError(
      "config.invalid",
      `account ${account.address} is no member of the registry ${place.consortium.registry}`,
    );
  }
  const [held] = (await readRegistry(place, "nodeKey", [key])) as unknown as [
    { member: bigint; revokedAtBlock: bigint },
  ];
  if (held.member === 0n) {
    await sendToRegistry(place, account, "addNodeKey", possessionOf(place, account.address, node));
  } else if (held.member !== member || held.revokedAtBlock !== 0n) {
    const why =
      held.revokedAtBlock === 0n
        ? `belongs to member ${held.member}`
        : "was revoked, and revoked keys never return";
    throw new AnamnesisError("config.invalid", `node key ${key} ${why}; give this node a key of its own`);
  }
  return Number(member) as MemberNumber;
}

/** Reads one view of the registry at the latest block. */
export async function readRegistry(
  place: RegistryPlace,
  method: string,
  args: readonly unknown[],
): Promise<readonly unknown[]> {
  const data = REGISTRY.encodeFunctionData(method, [...args]);
  const to = parseAddress(place.consortium.registry);
  return REGISTRY.decodeFunctionResult(
    method,
    String(await callRpc(place.url, "eth_call", [{ to, data }, "latest"])),
  );
}
