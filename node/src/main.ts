/* A node with its surroundings: the only file that knows all adapters. Started in order, stopped in reverse. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { selfTest } from "@anamnesis/sdk/core/signature";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import { validate } from "@anamnesis/sdk/core/validation";
import { loadBenign } from "./adapters/benign/eve-benign.ts";
import { createDetectors } from "./adapters/detectors/create.ts";
import { createPublishedReader } from "./adapters/detectors/published.ts";
import { createHttp } from "./adapters/http/server.ts";
import { readKeystore, readTokens } from "./adapters/keys/keystore.ts";
import { NODE_PASSWORD } from "./adapters/keys/password.ts";
import { writeSecret } from "./adapters/keys/private-file.ts";
import { createSigner } from "./adapters/keys/signer.ts";
import { createPeers } from "./adapters/peers/libp2p-peers.ts";
import { openLevelStore } from "./adapters/store/level.ts";
import { createLog, systemClock, systemRandomness } from "./adapters/system.ts";
import { createTaxii } from "./adapters/taxii/taxii.ts";
import type { HealthView, IndicatorView, PlantApi } from "./api.ts";
import { readConfig } from "./config.ts";
import { createApi } from "./flows/answer.ts";
import { createCommands } from "./flows/command.ts";
import { indexOnce } from "./flows/index-chain.ts";
import { createOrders } from "./flows/orders.ts";
import { joinNode } from "./node.ts";
import {
  askConfigSigner,
  createChain,
  createControls,
  exporterOf,
  hasherOf,
  policyOf,
  readBlindingKey,
  readConsortium,
  readRelayKeys,
} from "./plant.ts";
import type { Chain, Clock, Control, Log } from "./ports.ts";
import { openRooms } from "./rooms.ts";
import { loadInFlight } from "./state/in-flight.ts";

/** A running node. */
export interface Node {
  readonly api: PlantApi;
  readonly url: string;
  readonly key: Address;
  /** Multiaddrs that other nodes can dial. */
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

/** For how long nothing may come from peers before a starting node puts anything new in force without them, ms. */
const FIRST_SYNC_MS = 5000;
/** How often the node looks after itself, ms. */
const TICK_MS = 1000;

/**
 * Starts the node of a plant.
 *
 * Throws `config.invalid`, `keystore.*`, `store.locked`, `port.taken`, `blindingKey.mismatch`,
 * `chain.mismatch`, and `chain.unreachable` when the chain was never seen before.
 */
export async function startNode(
  configPath: string,
  options: { log?: Log; clock?: Clock } = {},
): Promise<Node> {
  const config = readConfig(configPath);
  const log = options.log ?? createLog(config.plant);
  const clock = options.clock ?? systemClock;
  if (!selfTest()) {
    throw new AnamnesisError(
      "config.invalid",
      "the signature library gives wrong results on this machine; reinstall with npm ci",
    );
  }
  const consortium = readConsortium(config.chain.consortium);
  const hasher = hasherOf(consortium);
  const privateKey = await readKeystore(config.keystore.path, {
    file: config.keystore.passwordFile,
    variable: NODE_PASSWORD,
    setting: "keystore.passwordFile",
  });
  const senders = readRelayKeys(config);
  const blindingKey = readBlindingKey(config.blindingKey, consortium.blindingKeyHash);
  const signer = createSigner(privateKey, hasher);
  const { index: benign } = await loadBenign(config.validation.benign);
  const limits = { minimumEvents: config.validation.minEvents, minimumHours: config.validation.minHours };
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each();
  };

