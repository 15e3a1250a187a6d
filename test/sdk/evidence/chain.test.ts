/** The layout that the verifier knows against the contracts themselves, on a chain in this process. */
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentHex, commitmentOf, encodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import { keccak256, sha256 } from "@anamnesis/sdk/core/hash";
import { blindOf, indicatorId, subjectOf } from "@anamnesis/sdk/core/ids";
import { appendLeaves, EMPTY_FRONTIER, leafHash, rootOf } from "@anamnesis/sdk/core/merkle";
import type {
  Address,
  AttestationBody,
  Bytes32,
  Entry,
  MemberNumber,
  Signature,
} from "@anamnesis/sdk/core/types";
import {
  archiveState,
  decodeState,
  encodeState,
  joinStates,
  proofSlots,
} from "@anamnesis/sdk/evidence/archive";
import { assembleBundle } from "@anamnesis/sdk/evidence/assemble";
import type { ArchivedState, RpcBlock, RpcProof } from "@anamnesis/sdk/evidence/inputs";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import { TRUST_FORMAT, type Trust } from "@anamnesis/sdk/evidence/types";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
import { SigningKey } from "ethers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Consortium, FOUNDED, makeAttestation, makeConsortium } from "../../contracts/consortium.ts";
import * as oracle from "../../vectors/oracle.ts";

const BLINDING_KEY = sha256(Uint8Array.of(9));
const NAME = {
  type: "indicator",
  patternType: "stix",
  pattern: "[domain-name:value = 'c2.example']",
} as const;
const ID = indicatorId(NAME);
const SUBJECT = subjectOf(BLINDING_KEY, ID);
const ACTIVE = [1, 2, 3, 4] as MemberNumber[];

let consortium: Consortium;
let close: () => Promise<void>;
let trust: Trust;
beforeAll(async () => {
  [consortium, close] = await makeConsortium(5);
  await consortium.registry.suspend(5);
  const [registry, memory] = await Promise.all(
    [consortium.registry, consortium.memory].map(async (contract) => {
      const address = (await contract.getAddress()).toLowerCase() as Address;
      const code = await consortium.ethers.provider.getCode(address);
      return { address, codeHash: toHex(keccak256(fromHex(code))) };
    }),
  );
  const chainId = Number((await consortium.ethers.provider.getNetwork()).chainId);
  const genesisHash = (await consortium.ethers.provider.getBlock(0))?.hash;
  trust = parseTrust(
    JSON.stringify({
      format: TRUST_FORMAT,
      chainId,
      genesisHash,
      registry,
      memory,
      validators: [],
      allowUnsealed: true,
    }),
  );
});
afterAll(() => close());

const keyAddress = (member: number) => oracle.addressOf(consortium.keys[member - 1] as string) as Address;

async function attest(member: number, changes: Partial<oracle.Attestation>): Promise<AttestationBody> {
  const attestation = makeAttestation({ subject: SUBJECT, ...changes });
  const signature = consortium.signAttestation(consortium.keys[member - 1] as string, attestation);
  await consortium.memory.attest([attestation], [signature]);
  return { ...attestation, signature } as unknown as AttestationBody;
}

async function archive(keys: readonly Address[]): Promise<ArchivedState> {
  const { provider } = consortium.ethers;
  const slots = proofSlots({ count: 5, active: ACTIVE }, keys, [SUBJECT]);
  const block = (await provider.send("eth_getBlockByNumber", ["latest", false])) as RpcBlock;
  const ask = (address: Address, at: readonly Bytes32[]) =>
    provider.send("eth_getProof", [address, at, block.number]) as Promise<RpcProof>;
  const proofs = [
    await ask(trust.registry.address, slots.registry),
    await ask(trust.memory.address, slots.memory),
  ];
  return archiveState(block, proofs);
}

