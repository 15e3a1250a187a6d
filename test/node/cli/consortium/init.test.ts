import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { blindingKeyHash } from "@anamnesis/sdk/core/ids";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { plantTemplate } from "../../../../node/src/cli/commands/plant-template.ts";
import { genesisExtraData } from "../../../../node/src/cli/consortium/extra-data.ts";
import { initConsortium, requestChainNode } from "../../../../node/src/cli/consortium/init.ts";
import { readConfig } from "../../../../node/src/config.ts";
import { fourCompanies, writePlan } from "./plan.ts";

const NOW_MS = 1_700_000_000_000;
let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-toolkit-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const init = async (plan: unknown, out = "out") =>
  initConsortium(
    { config: await writePlan(join(directory, "consortium.yaml"), plan), out: join(directory, out) },
    NOW_MS,
  );
const read = (path: string) => readFile(join(directory, "out", path), "utf8");
const readJson = async (path: string) => JSON.parse(await read(path));

describe("genesisExtraData", () => {
  it("is what two engines' own tests expect, whatever the order", () => {
    // Besu and GoQuorum: vanity, validators, no vote, round 0, no seals.
    const validators = [
      "0x44add0ec310f115a0e603b2d7db9f067778eaf8a",
      "0x294fc7e8f22b3bcdcf955dd7ff3ba2ed833f8212",
      "0x6beaaed781d2d2ab6350f5c4566a2c6eaac407a6",
      "0x8be76812f765c24641ec63dc2852b378aba2b440",
    ] as unknown as readonly Address[];
    const sorted = [...validators].sort();
    expect(genesisExtraData(validators)).toBe(
      `0xf87aa0${"00".repeat(32)}f854${sorted.map((each) => `94${each.slice(2)}`).join("")}c080c0`,
    );
    expect(genesisExtraData([...validators].reverse())).toBe(genesisExtraData(validators));
  });

  it("refuses no validators and one twice", () => {
    const one = `0x${"1".repeat(40)}` as Address;
    expect(() => genesisExtraData([])).toThrow(/at least one/);
    expect(() => genesisExtraData([one, one])).toThrow(/listed twice/);
  });
});

