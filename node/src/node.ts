/*
 * A node without its surroundings: the flows joined over ports, in the order of the walk (DESIGN §2).
 * `main.ts` gives it the real adapters, tests give it doubles.
 */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { SelectionContext } from "@anamnesis/sdk/core/selection";
import { stricterTlp } from "@anamnesis/sdk/core/tlp";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, Entry, IndicatorForm, IndicatorId, Tlp } from "@anamnesis/sdk/core/types";
import type { ValidationOutcome } from "@anamnesis/sdk/core/validation";
import type { HealthView } from "./api.ts";
import { type Admit, createAdmit } from "./flows/admit.ts";
import { createOwnFeed, type OwnFeed } from "./flows/append.ts";
import { type Archiver, createArchiver } from "./flows/archive.ts";
import type { AttestPorts } from "./flows/attest.ts";
import { createBlinding } from "./flows/blinding.ts";
import { chainAlarms } from "./flows/chain-alarms.ts";
import { createChainTime, createLeap } from "./flows/chain-time.ts";
import { createClosedHeads } from "./flows/closed-heads.ts";
import { createEgress } from "./flows/egress.ts";
import { type BlockPeriods, createHeadAge, type HeadAge } from "./flows/head-age.ts";
import { createIndexer, type Indexer } from "./flows/index-chain.ts";
import { createOwnSize } from "./flows/own-size.ts";
import { createPublish, type Publish, type ReleasePolicy } from "./flows/publish.ts";
import { createQuarantine } from "./flows/quarantine.ts";
import { createRebuildJob, type RebuildJob } from "./flows/rebuild-job.ts";
import { createRelay, type Relay, type RelayOptions } from "./flows/relay.ts";
import { recordable } from "./flows/relay-difference.ts";
import { createSense, type Sense, type SensePorts } from "./flows/sense.ts";
import { createSupport } from "./flows/support.ts";
import { createSync, proveFrom } from "./flows/sync.ts";
import { createVaccinate } from "./flows/vaccinate.ts";
import type { Vaccinate, VaccinateOptions } from "./flows/vaccinate-types.ts";
import type {
  Chain,
  Clock,
  Control,
  Detector,
  Hex16,
  Log,
  Peers,
  Randomness,
  Signer,
  StoreOp,
} from "./ports.ts";
import { createReactions } from "./reactions.ts";
import type { Rooms } from "./rooms.ts";
import type { NewChange } from "./state/changes.ts";
import { recordView } from "./state/view.ts";

/** The plant's surroundings. */
export interface NodePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomness: Randomness;
  readonly signer: Signer;
  readonly hasher: TypedDataHasher;
  readonly chain: Chain;
  readonly peers: Peers;
  readonly controls: readonly Control[];
  readonly detectors: readonly Detector[];
  readonly readPublished: SensePorts["readPublished"];
  /** The blinding key of 32 bytes as kept here, and how a fetched one is kept. */
  readonly blindingKey: Uint8Array | undefined;
  keepBlindingKey(key: Uint8Array): void;
}

/** The company's word, from the signed configuration. */
export interface NodePolicy {
  readonly release: ReleasePolicy;
  readonly selection: SelectionContext;
  readonly vaccination: Omit<VaccinateOptions, "commit">;
  readonly genesisHash: Bytes32;
  readonly registry: Address;
  /** SHA-256 of the blinding key as the contract holds it. */
  readonly blindingKeyHash: Bytes32;
  /** Runs a form against this plant's benign traffic. */
  validate(form: IndicatorForm): ValidationOutcome;
  readonly relay?: Omit<RelayOptions, "self">;
  /** How old the chain's head may be; without it, as old as it likes. */
  readonly blockPeriods?: BlockPeriods;
  /** For how long nothing may come from peers before anything new is put in force without them, ms; 0 by default. */
  readonly firstSyncMs?: number;
}

/** A joined node. */
export interface JoinedNode {
  readonly ownFeed: OwnFeed;
  readonly vaccinate: Vaccinate;
  readonly publish: Publish;
  readonly sense: Sense;
  readonly admit: Admit;
  readonly indexer: Indexer;
  readonly relay: Pick<Relay, "relayOnce">;
  readonly headAge: HeadAge;
  readonly speaker: AttestPorts;
  /** Keeps proofs for auditors. */
  readonly archiver: Archiver;
  /** Peers, relay, detectors; the chain has been looked at before. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Makes the projection anew beside the one in use; see flows/rebuild.ts. */
  readonly rebuild: RebuildJob;
  /** Once a second: whatever could not be done when it came. */
  tick(): Promise<void>;
  alarms(): HealthView["alarms"];
}