test("what the contracts hold is what the verifier proves, and the status is theirs", async () => {
  const entry: Entry = {
    at: FOUNDED * 1000,
    tlp: "green",
    kind: "sighting",
    body: { indicator: ID, firstMs: 1, lastMs: 2, count: 3 },
  };
  const content: Item = {
    salt: sha256(Uint8Array.of(1)),
    entry: encodeEntry({
      at: FOUNDED * 1000,
      tlp: "green",
      kind: "content",
      body: {
        type: "validation",
        indicator: ID,
        result: { events: 5, hours: 1, hits: 0, dataset: oracle.hex(oracle.sha256("d")) as Bytes32 },
      },
    }),
  };
  const attestations = [
    await attest(1, { basis: 1 }),
    await attest(2, { basis: 2, content: commitmentHex(content) }),
    await attest(3, { basis: 3 }),
    await attest(4, { stance: 2, basis: 3, validUntil: 0 }),
  ];
  attestations.push(await attest(3, { basis: 1, version: FOUNDED * 1000 + 5 }));

  const items: Item[] = [1, 2, 3].map((i) => ({ salt: sha256(Uint8Array.of(i)), entry: encodeEntry(entry) }));
  const { frontier, closed } = appendLeaves(EMPTY_FRONTIER, items.map(commitmentOf).map(leafHash));
  const root = rootOf(frontier);
  const [head, signature] = consortium.signHead(consortium.keys[1] as string, 3, root);
  await consortium.registry.anchor([consortium.signedHead(consortium.keys[1] as string, 3, root)]);
  await consortium.registry.connect(consortium.accounts[3] as never).revokeNodeKey(keyAddress(4));

  const state = await archive(ACTIVE.map(keyAddress));
  const bundle = assembleBundle({
    trust,
    snapshots: [
      {
        state: decodeState(encodeState(joinStates([state, state]))),
        records: [{ name: NAME, blind: blindOf(BLINDING_KEY, ID), attestations, contents: [content] }],
        feeds: [
          {
            head: { ...head, signature } as never,
            items: items.map((item, index) => ({ item, index })).slice(1, 2),
            node: (level, index) =>
              closed.find((each) => each.level === level && each.index === index)?.hash as Uint8Array,
          },
        ],
      },
    ],
  });
  const verdict = verifyEvidence(bundle, trust);
  if (!verdict.verified) throw new Error(verdict.conclusion);
  const facts = verdict.facts[0];
  const record = facts?.records[0];
  const told = await consortium.memory.status(SUBJECT, facts?.block.timestamp ?? 0);
  expect(record?.status).toEqual({
    name: ["none", "withdrawn", "dormant", "proposed", "attested", "refuted"][Number(told.verdict)],
    disputed: told.disputed,
    supports: Number(told.supporters),
    witnesses: Number(told.witnesses),
    refutes: Number(told.refuters),
  });
  expect(record?.status).toMatchObject({ name: "attested", disputed: true, supports: 3 });
  expect(record?.stances.map(({ member, basis }) => [member, basis])).toEqual([
    [1, 1],
    [2, 2],
    [3, 1],
    [4, 3],
  ]);
  expect(facts?.members.map(({ active }) => active)).toEqual([true, true, true, true, false]);
  for (const key of facts?.keys ?? []) {
    const held = await consortium.registry.nodeKey(key.key);
    expect([key.member, key.revokedAtBlock]).toEqual([Number(held.member), Number(held.revokedAtBlock)]);
    expect(key.addedAtBlock).toBe(Number(await consortium.registry.nodeKeyAddedAtBlock(key.key)));
  }
  expect(facts?.keys.find(({ key }) => key === keyAddress(4))?.revokedAtBlock).toBe(facts?.block.number);
  expect(facts?.feeds[0]).toMatchObject({ member: 2, size: 3, entries: [{ index: 1, entry }] });
});

test("what is missing is named", async () => {
  const state = await archive([keyAddress(1)]);
  const record = { name: NAME, blind: blindOf(BLINDING_KEY, ID), attestations: [], contents: [] };
  const assemble = (input: object) => () =>
    assembleBundle({ trust, snapshots: [{ state, records: [], feeds: [], ...input }] });
  expect(assemble({ records: [record] })).toThrow(/member 1's register holds is missing/);
  expect(assemble({ records: [{ ...record, blind: new Uint8Array(32) }] })).toThrow(
    /lacks a node of the memory|register .* is missing/,
  );
  const key = new SigningKey(consortium.keys[2] as string).compressedPublicKey;
  expect(assemble({ keys: [fromHex(key)] })).toThrow(/lacks a node of the registry/);
  const head = { feed: keyAddress(1), size: 2, root: oracle.hex(oracle.sha256("r")) };
  const signature = oracle.sign(
    oracle.headDigest(
      { name: "Anamnesis", version: "1", chainId: trust.chainId, verifyingContract: trust.registry.address },
      head,
    ),
    consortium.keys[0] as string,
  ) as Signature;
  expect(
    assemble({ feeds: [{ head: { ...head, signature }, items: [], node: () => new Uint8Array(32) }] }),
  ).toThrow(/head of feed .* at size 0/);
  expect(() => decodeState(Uint8Array.of(1, 2, 3))).toThrow(/damaged/);
});
