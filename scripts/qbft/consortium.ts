/** A consortium of real node processes on a QBFT network of real validators. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { blindingKeyHash } from "@anamnesis/sdk/core/ids";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import { type Account, type ConsortiumAccounts, openAccounts } from "../consortium/accounts.ts";
import { freePort } from "../consortium/anvil.ts";
import { LOCAL_PARAMETERS, ROOT } from "../consortium/consortium.ts";
import { type Consortium, deployConsortium } from "../consortium/deploy.ts";
import { type NodeProcess, startNodeProcess } from "../consortium/node-process.ts";
import { configurePlant, type LocalPlant, openPlant } from "../consortium/plants.ts";
import { enrolNodeKey } from "../consortium/registry.ts";
import { compileLondon } from "./compile.ts";
import type { QbftNetwork } from "./network.ts";

export interface QbftConsortiumOptions {
  readonly directory: string;
  readonly network: QbftNetwork;
  /** Where the contracts built for an older EVM are kept. */
  readonly artifacts: string;
  /** Ranges that stand for the Internet. */
  readonly labPublic: readonly string[];
}

/** A consortium with a plant for each validator; its nodes run once started. */
export interface QbftConsortium {
  readonly network: QbftNetwork;
  readonly consortium: Consortium;
  readonly accounts: ConsortiumAccounts;
  readonly plants: readonly LocalPlant[];
  startPlant(index: number): Promise<NodeProcess>;
  /** Stops the nodes; the network is somebody else's. */
  stop(): Promise<void>;
}

/** Founds a consortium of as many plants as there are validators; every plant asks its own validator first. */
export async function foundOnQbft(options: QbftConsortiumOptions): Promise<QbftConsortium> {
  const { directory, network, artifacts } = options;
  const { urls } = network;
  const [url] = urls as [string];
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await compileLondon(artifacts);
  const accounts = await openAccounts(join(directory, "accounts"), urls.length);
  const plants = await Promise.all(
    urls.map(async (_, i) => openPlant(directory, i, { http: await freePort(), peer: await freePort() })),
  );
  const blindingKey = new Uint8Array(randomBytes(32));
  const [first] = plants as [LocalPlant];
  await writeFile(join(first.directory, "blinding.key"), `${toHex(blindingKey)}\n`, { mode: 0o600 });
  const consortiumFile = join(directory, "consortium.json");
  const consortium = await deployConsortium({
    url,
    artifacts,
    file: consortiumFile,
    deployer: accounts.deployer,
    founders: accounts.members.map(({ address }) => address),
    parameters: LOCAL_PARAMETERS,
    blindingKeyHash: blindingKeyHash(blindingKey),
  });
  const place = { url, consortium };
  const members = accounts.members as readonly Account[];
  await Promise.all(plants.map((plant, i) => enrolNodeKey(place, members[i] as Account, plant.node)));
  const hasher = createHasher({ chainId: consortium.chainId, verifyingContract: consortium.registry });
  await Promise.all(
    plants.map((plant, i) =>
      configurePlant(
        plant,
        plants.filter((other) => other !== plant),
        members[i] as Account,
        hasher,
        {
          chainUrl: urls[i] as string,
          chainUrls: urls.map((_, k) => urls[(i + k) % urls.length] as string),
          consortiumFile,
          blocksPerHour: 1_000_000,
          labPublic: options.labPublic,
          benignDirectory: join(ROOT, "fixtures/benign"),
        },
      ),
    ),
  );
  const nodes = new Set<NodeProcess>();
  return {
    network,
    consortium,
    accounts,
    plants,
    async startPlant(index) {
      const node = await startNodeProcess(plants[index] as LocalPlant);
      nodes.add(node);
      void node.exited.then(() => nodes.delete(node));
      return node;
    },
    async stop() {
      await Promise.all([...nodes].map((node) => node.stop()));
    },
  };
}
