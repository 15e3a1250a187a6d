/** Storage proofs (EIP-1186) of both contracts at one block, held against its header before they are believed. */
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Bytes32, MemberNumber, Subject } from "@anamnesis/sdk/core/types";
import { archiveState, indexNodes, proofSlots, readByHash } from "@anamnesis/sdk/evidence/archive";
import { readHeader } from "@anamnesis/sdk/evidence/header";
import { headerOfRpcBlock } from "@anamnesis/sdk/evidence/header-rpc";
import type { ArchivedState, RpcBlock, RpcProof } from "@anamnesis/sdk/evidence/inputs";
import {
  proveAccounts,
  proveMemberCount,
  proveRegisters,
  proveRegistry,
} from "@anamnesis/sdk/evidence/state";
import type { Chain, ProofQuestion, ProvenState } from "../../ports.ts";
import type { Rpc } from "./rpc.ts";
import type { ConsortiumAddress } from "./verify.ts";

/** Slots in one `eth_getProof`; nodes refuse more than 1,024. */
const SLOTS_AT_ONCE = 256;
/** The newest block moves on between two questions: so often it is asked for again. */
const TRIES = 5;

/** Proofs by JSON-RPC. */
export function createProofs(
  call: Rpc["call"],
  consortium: ConsortiumAddress,
): Pick<Chain, "prove" | "header"> {
  const { registry, memory, codeHashes } = consortium;
  const trusted = {
    registry: { address: registry, codeHash: codeHashes.registry },
    memory: { address: memory, codeHash: codeHashes.memory },
  };

  const blockAt = async (tag: string) =>
    (await call("eth_getBlockByNumber", [tag, false])) as RpcBlock | null;

  async function proofsOf(address: Address, slots: readonly Bytes32[], at: string): Promise<RpcProof[]> {
    const proofs: RpcProof[] = [];
    for (let from = 0; from === 0 || from < slots.length; from += SLOTS_AT_ONCE) {
      const part = slots.slice(from, from + SLOTS_AT_ONCE);
      const proof = (await call("eth_getProof", [address, part, at])) as RpcProof | null;
      if (!Array.isArray(proof?.accountProof) || !Array.isArray(proof.storageProof))
        throw incomplete(`has no proof of ${address} at block ${Number(at)}`);
      proofs.push(proof);
    }
    return proofs;
  }

  async function proveAt(tag: string, question: ProofQuestion): Promise<ProvenState> {
    const block = await blockAt(tag);
    if (block === null) throw incomplete(`has no block ${tag}`);
    const at = String(block.number);
    for (let { memberCount } = question; ; ) {
      // Of every member, active or not: whoever is at that block, its register is proved.
      const members = Array.from({ length: memberCount }, (_, i) => (i + 1) as MemberNumber);
      const slots = proofSlots({ count: memberCount, active: members }, question.keys, question.subjects);
      const [ofRegistry, ofMemory] = await Promise.all([
        proofsOf(registry, slots.registry, at),
        proofsOf(memory, slots.memory, at),
      ]);
      const state = archiveState(block, [...ofRegistry, ...ofMemory]);
      const read = readState(state, question, members);
      if ("proven" in read) return read.proven;
      memberCount = read.memberCount;
    }
  }

  /** What the nodes prove, with those alone that do; or how many members there are when it was asked for fewer. */
  function readState(
    { header, nodes }: ArchivedState,
    { keys, subjects }: ProofQuestion,
    members: readonly MemberNumber[],
  ): { readonly proven: ProvenState } | { readonly memberCount: number } {
    const { number, hash, timestamp, stateRoot } = readHeader(header, "the header");
    const byHash = indexNodes(nodes);
    const accounts = readByHash(byHash, "the accounts", (next) =>
      proveAccounts(stateRoot, trusted, next, "the accounts"),
    );
    const roots = accounts.found;
    const count = readByHash(byHash, "the registry", (next) =>
      proveMemberCount(roots.registry, next, "the registry"),
    );
    if (count.found !== members.length) return { memberCount: count.found };
    const held = readByHash(byHash, "the registry", (next) =>
      proveRegistry(roots.registry, members.length, keys, next, "the registry"),
    );
    const words = readByHash(byHash, "the memory", (next) =>
      proveRegisters(roots.memory, subjects, members, next, "the memory"),
    );
    const registers = new Map<Subject, Map<MemberNumber, Uint8Array>>();
    for (const [i, subject] of subjects.entries()) {
      const own = words.found.slice(i * members.length, (i + 1) * members.length);
      registers.set(
        subject,
        new Map(own.flatMap((word, j) => (word === undefined ? [] : [[members[j] as MemberNumber, word]]))),
      );
    }
    const taken = new Set([...accounts.taken, ...count.taken, ...held.taken, ...words.taken]);
    return {
      proven: {
        block: { number, hash, timestamp },
        header,
        nodes: Array.from(taken, fromHex),
        parameters: held.found.parameters,
        active: held.found.active,
        sizes: new Map([...held.found.keys].map(([key, { size }]) => [key, size])),
        registers,
      },
    };
  }

  return {
    async prove(question) {
      let reason: unknown;
      for (let tries = 0; tries < TRIES; tries++) {
        try {
          return await proveAt(tries === 0 ? `0x${question.block.toString(16)}` : "latest", question);
        } catch (error) {
          if (!isRefusal(error)) throw error;
          reason = error;
        }
      }
      const why = reason instanceof Error ? reason.message : String(reason);
      throw new AnamnesisError(
        "evidence.incomplete",
        `no proof at block ${question.block} or later: ${why}`,
        {
          cause: reason,
        },
      );
    },
    async header(number) {
      const block = await blockAt(`0x${number.toString(16)}`);
      if (block === null) return undefined;
      const header = headerOfRpcBlock(block);
      const found = readHeader(header, "the header").number;
      if (found !== number) throw incomplete(`gave block ${found} and not ${number}`);
      return header;
    },
  };
}

/** Whether a node refused, or gave what proves nothing: another block may do. */
function isRefusal(error: unknown): boolean {
  if (!isAnamnesisError(error)) return false;
  return /^(chain\.reverted|input\.invalid|evidence\..*)$/.test(error.code);
}

function incomplete(what: string): AnamnesisError {
  return new AnamnesisError("evidence.incomplete", `the chain node ${what}`);
}