describe("consortium init", () => {
  it("writes what four companies need, and keys that only their owner can read", async () => {
    const result = await init(fourCompanies());
    expect(result.exit ?? 0).toBe(0);
    const genesis = await readJson("genesis.json");
    expect(genesis.config).toMatchObject({ chainId: 20_777, cancunTime: 0, zeroBaseFee: true });
    expect(genesis.config.qbft).toEqual({
      blockperiodseconds: 2,
      emptyblockperiodseconds: 60,
      epochlength: 30_000,
      requesttimeoutseconds: 4,
    });
    expect(genesis.timestamp).toBe(`0x${(NOW_MS / 1000).toString(16)}`);

    const names = ["acme", "bolt", "cog", "dyne"];
    const keys = await Promise.all(names.map(async (name) => (await read(`${name}/${name}-1/key`)).trim()));
    const validators = keys.map((key) => addressOfPrivateKey(fromHex(key)));
    expect(genesis.extraData).toBe(genesisExtraData(validators));
    for (const name of names) {
      expect(await read(`${name}/${name}-1/genesis.json`)).toBe(await read("genesis.json"));
      const { mode } = await stat(join(directory, "out", `${name}/${name}-1/key`));
      expect(mode & 0o777).toBe(0o600);
    }
    for (const secret of ["foundation/blinding.key", "foundation/deployer.key"])
      expect((await stat(join(directory, "out", secret))).mode & 0o777).toBe(0o600);

    expect(await readJson("trust.json")).toEqual({
      format: "anamnesis/trust/1",
      chainId: 20_777,
      epochBlocks: 30_000,
      validators: [{ block: 0, addresses: [...validators].sort() }],
    });
    // Nobody verifies anything by it before the contracts are there.
    await expect(read("trust.json").then(parseTrust)).rejects.toMatchObject({ code: "evidence.trust" });
    const founding = await readJson("foundation/founding.json");
    expect(founding.founders).toHaveLength(4);
    const blindingKey = fromHex((await read("foundation/blinding.key")).trim());
    expect(founding.blindingKeyHash).toBe(blindingKeyHash(blindingKey));

    const enodes = await readJson("acme/acme-1/static-nodes.json");
    expect(enodes).toHaveLength(4);
    expect(enodes[1]).toMatch(/^enode:\/\/[0-9a-f]{128}@10\.20\.0\.11:30303$/);
    const permissions = await read("dyne/dyne-1/permissions.toml");
    for (const enode of enodes) expect(permissions).toContain(enode);
    const deployer = addressOfPrivateKey(fromHex((await read("foundation/deployer.key")).trim()));
    for (const account of [deployer, `0x${"1".repeat(39)}3`, `0x${"2".repeat(39)}0`])
      expect(permissions).toContain(account);
    expect(await read("acme/acme-1/besu.toml")).toMatch(/data-storage-format="FOREST"/);
    expect(await read("cog/cog-1/besu.toml")).toMatch(/data-storage-format="BONSAI"/);
    expect(parse(await read("acme/acme-1/compose.yaml")).services["acme-1"].image).toBe(
      "hyperledger/besu:26.7.1",
    );
    expect(await read("acme/acme-1/besu.service")).toMatch(
      /^ExecStart=.*--config-file=\/etc\/besu\/besu.toml$/m,
    );
  });

  it("gives sections that make a plant's configuration whole", async () => {
    await init(fourCompanies());
    const template = parse(
      plantTemplate({
        plant: "plant-a",
        chain: "http://127.0.0.1:1",
        httpPort: 8801,
        peersPort: 9801,
        passwordFile: "password",
        confirmedAt: "2026-11-25T00:00:00Z",
      }),
    );
    const sections = parse(await read("acme/plant-a/plant-sections.yaml"));
    await writeFile(join(directory, "plant.yaml"), stringify({ ...template, ...sections }));
    const config = readConfig(join(directory, "plant.yaml"));
    expect(config.chain.urls).toEqual(["http://127.0.0.1:8545"]);
    expect(config.chain).toMatchObject({ blockPeriodSeconds: 2, emptyBlockPeriodSeconds: 60 });
    expect(config.peers.dial).toEqual([
      "/ip4/10.20.1.11/tcp/9801",
      "/ip4/10.20.1.12/tcp/9801",
      "/ip4/10.20.1.13/tcp/9801",
    ]);
  });

  it("takes the word of companies that make their own keys", async () => {
    requestChainNode({ consortium: "river", node: "cog-1", out: join(directory, "own") });
    const key = fromHex((await readFile(join(directory, "own/key"), "utf8")).trim());
    expect((await stat(join(directory, "own/key"))).mode & 0o777).toBe(0o600);
    const plan = fourCompanies();
    plan.companies[2]!.nodes[0]!.request = "own/cog-1.request.json";
    await init(plan);
    const trust = await readJson("trust.json");
    expect(trust.validators[0].addresses).toContain(addressOfPrivateKey(key));
    await expect(read("cog/cog-1/key")).rejects.toThrow(/ENOENT/);

    const request = JSON.parse(await readFile(join(directory, "own/cog-1.request.json"), "utf8"));
    for (const [change, words] of [
      [{ signature: `${request.signature.slice(0, -4)}ffff` }, /not by the key that it names/],
      [{ node: "cog-2" }, /it is for node cog-2/],
      [{ consortium: "lake" }, /for consortium lake, not river/],
      [{ publicKey: "0x04" }, /publicKey: expected an uncompressed public key/],
    ] as const) {
      await writeFile(join(directory, "own/cog-1.request.json"), JSON.stringify({ ...request, ...change }));
      await expect(init(plan, "other")).rejects.toThrow(words);
    }
    expect(() =>
      requestChainNode({ consortium: "river", node: "cog-1", out: join(directory, "own") }),
    ).toThrow(/exists and is left as it is/);
  });

  it("never writes into a directory that holds something", async () => {
    await mkdir(join(directory, "out"));
    await writeFile(join(directory, "out/mine"), "");
    await expect(init(fourCompanies())).rejects.toThrow(/--out .*out holds mine and is left as it is/);
  });

  const spoiled: readonly [string, (plan: ReturnType<typeof fourCompanies>) => void, RegExp][] = [
    ["an unknown setting", (plan) => (plan.colour = "red"), /: the file: .*colour/i],
    ["a name with a space", (plan) => (plan.name = "big river"), /: name: expected a short name/],
    [
      "three validators",
      (plan) => (plan.companies[3]!.nodes[0]!.validator = false),
      /: companies: expected 4, 7, 10 … validators .* there are 3$/,
    ],
    [
      "a timeout below twice the period",
      (plan) => (plan.chain = { requestTimeoutSeconds: 3 }),
      /: chain\.requestTimeoutSeconds: expected at least twice/,
    ],
    [
      "one address twice",
      (plan) => (plan.companies[1]!.nodes[0]!.ip = "10.20.0.10"),
      /: companies\.\*\.nodes\.\*\.ip: expected each once, and 10\.20\.0\.10:30303/,
    ],
    [
      "a host name",
      (plan) => (plan.companies[0]!.nodes[0]!.ip = "chain.acme.example"),
      /: companies\.0\.nodes\.0\.ip: expected an IP address/,
    ],
    [
      "a relay account of 19 bytes",
      (plan) => (plan.companies[0]!.plants[0]!.relay = `0x${"1".repeat(38)}`),
      /: companies\.0\.plants\.0\.relay: \S/,
    ],
    [
      "one archive",
      (plan) => (plan.companies[1]!.nodes[0]!.archive = false),
      /archive: true on at least two/,
    ],
    ["two companies", (plan) => plan.companies.splice(2), /: companies: expected at least 3 companies/],
    [
      "more members than there are",
      (plan) => (plan.parameters = { members: 5 }),
      /: parameters\.members: expected at most the 4/,
    ],
    [
      "two validators at one company",
      (plan) => {
        const [first, second] = plan.companies;
        first!.nodes.push({ ...second!.nodes[0], name: "acme-2" });
        second!.nodes[0] = { name: "bolt-1", ip: "10.20.0.19", archive: true };
      },
      /: companies\.0\.nodes: expected at most 1 of 4 validators at one company/,
    ],
  ];
  it.each(spoiled)("refuses %s with one line", async (_name, spoil, words) => {
    const plan = fourCompanies();
    spoil(plan);
    const error = await init(plan).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).toMatch(words);
    expect(error?.message).not.toContain("\n");
    expect(error).toMatchObject({ code: "config.invalid" });
  });
});
