/*
 * A node: the flows joined to their adapters, in the order of the walk (DESIGN §2). It starts store,
 * chain, peers, http, detectors and stops in reverse.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { selfTest } from "@anamnesis/sdk/core/signature";
import type { Address, Entry } from "@anamnesis/sdk/core/types";
import { validate } from "@anamnesis/sdk/core/validation";
import { loadBenign } from "./adapters/benign/eve-benign.ts";
import { createEthersChain } from "./adapters/chain/ethers-chain.ts";
import { createEveFile } from "./adapters/detectors/eve-file.ts";
import { createHttp } from "./adapters/http/server.ts";
import { readKeystore, readSecretFile, readTokens, writeSecret } from "./adapters/keys/keystore.ts";
import { createSigner } from "./adapters/keys/signer.ts";
import { createPeers } from "./adapters/peers/libp2p-peers.ts";
import { openLevelStore } from "./adapters/store/level.ts";
import { createLog, systemClock, systemRandomness } from "./adapters/system.ts";
import type { PlantApi } from "./api.ts";
import { readConfig } from "./config.ts";
import { createAdmit } from "./flows/admit.ts";
import { createApi } from "./flows/answer.ts";
import { createOwnFeed } from "./flows/append.ts";
import type { AttestPorts } from "./flows/attest.ts";
import { createBlinding } from "./flows/blinding.ts";
import { createChainTime } from "./flows/chain-time.ts";
import { createCommands } from "./flows/command.ts";
import { createIndexer } from "./flows/index-chain.ts";
import { createOwnSize } from "./flows/own-size.ts";
import { createPublish } from "./flows/publish.ts";
import { createRelay } from "./flows/relay.ts";
import { createSense } from "./flows/sense.ts";
import { createSupport } from "./flows/support.ts";
import { createSync, proveFrom } from "./flows/sync.ts";
import { createVaccinate } from "./flows/vaccinate.ts";
import {
  configSigner,
  createControls,
  hasherOf,
  policyOf,
  readBlindingKey,
  readConsortium,
} from "./plant.ts";
import type { Clock, EquivocationProof, Log } from "./ports.ts";
import { createReactions, type Reactions } from "./reactions.ts";
import { openRooms } from "./rooms.ts";
import { recordView } from "./state/view.ts";

/** A running node. */
export interface Node {
  readonly api: PlantApi;
  readonly url: string;
  readonly key: Address;
  /** Multiaddrs that other nodes can dial. */
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

/** How often the node looks after itself, ms. */
const TICK_MS = 1000;
/** How often statuses are looked at again because of time alone, ms. */
const REFRESH_MS = 5000;

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
  if (!selfTest())
    throw new AnamnesisError(
      "config.invalid",
      "the signature library gives wrong results on this machine; reinstall with npm ci",
    );

