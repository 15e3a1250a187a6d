/** A bundle made of nothing but what a chain and the consortium's blinding key give: no node is asked. */
import { blindOf, subjectOf } from "@anamnesis/sdk/core/ids";
import type {
  Address,
  AttestationBody,
  Bytes32,
  Hex,
  IndicatorId,
  MemberNumber,
} from "@anamnesis/sdk/core/types";
import { archiveState, proofSlots } from "@anamnesis/sdk/evidence/archive";
import { assembleBundle } from "@anamnesis/sdk/evidence/assemble";
import { idOf } from "@anamnesis/sdk/evidence/content";
import type { RpcBlock, RpcProof } from "@anamnesis/sdk/evidence/inputs";
import type { EvidenceBundle, RecordName, Trust } from "@anamnesis/sdk/evidence/types";
import { MEMORY, REGISTRY } from "../../node/src/adapters/chain/abi.ts";
import { callRpc } from "../../scripts/consortium/rpc.ts";

/** Where to look. */
export interface ChainEvidence {
  readonly url: string;
  readonly trust: Trust;
  /** 32 bytes: K. */
  readonly blindingKey: Uint8Array;
  /** Every node key there is. */
  readonly keys: readonly Address[];
}

/** Proves records at the newest block by storage proofs, with the attestations that transactions carried. */
export async function bundleFromChain(
  { url, trust, blindingKey, keys }: ChainEvidence,
  names: readonly RecordName[],
): Promise<EvidenceBundle> {
  const number = (await callRpc(url, "eth_blockNumber")) as Hex;
  const attestations = await attestationsUpTo(url, trust.memory.address, Number(number));
  const records = names.map((name) => ({
    name,
    blind: blindOf(blindingKey, idOf(name) as IndicatorId),
    attestations,
    contents: [],
  }));
  const subjects = names.map((name) => subjectOf(blindingKey, idOf(name) as IndicatorId));
  const count = Number(await view(url, trust.registry.address, "memberCount", number));
  const active = Array.from({ length: count }, (_, i) => (i + 1) as MemberNumber);
  const slots = proofSlots({ count, active }, keys, subjects);
  const prove = (address: Address, asked: readonly Bytes32[]) =>
    callRpc(url, "eth_getProof", [address, asked, number]) as Promise<RpcProof>;
  const [block, registry, memory] = await Promise.all([
    callRpc(url, "eth_getBlockByNumber", [number, false]) as Promise<RpcBlock>,
    prove(trust.registry.address, slots.registry),
    prove(trust.memory.address, slots.memory),
  ]);
  const state = archiveState(block, [registry, memory]);
  return assembleBundle({ trust, snapshots: [{ state, records, feeds: [] }] });
}

/** What members said, from the calldata of every `attest`. */
async function attestationsUpTo(url: string, memory: Address, last: number): Promise<AttestationBody[]> {
  const said: AttestationBody[] = [];
  for (let number = 1; number <= last; number++) {
    const block = (await callRpc(url, "eth_getBlockByNumber", [`0x${number.toString(16)}`, true])) as {
      transactions: { to: string | null; input: Hex }[];
    };
    for (const { to, input } of block.transactions) {
      if (to?.toLowerCase() !== memory) continue;
      const { items, signatures } = decodeAttest(input);
      said.push(...items.map((item, i) => ({ ...item, signature: signatures[i] }) as AttestationBody));
    }
  }
  return said;
}

function decodeAttest(input: Hex) {
  const [items, signatures] = MEMORY.decodeFunctionData("attest", input) as unknown as [
    Record<string, bigint | string>[],
    string[],
  ];
  return {
    items: items.map((item) => ({
      subject: item.subject,
      stance: Number(item.stance),
      basis: Number(item.basis),
      confidence: Number(item.confidence),
      validUntil: Number(item.validUntil),
      version: Number(item.version),
      content: item.content,
    })),
    signatures,
  };
}

async function view(url: string, to: Address, method: string, block: Hex): Promise<unknown> {
  const data = REGISTRY.encodeFunctionData(method, []);
  const answer = String(await callRpc(url, "eth_call", [{ to, data }, block]));
  return REGISTRY.decodeFunctionResult(method, answer)[0];
}
