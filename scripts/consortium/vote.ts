/** What takes a vote of the members, decided with the accounts that a launcher or a test holds. */
import { fromHex, toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import type { Address, Hex } from "@anamnesis/sdk/core/types";
import { GOVERNOR, REGISTRY } from "../../node/src/adapters/chain/abi.ts";
import { createRpc } from "../../node/src/adapters/chain/rpc.ts";
import { createSender } from "../../node/src/adapters/chain/sender.ts";
import type { Account } from "./accounts.ts";
import type { RegistryPlace } from "./registry.ts";

/** One call of the registry by its governor. */
export type Action =
  | readonly ["admit", account: Address]
  | readonly ["suspend" | "reinstate" | "remove", member: number]
  | readonly ["setParameters", parameters: object];

/** Where a consortium decides. */
export interface GovernorPlace extends RegistryPlace {
  readonly consortium: RegistryPlace["consortium"] & { readonly governor: Address };
}

const FOR = 1;

/**
 * Has as many of `members` as are needed propose, vote for and execute the actions, all of them or none.
 *
 * @param members active members' accounts, at least ⌊n/2⌋ + 1 of them
 * @param description together with the actions it names the proposal; the same one cannot be made twice
 * @throws AnamnesisError `chain.reverted` with the registry's own error when it refuses an action,
 * `chain.unreachable`
 */
export async function decide(
  place: GovernorPlace,
  members: readonly Account[],
  actions: readonly Action[],
  description: string,
): Promise<void> {
  const { chainId, registry, governor } = place.consortium;
  const rpc = createRpc([place.url], 10_000);
  const send = async (account: Account, method: string, args: readonly unknown[]) => {
    const sender = createSender(rpc, account.key, chainId, 50, 60_000);
    const data = fromHex(GOVERNOR.encodeFunctionData(method, [...args]) as Hex);
    await sender.send(governor, data, new AbortController().signal);
  };
  const read = (method: string, args: readonly unknown[]) =>
    rpc.call("eth_call", [{ to: governor, data: GOVERNOR.encodeFunctionData(method, [...args]) }, "latest"]);
  const calls = [
    actions.map(() => registry),
    actions.map(() => 0),
    actions.map(([method, argument]) => REGISTRY.encodeFunctionData(method, [argument])),
  ];
  const descriptionHash = toHex(keccak256(utf8(description)));
  try {
    const [proposer] = members as [Account];
    await send(proposer, "propose", [...calls, description]);
    const id = await read("hashProposal", [...calls, descriptionHash]);
    // Of the members of the second before: as many as there are now, unless that second changed something.
    const snapshot = await read("proposalSnapshot", [id]);
    const needed = Number(await read("quorum", [snapshot]));
    const votes = await Promise.all(members.map(({ address }) => read("getVotes", [address, snapshot])));
    const voters = members.filter((_, i) => Number(votes[i]) > 0).slice(0, needed);
    await Promise.all(voters.map((voter) => send(voter, "castVote", [id, FOR])));
    await send(proposer, "execute", [...calls, descriptionHash]);
  } finally {
    rpc.close();
  }
}