  const consortium = readConsortium(config.chain.consortium);
  const hasher = hasherOf(consortium);
  const privateKey = await readKeystore(config.keystore.path, config.keystore.passwordFile);
  const relayKey = readSecretFile(config.chain.relayKey, "chain.relayKey");
  if (relayKey === undefined)
    throw new AnamnesisError("keystore.missing", `chain.relayKey: ${config.chain.relayKey} does not exist`);
  const blindingKey = readBlindingKey(config.blindingKey, consortium.blindingKeyHash);
  const signer = createSigner(privateKey, hasher);
  const { index: benign } = await loadBenign(config.validation.benign);
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each();
  };

  try {
    // ── store and what is in it ──
    const store = await openLevelStore(config.data, log);
    stops.push(() => store.close());
    const rooms = await openRooms(store, hasher, clock, blindingKey);
    const { feeds, memory, registry, detections, changes } = rooms;

    // ── chain ──
    const chain = createEthersChain({ urls: config.chain.urls, consortium, sender: relayKey, log });
    stops.push(() => chain.stop());
    const indexer = createIndexer({ chain, registry, log });
    await startChain(chain.start(), registry.recordedAt() !== undefined, log);
    await indexer.kick();
    const chainTime = createChainTime(clock, registry);

    // ── peers ──
    const peers = createPeers({
      privateKey,
      listen: config.peers.listen,
      dial: config.peers.dial,
      clock,
      randomness: systemRandomness,
      log,
    });
    let reactions: Reactions | undefined;
    const proofs = new Map<Address, EquivocationProof>();

    // ── the walk: own feed ──
    const ownFeed = createOwnFeed({
      store,
      feeds,
      changes,
      signer,
      randomness: systemRandomness,
      peers,
      log,
      project: (index, entry) =>
        reactions?.onEffects(signer.address, [rooms.projection.apply(signer.address, index, entry)]),
    });
    const speaker: AttestPorts = {
      clock,
      signer,
      memory,
      member: () => registry.memberOfKey(signer.address),
      chainVersion: (subject, member) => registry.recordedRegister(subject, member)?.version ?? 0,
      clockSkewMs: chainTime.skewMs,
    };
    const run = (form: Parameters<typeof validate>[0]) =>
      validate(form, config.self, benign, {
        minimumEvents: config.validation.minEvents,
        minimumHours: config.validation.minHours,
      });
    const validityDays = config.release.validityDays;

    // ── policy → plan → vaccination → receipt ──
    const controls = createControls(config, clock);
    const signedBy = configSigner(config, hasher, registry, signer.address);
    const vaccinate = createVaccinate(
      { clock, log, controls, vaccinations: rooms.vaccinations },
      policyOf(config, signedBy !== undefined, (ops, receipts, news) => {
        const at = Math.floor(clock.nowMs());
        const entries = receipts.map(
          (body): Entry => ({ at, tlp: config.release.tlp, kind: "receipt", body }),
        );
        return ownFeed.append(entries.map(ownFeed.seal), { ops, changes: news });
      }),
    );

    // ── alert → detection → indicator → attestation ──
    const publish = await createPublish({
      ...speaker,
      store,
      detections,
      ownFeed,
      log,
      selection: { self: config.self, labPublic: config.lab.public },
      release: config.release,
      validate: run,
      renew: (indicator) => vaccinate.renew(indicator, clock.nowMs()),
    });
    const detectors = config.detectors.map(({ name, path }) =>
      createEveFile({ name, path, clock, log, self: () => config.self }),
    );
    const sense = createSense({
      store,
      log,
      clock,
      self: () => config.self,
      detections,
      detectors,
      offer: (stored) => void publish.offer(stored),
    });

    // ── peer: admit, answer, relay ──
    const support = createSupport({ ...speaker, ownFeed, log, validityDays, validate: run });
    const relay = createRelay(
      {
        chain,
        registry,
        clock,
        log,
        held: () => memory.allStances(),
        heads: () => feeds.list().flatMap(({ head }) => head ?? []),
        proofs: () => proofs.values(),
      },
      { self: signer.address },
    );
    reactions = createReactions({ clock, log, rooms, ownFeed, support, vaccinate, relay, peers });
    const { onEffects, onChain, refreshAll } = reactions;
    stops.push(registry.onChange(onChain));
    const admit = createAdmit({
      clock,
      log,
      store,
      feeds,
      changes,
      memory,
      projection: rooms.projection,
      hasher,
      rights: rooms.rights,
      self: signer.address,
      onGap: (from, feed) => sync.fill(from, feed),
      onFork: (from, held, claimed) => void sync.prove(from, held, claimed),
      onEffects,
    });
    const ownSize = createOwnSize({
      clock,
      log,
      size: () => feeds.size(signer.address),
      anchored: () =>
        indexer.reachable() && indexer.lag() === 0
          ? (registry.anchored(signer.address)?.size ?? 0)
          : undefined,
      others: () => registry.keys().filter((key) => key !== signer.address && registry.isMember(key)),
      onKnown() {
        sync.setRestoring(false);
        ownFeed.open();
        void publish.tick();
        support.tick();
      },
    });
    const sync = createSync({
      clock,
      log,
      feeds,
      peers,
      admit,
      self: signer.address,
      identity: { genesisHash: consortium.genesisHash, registry: consortium.registry },
      isKnownFeed: (feed) => registry.keyState(feed) !== "unknown",
      onClone: (reason) => ownFeed.close(reason),
      onOwnSize: (peer, size) => ownSize.heard(peer, size),
      onEquivocation(proof) {
        proofs.set(proof.a.feed, proof);
        relay.kick();
      },
    });
    const blinding = createBlinding({
      log,
      peers,
      memory,
      expected: consortium.blindingKeyHash,
      key: blindingKey,
      keep: (key) => writeSecret(config.blindingKey, `${toHex(key)}\n`),
      onKnown() {
        refreshAll();
        void publish.tick();
        support.tick();
      },
    });

    await vaccinate.reconcile(
      [...memory.records()].flatMap((record) => recordView(rooms, record, clock.nowMs()) ?? []),
    );
    await peers.start({
      isMember: registry.isMember,
      onMessage: (from, message) => admit.message(from, message),
      onHave: (_from, have) => sync.onHave(have),
      onGet: async (_from, feed, start, maxBytes) => sync.onGet(feed, start, maxBytes),
      onProve: async (_from, feed, m, n) => proveFrom(feeds, feed, m, n),
      onBlindingKey: () => blinding.answer(),
      onSelf: (remote) => ownFeed.close(`another process at ${remote} holds this node's key`),
      onConnect: (peer) => void sync.with(peer),
      onDisconnect: () => {},
    });
    stops.push(() => peers.stop());
    indexer.start();
    stops.push(() => indexer.stop());
    relay.start();
    stops.push(() => relay.stop());

    // ── people and programs ──
    const api = createApi({
      clock,
      config,
      rooms,
      key: signer.address,
      controls,
      vaccinate,
      configSignedBy: () => signedBy ?? null,
      running: {
        armed: () => signedBy !== undefined && config.controls.some(({ phase }) => phase === "protecting"),
        alarms: () => alarms(),
        peers: () =>
          registry
            .keys()
            .filter((key) => key !== signer.address)
            .map((key) => ({
              key,
              member: registry.key(key)?.member ?? null,
              connected: peers.connected().includes(key),
            })),
        chain: () => ({ reachable: indexer.reachable(), lagBlocks: indexer.lag() }),
        ignored: () => admit.counts().ignored,
        rejected: () => admit.counts().rejected,
        validation: () => ({ events: benign.events.address, hours: benign.hours, dataset: benign.dataset }),
        commands: {
          ...createCommands({
            ...speaker,
            rooms,
            ownFeed,
            publish,
            validityDays,
            view: (id) => api.indicator(id) as never,
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
      log,
    });
    const { url } = await http.start();
    stops.push(() => http.stop());
    await sense.start();
    stops.push(() => sense.stop());

    let refreshedMs = clock.monotonicMs();
    const tick = async (): Promise<void> => {
      blinding.tick();
      await sync.all();
      ownSize.check();
      onEffects(signer.address, rooms.projection.retryFuture());
      support.tick();
      await publish.tick();
      vaccinate.tick(clock.nowMs());
      if (clock.monotonicMs() - refreshedMs > REFRESH_MS) {
        refreshedMs = clock.monotonicMs();
        refreshAll();
      }
    };
    stops.push(every(TICK_MS, tick, log));
    const runFile = join(config.directory, "run.json");
    writeFileSync(runFile, JSON.stringify({ pid: process.pid, url }));
    stops.push(() => rmSync(runFile, { force: true }));
    log.info("node.started", {
      url,
      key: signer.address,
      member: speaker.member() ?? null,
      records: memory.recordCount(),
      signedBy: signedBy ?? null,
    });

    function alarms(): { code: string; message: string }[] {
      const waits = ownSize.waitsFor();
      const skew = chainTime.skewMs() ?? 0;
      const { closed } = ownFeed.state();
      return [
        ...(waits === undefined
          ? []
          : [{ code: "feed.sizeUnknown", message: `not signing yet; waiting for ${waits}` }]),
        ...(closed === undefined
          ? []
          : [{ code: "feed.cloned", message: `not signing any more: ${closed}` }]),
        ...(memory.hasBlindingKey()
          ? []
          : [
              {
                code: "blindingKey.missing",
                message: "waiting for a peer to give the consortium's blinding key",
              },
            ]),
        ...(speaker.member() === undefined
          ? [
              {
                code: "attestation.unknownKey",
                message: `node key ${signer.address} is not enrolled; the member account adds it`,
              },
            ]
          : []),
        ...(indexer.reachable()
          ? []
          : [
              {
                code: "chain.unreachable",
                message: "the chain does not answer; everything goes on, nothing is recorded",
              },
            ]),
        ...(Math.abs(skew) > 600_000
          ? [
              {
                code: "clock.skew",
                message: `this clock and the chain's differ by ${Math.round(skew / 1000)} s; nothing is signed`,
              },
            ]
          : []),
        ...(signedBy === undefined
          ? [
              {
                code: "config.signature",
                message: "the configuration is not signed by this member's account: alert only",
              },
            ]
          : []),
      ];
    }

    return { api, url, key: signer.address, addresses: peers.addresses(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The chain must answer once, at the very first start; afterwards the node goes on without it. */
async function startChain(starting: Promise<void>, seenBefore: boolean, log: Log): Promise<void> {
  try {
    await starting;
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