  try {
    const store = await openLevelStore(config.data, log);
    stops.push(() => store.close());
    const rooms = await openRooms(store, hasher, clock, blindingKey);

    const book = await loadInFlight(store);
    const chain = createChain(config, consortium, log, { senders, book });
    stops.push(() => chain.stop());
    await reachChain(
      async () => {
        await chain.start();
        await requireBlindingKeyHash(chain, consortium.blindingKeyHash);
        await indexOnce({ chain, registry: rooms.registry });
      },
      rooms.registry.recordedAt() !== undefined,
      log,
    );

    const peers = createPeers({
      privateKey,
      listen: config.peers.listen,
      dial: config.peers.dial,
      clock,
      randomness: systemRandomness,
      log,
    });
    const controls = createControls(config, clock);
    const faults = await preflightAll(controls, log);
    const signedBy = await askConfigSigner(config, hasher, rooms.registry, signer.address, { chain, log });
    const node = await joinNode(
      rooms,
      {
        clock,
        log,
        randomness: systemRandomness,
        signer,
        hasher,
        chain,
        peers,
        controls,
        detectors: createDetectors(config.detectors, {
          clock,
          log,
          self: () => config.self,
          plant: config.plant,
        }),
        readPublished: createPublishedReader(
          config.detectors.filter(({ http }) => http === true),
          clock,
        ),
        blindingKey,
        keepBlindingKey: (key) => writeSecret(config.blindingKey, `${toHex(key)}\n`),
      },
      {
        release: config.release,
        selection: { self: config.self, labPublic: config.lab.public },
        vaccination: { ...policyOf(config, signedBy !== undefined), orders: rooms.orders },
        genesisHash: consortium.genesisHash,
        registry: consortium.registry,
        blindingKeyHash: consortium.blindingKeyHash,
        firstSyncMs: FIRST_SYNC_MS,
        blockPeriods: config.chain,
        validate: (form) => validate(form, config.self, benign, limits),
      },
    );
    const { ownFeed, publish, speaker, vaccinate, indexer, admit, sense } = node;

    const api = createApi({
      clock,
      log,
      config,
      rooms,
      key: signer.address,
      controls,
      vaccinate,
      configSignedBy: () => signedBy ?? null,
      rebuild: node.rebuild,
      exportEvidence: exporterOf({ log, hasher, chain, rooms, self: signer.address }, consortium),
      running: {
        armed: () => signedBy !== undefined && config.controls.some(({ phase }) => phase === "protecting"),
        alarms: () => [...node.alarms(), ...faults, ...(signedBy === undefined ? [UNSIGNED] : [])],
        connected: () => peers.connected(),
        chain: () => ({
          reachable: indexer.reachable(),
          lagBlocks: indexer.lag(),
          headAgeSeconds: node.headAge.ageSeconds() ?? null,
          endpoints: chain.endpoints(),
          senders: chain.senders(),
        }),
        ignored: () => admit.counts().ignored,
        rejected: () => admit.counts().rejected,
        archive: node.archiver.status,
        validation: () => ({ events: benign.events.address, hours: benign.hours, dataset: benign.dataset }),
        orders: createOrders({
          clock,
          log,
          orders: rooms.orders,
          controls: config.controls,
          persons: config.approvals.persons,
          vaccinate,
          async commit(ops, news) {
            const staged = news.map(rooms.changes.stage);
            await rooms.store.commit([...ops, ...staged.map(({ op }) => op)]);
            rooms.changes.publish(staged.map(({ change }) => change));
          },
        }),
        commands: {
          ...createCommands({
            ...speaker,
            rooms,
            ownFeed,
            publish,
            validityDays: config.release.validityDays,
            selection: { self: config.self, labPublic: config.lab.public },
            view: (id) => api.indicator(id) as IndicatorView,
          }),
          publish: sense.publish,
        },
      },
    });
    const http = createHttp({
      api,
      host: config.http.host,
      port: config.http.port,
      tokens: readTokens(join(config.directory, "tokens.json")),
      openReads: config.environment === "lab",
      mounted: [createTaxii({ api, clock, log, plant: config.plant })],
      log,
    });
    const { url } = await http.start();
    stops.push(() => http.stop());
    stops.push(() => node.stop());
    await node.start();
    stops.push(every(TICK_MS, node.tick, log));
    const runFile = join(config.directory, "run.json");
    writeFileSync(runFile, JSON.stringify({ pid: process.pid, url }));
    stops.push(() => rmSync(runFile, { force: true }));
    log.info("node.started", {
      url,
      key: signer.address,
      member: speaker.member() ?? null,
      records: rooms.memory.recordCount(),
      signedBy: signedBy ?? null,
    });
    return { api, url, key: signer.address, addresses: peers.addresses(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const UNSIGNED = {
  code: "config.signature",
  message: "the configuration is not signed by this member's account: alert only",
};

/** The contract's commitment to the blinding key must be the one this plant was given. Throws `blindingKey.mismatch`. */
async function requireBlindingKeyHash(chain: Chain, expected: Bytes32): Promise<void> {
  const held = await chain.blindingKeyHash();
  if (held === expected) return;
  throw new AnamnesisError(
    "blindingKey.mismatch",
    `chain.consortium: the contract holds ${held} for the blinding key, the file says ${expected}; take the consortium's file`,
  );
}

/** What each control says of itself before it is trusted: paths, parsers, failing open. Faults are alarms. */
async function preflightAll(controls: readonly Control[], log: Log): Promise<readonly Alarm[]> {
  const alarms: Alarm[] = [];
  for (const control of controls) {
    try {
      await control.preflight();
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      log.error(error.code, { control: control.name, message: error.message });
      alarms.push({ code: error.code, message: `control ${control.name}: ${error.message}` });
    }
  }
  return alarms;
}

type Alarm = HealthView["alarms"][number];

/** The chain must answer once, at the very first start; afterwards the node goes on without it. */
async function reachChain(reach: () => Promise<void>, seenBefore: boolean, log: Log): Promise<void> {
  try {
    await reach();
  } catch (error) {
    if (!seenBefore || !isAnamnesisError(error, "chain.unreachable")) throw error;
    log.warn("chain.unreachable", { message: error.message });
  }
}

/** Runs a task again and again with a pause in between; returns the function that ends it and waits for it. */
function every(ms: number, task: () => Promise<void>, log: Log): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let ended = false;
  const next = () => {
    if (ended) return;
    timer = setTimeout(() => {
      running = task()
        .catch((error: unknown) =>
          log.error("tick.failed", {
            message: error instanceof Error ? (error.stack ?? error.message) : String(error),
          }),
        )
        .then(next);
    }, ms);
  };
  next();
  return async () => {
    ended = true;
    clearTimeout(timer);
    await running;
  };
}