/** In how many ticks every status is looked at again because of time alone. */
const REFRESH_TICKS = 60;
/** Between two ticks: the machine slept or its clock was set, and everything is looked at, ms. */
const LEAP_MS = 5000;
/** Receipts in one message of the own feed. */
const RECEIPTS_AT_ONCE = 64;
/** Clocks further apart than this are told, ms. */
const SKEW_ALARM_MS = 600_000;

/** Joins the flows of one node over its rooms. Nothing is opened before `start`. */
export async function joinNode(rooms: Rooms, ports: NodePorts, policy: NodePolicy): Promise<JoinedNode> {
  const { clock, log, signer, hasher, chain, peers, controls, detectors } = ports;
  const { store, feeds, changes, memory, registry, detections, projection, rights, outbox } = rooms;
  const self = signer.address;
  const { validityDays } = policy.release;
  const tlpOf = (id: IndicatorId): Tlp => stricterTlp(policy.release.tlp, memory.record(id)?.tlp);
  const indexer = createIndexer({ chain, registry, log, clock });
  const headAge = createHeadAge(
    {
      clock,
      log,
      head: indexer.head,
      isReachable: indexer.reachable,
      isWaiting: () => chain.senders().some(({ waiting }) => waiting > 0),
    },
    policy.blockPeriods ?? { blockPeriodSeconds: Infinity, emptyBlockPeriodSeconds: Infinity },
  );
  const chainTime = createChainTime(clock, registry);
  const leapt = createLeap(clock);
  const speaker: AttestPorts = {
    clock,
    signer,
    memory,
    member: () => registry.memberOfKey(self),
    chainVersion: (subject, member) => registry.recordedRegister(subject, member)?.version ?? 0,
    clockSkewMs: chainTime.skewMs,
    signed: new Map(),
  };

  const egress = createEgress({ log, self, memberOf: (key) => registry.key(key)?.member });

  /** Writes what a start works out again: it need not outlive a power cut. */
  async function note(ops: readonly StoreOp[], news: readonly NewChange[], done?: () => void): Promise<void> {
    const staged = news.map(changes.stage);
    await store.commit([...ops, ...staged.map(({ op }) => op)], { sync: false });
    done?.();
    changes.publish(staged.map(({ change }) => change));
  }

  // The feed of this plant: what every other flow writes into.
  const ownFeed = createOwnFeed({
    store,
    feeds,
    changes,
    signer,
    randomness: ports.randomness,
    peers,
    log,
    isForAll: egress.isForAll,
    beforeSigning: () => doubtOwnSize(),
    project: (start, entries) =>
      reactions.onEffects(
        self,
        entries.map((entry, i) => projection.apply(self, start + i, entry, "own")),
      ),
  });

  // policy ▶ plan ▶ Vaccination ▶ receipt
  const vaccinate = createVaccinate(
    { clock, log, controls, vaccinations: rooms.vaccinations },
    {
      ...policy.vaccination,
      isHeld: true,
      async commit(ops, receipts, news) {
        const waiting = outbox.stage(receiptEntries(receipts, clock, tlpOf));
        await note([...ops, ...waiting.ops], news, waiting.done);
      },
    },
  );

  // alert ▶ Detection ▶ Indicator ▶ release ▶ Attestation
  const publish = await createPublish({
    ...speaker,
    store,
    detections,
    ownFeed,
    log,
    selection: policy.selection,
    release: policy.release,
    validate: policy.validate,
    renew: (indicator) => vaccinate.renew(indicator, clock.nowMs()),
  });
  const sense = createSense({
    store,
    log,
    clock,
    self: policy.vaccination.self,
    detections,
    detectors,
    readPublished: ports.readPublished,
    offer: (stored) => void publish.offer(stored),
  });

  // peer: admit ▶ memory ▶ what this member says ▶ the chain
  const support = createSupport({ ...speaker, ownFeed, log, validityDays, validate: policy.validate });
  const relay = createRelay(
    {
      chain,
      registry,
      clock,
      log,
      held: (subjects) => recordable(memory, subjects),
      heads: () => feeds.list().flatMap(({ head }) => head ?? []),
      proofs: () => quarantine.proofs(),
    },
    { ...policy.relay, self },
  );
  const reactions = createReactions({ clock, log, rooms, note, support, vaccinate, relay, peers });
  const archiver = createArchiver({ clock, log, hasher, chain, rooms, self });
  const admit = createAdmit({
    clock,
    log,
    store,
    feeds,
    changes,
    memory,
    projection,
    hasher,
    rights,
    self,
    onGap: (from, feed) => sync.fill(from, feed),
    onFork: (from, held, claimed) => {
      quarantine
        .suspect(held, claimed, from)
        .catch((error: unknown) => log.warn("feed.unproved", { feed: claimed.feed, message: String(error) }));
    },
    onUnanchored: reactions.onUnanchored,
    onEffects: reactions.onEffects,
  });
  const sync = createSync({
    clock,
    log,
    feeds,
    peers,
    admit,
    self,
    identity: {
      genesisHash: policy.genesisHash,
      registry: policy.registry,
      session: toHex(ports.randomness.bytes(8)) as Hex16,
    },
    hasher,
    egress,
    limitOf: (feed) => rights.limitOf(feed).size,
    onRival(peer) {
      if (ownFeed.state().open)
        ownFeed.close(`peer ${peer} hears another process that speaks with this node's key`);
      else ownSize.rival(peer);
    },
    onClone: (reason) => ownFeed.close(reason),
    onOwnSize: (peer, size) => ownSize.heard(peer, size),
  });
  const quarantine = createQuarantine({
    log,
    store,
    feeds,
    contradictions: rooms.contradictions,
    registry,
    hasher,
    peers,
    chain,
    self,
    onOwn: (reason) => ownFeed.close(reason),
    onProved: () => relay.kick(),
  });
  const closedHeads = createClosedHeads({
    clock,
    log,
    store,
    feeds,
    registry,
    hasher,
    chain,
    peers,
    admit,
    self,
  });
  const catchUp = (): void => {
    void publish.tick();
    // What came before this node could sign, in this life or an earlier one, has no answer yet.
    support.considerAll();
  };
  const ownSize = createOwnSize({
    clock,
    log,
    size: () => feeds.size(self),
    anchored: () =>
      indexer.reachable() && indexer.lag() === 0 ? (registry.anchored(self)?.size ?? 0) : undefined,
    others: () => registry.keys().filter((key) => key !== self && registry.isMember(key)),
    onKnown() {
      sync.setRestoring(false);
      ownFeed.open();
      catchUp();
    },
  });
  /** After a leap of time this process may know less of its own feed than its peers. */
  function doubtOwnSize(): void {
    if (!leapt()) return;
    log.warn("feed.doubted", { reason: "time leapt; the size of this node's feed is asked for again" });
    ownFeed.pause();
    sync.setRestoring(true);
    ownSize.again();
  }
  const blinding = createBlinding({
    log,
    peers,
    memory,
    expected: policy.blindingKeyHash,
    key: ports.blindingKey,
    keep: ports.keepBlindingKey,
    onKnown() {
      reactions.refreshAll();
      catchUp();
    },
  });

  async function sendReceipts(): Promise<void> {
    try {
      while (ownFeed.state().open) {
        const { entries, ops, done } = outbox.next(RECEIPTS_AT_ONCE);
        if (entries.length === 0) return;
        await ownFeed.append(entries.map(ownFeed.seal), { ops, done });
      }
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      log.warn("receipts.wait", { code: error.code, message: error.message });
    }
  }

  let unsubscribe = (): void => {};
  let tickedMs = clock.nowMs();

  return {
    ownFeed,
    vaccinate,
    publish,
    sense,
    admit,
    indexer,
    relay,
    headAge,
    speaker,
    archiver,
    rebuild: createRebuildJob({
      clock,
      log,
      chain,
      hasher,
      rooms,
      hold: indexer.hold,
      project: reactions.projectAnew,
    }),
    async start() {
      unsubscribe = registry.onChange((change) => {
        reactions.onChain(change);
        archiver.onChain(change);
      });
      support.consider(rooms.contested());
      await peers.start({
        isMember: registry.isMember,
        onMessage: (from, message) => admit.message(from, message),
        onHave: (from, have) => sync.onHave(from, have),
        onGet: async (from, feed, start, maxBytes) => sync.onGet(from, feed, start, maxBytes),
        onProve: async (_from, feed, m, n) => proveFrom(feeds, feed, m, n),
        onBlindingKey: () => blinding.answer(),
        onSelf: (remote) => ownFeed.close(`another process at ${remote} holds this node's key`),
        onConnect: (peer) => void sync.with(peer),
        onDisconnect: () => {},
      });
      ownSize.listen();
      // What peers know since then comes first, refutes and withdraws with it; what stands, stands.
      const isCaughtUp = await sync.first(policy.firstSyncMs ?? 0);
      log.info("sync.first", { caughtUp: isCaughtUp, connected: peers.connected().length });
      await vaccinate.reconcile(
        [...memory.records()].flatMap((record) => recordView(rooms, record, clock.nowMs()) ?? []),
      );
      indexer.start();
      relay.start();
      await sense.start();
    },
    async stop() {
      await sense.stop();
      await vaccinate.idle();
      // What cannot enter the feed now waits in the store for the next start.
      await sendReceipts();
      await relay.stop();
      await archiver.stop();
      await indexer.stop();
      await peers.stop();
      unsubscribe();
      await vaccinate.idle();
    },
    async tick() {
      doubtOwnSize();
      await sendReceipts();
      blinding.tick();
      sync.all().catch((error: unknown) => log.error("sync.failed", { message: String(error) }));
      ownSize.check();
      headAge.look();
      void closedHeads.tick();
      archiver.tick();
      quarantine.tick().catch((error: unknown) => log.error("feed.unproved", { message: String(error) }));
      reactions.onEffects(self, projection.retryFuture());
      rooms.shelf.keep().catch((error: unknown) => log.warn("shelf.waits", { message: String(error) }));
      support.tick();
      await publish.tick();
      vaccinate.tick(clock.nowMs());
      const sinceMs = Math.abs(clock.nowMs() - tickedMs);
      tickedMs = clock.nowMs();
      if (sinceMs < LEAP_MS) reactions.refreshSome(REFRESH_TICKS);
      else reactions.refreshAll();
    },
    alarms() {
      const waits = ownSize.waitsFor();
      const skew = chainTime.skewMs() ?? 0;
      const { closed } = ownFeed.state();
      const when = (holds: boolean, code: string, message: string) => (holds ? [{ code, message }] : []);
      return [
        ...when(waits !== undefined, "feed.sizeUnknown", `not signing yet; waiting for ${waits}`),
        ...when(closed !== undefined, "feed.cloned", `not signing any more: ${closed}`),
        ...when(
          !memory.hasBlindingKey(),
          "blindingKey.missing",
          "waiting for a peer to give the consortium's blinding key",
        ),
        ...when(
          speaker.member() === undefined,
          "attestation.unknownKey",
          `node key ${self} is not enrolled; the member account adds it`,
        ),
        ...quarantine.open().map(({ feed, isProved }) => ({
          code: "feed.equivocation",
          message: `key ${feed} signed two histories; its feed is taken no further${isProved ? "" : "; the path that proves it is still looked for"}`,
        })),
        ...when(
          !indexer.reachable(),
          "chain.unreachable",
          "the chain does not answer; everything goes on, nothing is recorded",
        ),
        ...chainAlarms({ chain, indexer, relay, headAge, clock }),
        ...when(
          Math.abs(skew) > SKEW_ALARM_MS,
          "clock.skew",
          `this clock and the chain's differ by ${Math.round(skew / 1000)} s; nothing is signed`,
        ),
      ];
    },
  };
}

function receiptEntries(
  receipts: Parameters<VaccinateOptions["commit"]>[1],
  clock: Clock,
  tlpOf: (id: IndicatorId) => Tlp,
): Entry[] {
  const at = Math.floor(clock.nowMs());
  return receipts.map((body) => ({
    at,
    tlp: tlpOf(body.indicator),
    kind: "receipt",
    body: body.expiresAtMs === undefined ? body : { ...body, expiresAtMs: Math.floor(body.expiresAtMs) },
  }));
}
