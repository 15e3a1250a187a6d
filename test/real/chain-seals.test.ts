/** What an engine of its own makes of headers, votes and seals, against the verifier's reading. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "@anamnesis/sdk/core/types";
import type { Header } from "@anamnesis/sdk/evidence/header";
import { followSeals } from "@anamnesis/sdk/evidence/seals";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRpc, type Rpc } from "../../node/src/adapters/chain/rpc.ts";
import { headerOf, readBlocks } from "../../node/src/cli/consortium/look.ts";
import { callRpc } from "../../scripts/consortium/rpc.ts";
import { type QbftNetwork, startQbft } from "../../scripts/qbft/network.ts";
import { PATIENCE_MS, until } from "../e2e/support.ts";

const GETH = process.env.QUORUM_GETH ?? "";
const ASKED = process.env.ANAMNESIS_TEST_REAL === "1" && GETH !== "";
const TIMEOUT = { timeout: 3 * PATIENCE_MS };

describe.skipIf(!ASKED)("headers of four QBFT validators", TIMEOUT, () => {
  let directory = "";
  let network: QbftNetwork;
  let rpc: Rpc;
  let genesis: readonly Address[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "anamnesis-seals-"));
    network = await startQbft({ directory: join(directory, "chain"), geth: GETH, chainId: 20_263 });
    rpc = createRpc([network.urls[0]!], 10_000);
    genesis = network.validators.map(({ address }) => address).sort();
  });
  afterAll(async () => {
    rpc?.close();
    await network?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** All headers of the chain, from the first that is sealed. */
  const allHeaders = async (): Promise<Header[]> => {
    const head = await network.height();
    return (await readBlocks(rpc, 1, head)).map(headerOf);
  };
  const follow = (headers: readonly Header[]) =>
    followSeals(headers, { validators: [{ block: 0, addresses: genesis }] }, (i) => `headers[${i}]`);
  /** Lets the first three validators vote on the fourth; resolves when a header has another set. */
  const voteOnTheFourth = async (mayStay: boolean, size: number): Promise<void> => {
    const fourth = network.validators[3]!.address;
    await Promise.all(
      network.urls.slice(0, 3).map((url) => callRpc(url, "istanbul_propose", [fourth, mayStay])),
    );
    await until(`there are ${size} validators`, async () => {
      const { qbft } = (await allHeaders()).at(-1)!;
      return qbft?.validators.length === size;
    });
  };

  it("are hashed and sealed as the engine says", async () => {
    await until("ten blocks are sealed", async () => (await network.height()) >= 10);
    const headers = await allHeaders();
    const facts = follow(headers);
    for (const { number, hash, sealedBy } of facts) {
      const told = (await rpc.call("istanbul_getSignersFromBlock", [`0x${number.toString(16)}`])) as {
        Hash: string;
        Committers: string[];
      };
      expect(hash).toBe(told.Hash);
      expect(sealedBy).toEqual([...told.Committers].sort());
      expect(sealedBy.length).toBeGreaterThanOrEqual(3); // ceil(2n/3); the engine's own check would take 2
    }
  });

  it("are followed through votes that take a validator out and bring it back", async () => {
    await voteOnTheFourth(false, 3);
    await voteOnTheFourth(true, 4);
    const headers = await allHeaders();
    const votes = headers.flatMap(({ qbft }) => qbft?.vote ?? []);
    expect(new Set(votes.map(({ add }) => add))).toEqual(new Set([true, false]));
    const sizes = follow(headers).map(({ validators }) => validators);
    expect([...new Set(sizes)].sort()).toEqual([3, 4]);
    expect(sizes.at(-1)).toBe(4);
  });
});
