/** A consortium of real node processes on a QBFT network of real validators, founded as `anamnesis consortium init` says. */
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Hex } from "@anamnesis/sdk/core/types";
import { stringify as stringifyYaml } from "yaml";
import { initConsortium } from "../../node/src/cli/consortium/init.ts";
import { type Account, openAccount, openAccounts, openPassword } from "../consortium/accounts.ts";
import { LOCAL_PARAMETERS, ROOT } from "../consortium/consortium.ts";
import type { Consortium } from "../consortium/deploy.ts";
import { type NodeProcess, startNodeProcess } from "../consortium/node-process.ts";
import { configurePlant, type LocalPlant, openPlant } from "../consortium/plants.ts";
import { freePort } from "../consortium/ports.ts";
import { enrolNodeKey } from "../consortium/registry.ts";
import { foundConsortium } from "../toolkit/found.ts";
import { compileLondon } from "./compile.ts";
import { type QbftNetwork, startQbft } from "./network.ts";
import { isOneOrder } from "./order.ts";

export interface QbftConsortiumOptions {
  readonly directory: string;
  /** Path of GoQuorum's `geth`. */
  readonly geth: string;
  /** Where the contracts built for an older EVM are kept. */
  readonly artifacts: string;
  /** Ranges that stand for the Internet. */
  readonly labPublic: readonly string[];
}

/** A consortium of four companies, each with a validator and a plant; its nodes run once started. */
export interface QbftConsortium {
  readonly network: QbftNetwork;
  readonly consortium: Consortium;
  /** What `consortium init` wrote and the founding completed: trust.json, consortium.json, keys. */
  readonly toolkit: string;
  readonly members: readonly Account[];
  readonly plants: readonly LocalPlant[];
  startPlant(index: number): Promise<NodeProcess>;
  /** Stops the nodes, then the validators. */
  stop(): Promise<void>;
}

const COMPANIES = ["acme", "bolt", "cog", "dyne"];
const CHAIN_ID = 20_262;

/** Sets everything up; every plant asks its own company's validator first. */
export async function openQbftConsortium(options: QbftConsortiumOptions): Promise<QbftConsortium> {
  const { directory, artifacts } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await compileLondon(artifacts);
  const { members } = await openAccounts(join(directory, "accounts"), COMPANIES.length);
  const plants = await Promise.all(
    COMPANIES.map(async (_, i) =>
      openPlant(directory, i, { http: await freePort(), peer: await freePort() }),
    ),
  );
  const toolkit = join(directory, "toolkit");
  await writePlan(join(directory, "consortium.yaml"), members, plants);
  const keys = await initInOneOrder(join(directory, "consortium.yaml"), toolkit);
  const network = await startQbft({
    directory: join(directory, "chain"),
    geth: options.geth,
    chainId: CHAIN_ID,
    keys,
    extraData: (JSON.parse(await readFile(join(toolkit, "genesis.json"), "utf8")) as { extraData: Hex })
      .extraData,
  });
  try {
    return await settle(options, { network, toolkit, members, plants });
  } catch (error) {
    await network.stop();
    throw error;
  }
}

async function settle(
  { artifacts, labPublic }: QbftConsortiumOptions,
  held: Pick<QbftConsortium, "network" | "toolkit" | "members" | "plants">,
): Promise<QbftConsortium> {
  const { network, toolkit, members, plants } = held;
  const { urls } = network;
  const url = urls[0] as string;
  const consortium = await foundConsortium({ directory: toolkit, url, artifacts });
  const place = { url, consortium };
  await Promise.all(plants.map((plant, i) => enrolNodeKey(place, members[i] as Account, plant.node)));
  // One plant has the blinding key; the others fetch it from peers.
  await copyFile(
    join(toolkit, "foundation/blinding.key"),
    join((plants[0] as LocalPlant).directory, "blinding.key"),
  );
  const hasher = createHasher({ chainId: consortium.chainId, verifyingContract: consortium.registry });
  await Promise.all(
    plants.map((plant, i) => {
      const others = plants.filter((other) => other !== plant);
      return configurePlant(plant, others, members[i] as Account, hasher, {
        chainUrl: urls[i] as string,
        chainUrls: urls.map((_, k) => urls[(i + k) % urls.length] as string),
        consortiumFile: join(toolkit, "consortium.json"),
        blocksPerHour: 1_000_000,
        labPublic,
        benignDirectory: join(ROOT, "fixtures/benign"),
      });
    }),
  );
  const nodes = new Set<NodeProcess>();
  return {
    ...held,
    consortium,
    async startPlant(index) {
      const node = await startNodeProcess(plants[index] as LocalPlant);
      nodes.add(node);
      void node.exited.then(() => nodes.delete(node));
      return node;
    },
    async stop() {
      await Promise.all([...nodes].map((node) => node.stop()));
      await network.stop();
    },
  };
}

/** Four companies; addresses matter to nobody here, since the validators are started with ports of their own. */
async function writePlan(
  file: string,
  members: readonly Account[],
  plants: readonly LocalPlant[],
): Promise<void> {
  const companies = await Promise.all(
    COMPANIES.map(async (name, i) => {
      const { directory, letter, peer } = plants[i] as LocalPlant;
      const relay = await openAccount(directory, "relay", await openPassword(directory));
      return {
        name,
        account: members[i]?.address,
        nodes: [{ name: `${name}-1`, ip: "127.0.0.1", port: 30_303 + i, validator: true, archive: true }],
        plants: [
          {
            name: `plant-${letter.toLowerCase()}`,
            peer: { ip: "127.0.0.1", port: peer },
            relay: relay.address,
          },
        ],
      };
    }),
  );
  const chain = { blockPeriodSeconds: 1, requestTimeoutSeconds: 2 };
  const parameters = LOCAL_PARAMETERS;
  await writeFile(file, stringifyYaml({ name: "river", chainId: CHAIN_ID, chain, parameters, companies }));
}

/** `consortium init`, again until it made keys that the test engine can do with: {@link isOneOrder}. */
async function initInOneOrder(config: string, out: string): Promise<Uint8Array[]> {
  for (;;) {
    initConsortium({ config, out }, Date.now());
    const keys = await Promise.all(COMPANIES.map((name) => readKey(join(out, `${name}/${name}-1/key`))));
    if (isOneOrder(keys.map(addressOfPrivateKey))) return keys;
    await rm(out, { recursive: true });
  }
}

async function readKey(file: string): Promise<Uint8Array> {
  return fromHex((await readFile(file, "utf8")).trim());
}
