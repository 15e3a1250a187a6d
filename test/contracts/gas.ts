import { createRequire } from "node:module";
import { ContractFactory, type InterfaceAbi, solidityPackedKeccak256 } from "ethers";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, FOUNDED, makeAttestation, makeConsortium } from "./consortium.ts";

/** Gas by what was done. Exact: the same on every machine. */
export type Gas = Record<string, number>;

const BATCH = 100;
const require = createRequire(import.meta.url);

interface Sent {
  wait(): Promise<{ gasUsed: bigint } | null>;
}

async function gasOf(sent: Promise<Sent>): Promise<number> {
  return Number((await (await sent).wait())?.gasUsed);
}

/** An artifact of the Ethereum Attestation Service, as its makers compiled it. */
function deployEas(name: "EAS" | "SchemaRegistry", consortium: Consortium, args: unknown[]) {
  const { abi, bytecode } = require(
    `@ethereum-attestation-service/eas-contracts/artifacts/contracts/${name}.sol/${name}.json`,
  ) as { abi: InterfaceAbi; bytecode: string };
  return new ContractFactory(abi, bytecode, consortium.governor).deploy(...args);
}

/** Anchoring the next head of a feed that has one already, alone and in a batch of all members. */
async function anchors(members: number): Promise<Gas> {
  const [consortium, close] = await makeConsortium(members, { ...DEFAULTS, maxBatch: BATCH });
  const { registry, keys, signedHead } = consortium;
  const gas: Gas = {};
  const anchor = (key: string, size: number) =>
    gasOf(registry.anchor([signedHead(key, size, oracle.sha256("root ", String(size)))]));
  for (const [i, size] of [10, 1_000_000].entries()) {
    await anchor(keys[i] as string, size - 1);
    gas[`anchor, ${members} members, ${size} records`] = await anchor(keys[i] as string, size);
  }
  const heads = keys.map((key) => signedHead(key, 1_000_001, oracle.sha256("next root")));
  const batch = await gasOf(registry.anchor(heads));
  gas[`anchor, ${members} members, all at once, each`] = Math.round(batch / members);
  await close();
  return gas;
}

/** A chain of hashes without members, signatures or relays: the least that anchoring can cost. */
async function minimalAnchor(consortium: Consortium): Promise<Gas> {
  const minimal = await consortium.ethers.deployContract("HashChainedHead");
  const anchor = (previous: Uint8Array, head: Uint8Array): Promise<Sent> =>
    minimal.getFunction("anchor").send(previous, head);
  const [first, second] = [oracle.sha256("root 1"), oracle.sha256("root 2")];
  await gasOf(anchor(Buffer.alloc(32), first));
  return { "hash-chained head": await gasOf(anchor(first, second)) };
}

/** First stances of a member on subjects nobody spoke of: the dearest kind. */
async function attests(consortium: Consortium): Promise<Gas> {
  const { memory, keys, signAttestation } = consortium;
  const key = keys[0] as string;
  const about = (name: string) => {
    const attestation = makeAttestation({
      subject: oracle.hex(oracle.sha256(name)),
      version: FOUNDED * 1000,
    });
    return [attestation, signAttestation(key, attestation)] as const;
  };
  const [one, signature] = about("one");
  const batch = Array.from({ length: BATCH }, (_, i) => about(`batch ${i}`));
  const again = makeAttestation({ ...one, version: one.version + 1 });
  return {
    attest: await gasOf(memory.attest([one], [signature])),
    "attest, again": await gasOf(memory.attest([again], [signAttestation(key, again)])),
    [`attest, batch of ${BATCH}, each`]: Math.round(
      (await gasOf(
        memory.attest(
          batch.map(([a]) => a),
          batch.map(([, s]) => s),
        ),
      )) / BATCH,
    ),
  };
}

/** The Ethereum Attestation Service with 32 bytes of data: no signature to verify, the sender is the attester. */
async function easAttests(consortium: Consortium): Promise<Gas> {
  const registry = await deployEas("SchemaRegistry", consortium, []);
  const eas = await deployEas("EAS", consortium, [await registry.getAddress()]);
  const zero = `0x${"00".repeat(20)}`;
  const sent = (contract: typeof eas, name: string, ...args: unknown[]) =>
    contract.getFunction(name).send(...args) as unknown as Promise<Sent>;
  await (await sent(registry, "register", "bytes32 subject", zero, true)).wait();
  const schema = solidityPackedKeccak256(["string", "address", "bool"], ["bytes32 subject", zero, true]);
  const item = (name: string) => ({
    recipient: zero,
    expirationTime: FOUNDED + 86_400,
    revocable: true,
    refUID: `0x${"00".repeat(32)}`,
    data: oracle.hex(oracle.sha256(name)),
    value: 0,
  });
  const batch = Array.from({ length: BATCH }, (_, i) => item(`batch ${i}`));
  await (await sent(eas, "attest", { schema, data: item("warm") })).wait();
  return {
    "EAS attest": await gasOf(sent(eas, "attest", { schema, data: item("one") })),
    [`EAS multiAttest, batch of ${BATCH}, each`]: Math.round(
      (await gasOf(sent(eas, "multiAttest", [{ schema, data: batch }]))) / BATCH,
    ),
  };
}

/** What members do through their governor, and a member by itself. */
async function governs(members: number): Promise<Gas> {
  const [consortium, close] = await makeConsortium(members, DEFAULTS, { governed: true });
  const { accounts, parliament, registry, possession } = consortium;
  const [first] = accounts as [(typeof accounts)[0]];
  const made = await consortium.proposal([["suspend", members]], "suspend the last one");
  const gas: Gas = {
    [`propose, ${members} members`]: await gasOf(
      parliament.connect(first).propose(...made.calls, made.description),
    ),
  };
  const needed = Math.floor(members / 2) + 1;
  for (const [i, account] of accounts.slice(0, needed).entries()) {
    const cost = await gasOf(parliament.connect(account).castVote(made.id, 1));
    // The first vote finds an empty tally, all the others cost the same.
    if (i === 1) gas[`vote, ${members} members`] = cost;
  }
  gas[`execute a suspension, ${members} members`] = await gasOf(parliament.execute(...made.calls, made.hash));
  gas[`add a node key, ${members} members`] = await gasOf(
    registry.connect(first).addNodeKey(...possession(first, oracle.privateKey(9999))),
  );
  await close();
  return gas;
}

/** Measures everything once. */
export async function measureGas(): Promise<Gas> {
  const [consortium, close] = await makeConsortium(4, { ...DEFAULTS, maxBatch: BATCH });
  const gas = {
    ...(await minimalAnchor(consortium)),
    ...(await anchors(4)),
    ...(await anchors(100)),
    ...(await easAttests(consortium)),
    ...(await attests(consortium)),
    ...(await governs(4)),
    ...(await governs(100)),
  };
  await close();
  return gas;
}
