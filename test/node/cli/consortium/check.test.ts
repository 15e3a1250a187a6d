import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCheck } from "../../../../node/src/cli/commands/consortium.ts";
import { makeChainKey } from "../../../../node/src/cli/consortium/chain-key.ts";
import { checkChain, readExpected } from "../../../../node/src/cli/consortium/check.ts";
import { type Anvil, startAnvil } from "../../../../scripts/consortium/anvil.ts";
import { callRpc } from "../../../../scripts/consortium/rpc.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
let directory = "";
let anvil: Anvil;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-check-"));
  anvil = await startAnvil({ dir: join(directory, "chain"), port: 0, log: SILENT, blockMs: 50 });
  for (let i = 0; i < 3; i++) await anvil.mine();
});
afterAll(async () => {
  await anvil.stop();
  await rm(directory, { recursive: true, force: true });
});

const check = (more: object = {}) =>
  checkChain({ urls: [anvil.url], key: makeChainKey(), waitMs: 20_000, ...more }).then(
    ([report]) => report!.findings,
  );

describe("consortium check of a development chain", () => {
  it("sends a transaction through it and refuses it, since nobody seals it", async () => {
    const findings = await check();
    expect(findings).toContainEqual(expect.objectContaining({ check: "canary", result: "passed" }));
    expect(findings.find(({ check: name }) => name === "seals")).toEqual({
      check: "seals",
      result: "failed",
      detail: expect.stringMatching(/^block \d+ is unsealed: a development chain/),
    });
    expect(findings).toContainEqual(expect.objectContaining({ check: "engine", result: "warning" }));
    expect(findings).toContainEqual({ check: "fees", result: "passed", detail: "gas costs nothing" });
    const result = await runCheck([anvil.url], { wait: 20 });
    expect(result.exit).toBe(1);
    expect(result.json).toMatchObject({ ok: false });
  });

  it("names another chain and code that is not there", async () => {
    const { hash } = (await callRpc(anvil.url, "eth_getBlockByNumber", ["0x0", false])) as { hash: string };
    const file = join(directory, "consortium.json");
    const expected = {
      chainId: anvil.chainId,
      genesisHash: hash,
      registry: `0x${"1".repeat(40)}`,
      memory: `0x${"2".repeat(40)}`,
      governor: `0x${"6".repeat(40)}`,
      codeHashes: {
        registry: `0x${"3".repeat(64)}`,
        memory: `0x${"4".repeat(64)}`,
        governor: `0x${"7".repeat(64)}`,
      },
    };
    await writeFile(file, JSON.stringify(expected));
    const findings = await check({ consortium: readExpected(file) });
    for (const name of ["registry", "memory", "governor"] as const)
      expect(findings).toContainEqual({
        check: `${name} code`,
        result: "failed",
        detail: `no contract at ${expected[name]}`,
      });
    for (const [change, words] of [
      [{ genesisHash: `0x${"5".repeat(64)}` }, /^genesis 0x.*, and the consortium's is 0x5/],
      [{ chainId: 4711 }, /^chain id \d+, and the consortium's is 4711$/],
    ] as const) {
      await writeFile(file, JSON.stringify({ ...expected, ...change }));
      const [first, ...rest] = await check({ consortium: readExpected(file) });
      expect(first).toEqual({ check: "chain", result: "failed", detail: expect.stringMatching(words) });
      expect(rest).toEqual([]); // nothing is sent to a chain that is not ours
    }
  });

  it("says that nobody answers, and goes on with the next", async () => {
    const reports = await checkChain({
      urls: ["http://127.0.0.1:9", anvil.url],
      key: makeChainKey(),
      waitMs: 20_000,
    });
    expect(reports[0]?.findings).toEqual([
      { check: "answers", result: "failed", detail: expect.stringMatching(/no chain node answers/) },
    ]);
    expect(reports[1]?.findings.length).toBeGreaterThan(5);
  });

  it("refuses what is no address, no key and no file", async () => {
    await expect(runCheck(["localhost:8545"], { wait: 1 })).rejects.toThrow(/no JSON-RPC address/);
    const key = join(directory, "some.key");
    await expect(runCheck([anvil.url], { wait: 1, key })).rejects.toThrow(/some\.key is no key file/);
    await writeFile(key, "0x12", { mode: 0o600 });
    await expect(runCheck([anvil.url], { wait: 1, key })).rejects.toThrow(/some\.key is no key file/);
    await writeFile(key, `0x${"12".repeat(32)}`);
    await chmod(key, 0o644);
    await expect(runCheck([anvil.url], { wait: 1, key })).rejects.toThrow(/--key: .* is open to other users/);
    await expect(runCheck([anvil.url], { wait: 1, trust: "/dev/null" })).rejects.toThrow(/--trust .* JSON/);
    await writeFile(join(directory, "bad.json"), '{"chainId":"1"}');
    await expect(runCheck([anvil.url], { wait: 1, consortium: join(directory, "bad.json") })).rejects.toThrow(
      /--consortium .*: chainId: /,
    );
  });
});
