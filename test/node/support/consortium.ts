/**
 * A consortium of joined nodes in one process, on doubles: memory stores that can lose power, a network
 * and a ledger in memory, steered clocks, chance that repeats itself, scripted detectors, fake controls.
 *
 *   const [consortium, close] = await makeConsortium(4);
 *   consortium.alert(consortium.plant(1), "203.0.113.7");
 *   await consortium.settle();
 *   expect(new Set(consortium.heldHashes())).toHaveLength(1);
 */
import { utf8 } from "@anamnesis/sdk/core/bytes";
import { decodeEntry } from "@anamnesis/sdk/core/entry";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { blindingKeyHash, indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type {
  Address,
  Bytes32,
  Detection,
  IndicatorForm,
  IndicatorId,
  LineOutcome,
  Parameters,
  Self,
} from "@anamnesis/sdk/core/types";
import type { ValidationOutcome } from "@anamnesis/sdk/core/validation";
import {
  createFakeLedger,
  type FakeChain,
  type FakeLedger,
} from "../../../node/src/adapters/chain/fake-chain.ts";
import {
  createPublishedReader,
  type PublishedFormat,
} from "../../../node/src/adapters/detectors/published.ts";
import { createSigner } from "../../../node/src/adapters/keys/signer.ts";
import { createFakePeers, type FakePeers } from "../../../node/src/adapters/peers/fake-peers.ts";
import { createMemoryStore, type MemoryStore } from "../../../node/src/adapters/store/memory.ts";
import type { IndicatorView } from "../../../node/src/api.ts";
import { createCommands } from "../../../node/src/flows/command.ts";
import { indexOnce } from "../../../node/src/flows/index-chain.ts";
import type { ReleasePolicy } from "../../../node/src/flows/publish.ts";
import { type JoinedNode, joinNode, type NodePolicy } from "../../../node/src/node.ts";
import type { Control, Detector, Log, Peers } from "../../../node/src/ports.ts";
import { openRooms, type Rooms } from "../../../node/src/rooms.ts";
import { indicatorView } from "../../../node/src/state/view.ts";
import { createFakeControl, type FakeControl } from "./fake-control.ts";
import { DAY_MS, SELF, START_MS } from "./plant.ts";
import {
  createChance,
  createKeptLog,
  createScriptedDetector,
  createSteeredClock,
  createTornStore,
  createWorld,
  detectionOf,
  type LogLine,
  type PowerCut,
  type ScriptedDetector,
  type SteeredClock,
  type TornStore,
  turns,
  type World,
} from "./surroundings.ts";

/** The consortium's blinding key in tests. */
export const BLINDING_KEY = sha256(utf8("blinding key"));
const SMALL: Parameters = { members: 3, witnesses: 1, refutes: 2, maxBatch: 100 };
const RELEASE: ReleasePolicy = {
  automatic: [
    { class: "observable", minSeverity: 0 },
    { class: "modbus-write-by-non-writer", minSeverity: 0 },
  ],
  tlp: "green",
  validityDays: 30,
};

export interface ConsortiumOptions {
  readonly parameters?: Parameters;
  /** Members in the order of the plants; [1, 1, 2] gives member 1 two nodes. Default: one each. */
  readonly membership?: readonly number[];
  /** Plants that begin without the blinding key; the others have it. */
  readonly withoutKey?: readonly number[];
  /** What a plant's configuration says in place of the defaults. */
  policy?(plant: number): Partial<Omit<NodePolicy, "validate">>;
  validate?(plant: number, form: IndicatorForm): ValidationOutcome;
  /** Detectors of a plant beside its scripted one. */
  detectors?(plant: TestPlant, log: Log): readonly Detector[];
  /** How what programs publish is read, by the program. */
  readonly published?: readonly PublishedFormat[];
  /** Controls of a plant beside its fake one. */
  controls?(plant: TestPlant): readonly Control[];
  /** Whether plants are started. Default true. */
  readonly start?: boolean;
}

/** A plant: what lasts over restarts, and the node that runs there now. */
export interface TestPlant {
  readonly number: number;
  readonly member: number;
  readonly key: Address;
  readonly privateKey: Uint8Array;
  readonly clock: SteeredClock;
  readonly control: FakeControl;
  readonly chain: FakeChain;
  readonly log: readonly LogLine[];
  /** The lines of its detector, read and not. */
  readonly lines: LineOutcome[];
  /** Its blinding key file. */
  blindingKey: Uint8Array | undefined;
  self: Self;
  /** Undefined while it is off. */
  running: RunningPlant | undefined;
  /** What the next start finds. */
  disk: MemoryStore;
}

export interface RunningPlant {
  readonly node: JoinedNode;
  readonly rooms: Rooms;
  readonly store: TornStore;
  readonly peers: Peers;
  readonly detector: ScriptedDetector;
  readonly commands: ReturnType<typeof createCommands>;
}

export interface Consortium {
  readonly ledger: FakeLedger;
  readonly network: FakePeers;
  readonly world: World;
  readonly plants: readonly TestPlant[];
  /** Plant 1, 2 … */
  plant(number: number): TestPlant;
  /** Writes an alert into a plant's detector log; gives the attack's id. An address, or a whole detection. */
  alert(plant: TestPlant, attack: string | Detection): IndicatorId;
  start(plant: TestPlant, options?: { readonly cut?: PowerCut }): Promise<void>;
  stop(plant: TestPlant): Promise<void>;
  /** Power cut: what was not synced is gone. */
  crash(plant: TestPlant): void;
  /** One second of everybody's life, or as many ms as given. */
  second(ms?: number): Promise<void>;
  /** Lives on for some seconds. */
  live(seconds: number): Promise<void>;
  /** Lives on until nothing changes any more, by condition and without sleeping. Throws when it never rests. */
  settle(): Promise<void>;
  /** Lives on until the condition holds. Throws after `seconds`. */
  until(condition: () => boolean, seconds?: number): Promise<void>;
  /** Of the running plants. */
  heldHashes(): Bytes32[];
  recordedHashes(): Bytes32[];
  /** Status name of an attack at a plant, by signatures held. */
  status(plant: TestPlant, id: IndicatorId): string;
  view(plant: TestPlant, id: IndicatorId): IndicatorView | undefined;
  /** What must hold at every end: no word twice, no two applications, every line with an outcome. */
  faults(): string[];
}

const CLEAN: ValidationOutcome = {
  ok: true,
  result: { events: 2000, hours: 1, hits: 0, dataset: `0x${"da".repeat(32)}` as Bytes32 },
};

/** The private key of the test plant with this number. */
export function plantKey(number: number): Uint8Array {
  return sha256(utf8(`plant ${number}`));
}

/** Founds a consortium of n plants. `close` stops what runs. */
export async function makeConsortium(
  n: number,
  options: ConsortiumOptions = {},
): Promise<[Consortium, () => Promise<void>]> {
  const world = createWorld(START_MS);
  const membership = options.membership ?? Array.from({ length: n }, (_, i) => i + 1);
  const founders = Array.from({ length: Math.max(...membership, 3) }, (_, i) =>
    addressOfPrivateKey(sha256(utf8(`member ${i + 1}`))),
  );
  const ledger = createFakeLedger({
    founders,
    parameters: options.parameters ?? SMALL,
    blindingKeyHash: blindingKeyHash(BLINDING_KEY),
    clock: world,
  });
  const network = createFakePeers({ clock: world });
  const plants = membership.map((member, i) => createPlant(i + 1, member));

  function createPlant(number: number, member: number): TestPlant {
    const clock = createSteeredClock(world);
    const privateKey = plantKey(number);
    const key = addressOfPrivateKey(privateKey);
    ledger.addNodeKey(member, key);
    return {
      number,
      member,
      key,
      privateKey,
      clock,
      control: createFakeControl({ name: "edge", level: 4, nowMs: clock.nowMs }),
      chain: ledger.connect(),
      log: [],
      lines: [],
      blindingKey: options.withoutKey?.includes(number) === true ? undefined : BLINDING_KEY,
      self: { ...SELF, confirmedAtMs: START_MS },
      running: undefined,
      disk: createMemoryStore(),
    };
  }

  /** The power may go while it starts: then nobody answers any more. */
  async function start(plant: TestPlant, { cut }: { cut?: PowerCut } = {}): Promise<void> {
    const gone = Promise.withResolvers<void>();
    await Promise.race([boot(plant, cut, gone.resolve), gone.promise]);
  }

  async function boot(plant: TestPlant, cut: PowerCut | undefined, onCut: () => void): Promise<void> {
    const log = createKeptLog();
    log.lines.push = (...lines) => (plant.log as LogLine[]).push(...lines);
    const store = createTornStore(plant.disk, cut, () => {
      onCut();
      if (plant.running === undefined) plant.disk = plant.disk.crash();
      else crash(plant);
    });
    const rooms = await openRooms(store, ledger.hasher, plant.clock, plant.blindingKey);
    await indexOnce({ chain: plant.chain, registry: rooms.registry }).catch(() => {
      if (rooms.registry.recordedAt() === undefined) throw new Error("the first start needs the chain");
    });
    const peers = network.join(plant.key);
    const detector = createScriptedDetector("ids", plant.lines);
    const own = options.policy?.(plant.number) ?? {};
    const policy: NodePolicy = {
      release: RELEASE,
      selection: { self: plant.self, labPublic: ["203.0.113.0/24", "198.51.100.0/24"] },
      vaccination: {
        self: () => plant.self,
        phases: { edge: "protecting" },
        standing: [],
        budgetPerHour: 100,
        durationMs: DAY_MS,
      },
      genesisHash: plant.chain.genesisHash,
      registry: plant.chain.registry,
      blindingKeyHash: blindingKeyHash(BLINDING_KEY),
      validate: (form) => options.validate?.(plant.number, form) ?? CLEAN,
      ...own,
    };
    const node = await joinNode(
      rooms,
      {
        clock: plant.clock,
        log,
        randomness: createChance(`plant ${plant.number} ${world.monotonicMs()} ${plant.disk.commits}`),
        signer: createSigner(plant.privateKey, ledger.hasher),
        hasher: ledger.hasher,
        chain: plant.chain,
        peers,
        controls: [mortal(plant, () => running), ...(options.controls?.(plant) ?? [])],
        detectors: [detector, ...(options.detectors?.(plant, log) ?? [])],
        readPublished: createPublishedReader(options.published ?? [], plant.clock),
        blindingKey: plant.blindingKey,
        keepBlindingKey: (key) => {
          plant.blindingKey = key;
        },
      },
      policy,
    );
    const commands = createCommands({
      ...node.speaker,
      rooms,
      ownFeed: node.ownFeed,
      publish: node.publish,
      validityDays: policy.release.validityDays,
      selection: policy.selection,
      view: (id) => view(plant, id) as IndicatorView,
    });
    const running: RunningPlant = { node, rooms, store, peers, detector, commands };
    plant.running = running;
    await node.start();
  }

  function view(plant: TestPlant, id: IndicatorId): IndicatorView | undefined {
    const { rooms } = plant.running as RunningPlant;
    const record = rooms.memory.record(id);
    if (record === undefined) return undefined;
    return indicatorView(
      rooms,
      { applications: () => [], ceiling: () => "block" },
      record,
      plant.clock.nowMs(),
    );
  }

  async function stop(plant: TestPlant): Promise<void> {
    const { running } = plant;
    plant.running = undefined;
    await running?.node.stop();
  }

  function crash(plant: TestPlant): void {
    const { running } = plant;
    if (running === undefined) return;
    plant.running = undefined;
    plant.disk = running.store.cutPower();
    void running.peers.stop();
    void running.node.stop();
  }

  const ticking = new WeakSet<RunningPlant>();

  /** One look after another, as in a running node: the next one waits for the last. */
  function tick(running: RunningPlant): void {
    if (ticking.has(running)) return;
    ticking.add(running);
    void running.node.tick().finally(() => ticking.delete(running));
  }

  async function second(ms = 1000): Promise<void> {
    world.advance(ms);
    await Promise.all(
      plants.map(async ({ running }) => {
        if (running === undefined) return;
        void running.detector.drained().catch(() => undefined);
        tick(running);
        void running.node.indexer.kick();
        void running.node.relay.relayOnce();
      }),
    );
    await turns(12);
  }

  /** Everything that a change of state could show in. */
  function print(): string {
    return JSON.stringify([
      plants.map((plant) => {
        const { running } = plant;
        if (running === undefined) return null;
        const { rooms, node, store } = running;
        return [
          store.commits,
          rooms.memory.heldHash(),
          rooms.feeds.vectorHash(),
          rooms.registry.recordedAt(),
          rooms.detections.pendingCount(),
          rooms.memory.hasBlindingKey(),
          rooms.changes.last(),
          plant.control.inForce.size,
          node.ownFeed.state(),
        ];
      }),
    ]);
  }

  async function settle(): Promise<void> {
    let still = 0;
    let last = "";
    for (let i = 0; i < 600; i++) {
      await second();
      const now = print();
      still = now === last ? still + 1 : 0;
      last = now;
      // Longer than the relay's patience with three absent members and than a mined word's rest.
      if (still >= 25) return;
    }
    throw new Error(`the consortium never rests: ${last}`);
  }

  async function until(condition: () => boolean, seconds = 120): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      await turns(4);
      if (condition()) return;
      await second();
    }
    if (!condition()) throw new Error(`not within ${seconds} s: ${condition.toString()}`);
  }

  const running = (): RunningPlant[] => plants.flatMap((plant) => plant.running ?? []);

  function faults(): string[] {
    const found: string[] = [];
    for (const plant of plants) {
      if (plant.running === undefined) continue;
      const { rooms, node } = plant.running;
      const words = new Map<string, number>();
      for (const { feed } of rooms.feeds.list()) {
        for (let i = 0; i < rooms.feeds.size(feed); i++) {
          const item = rooms.feeds.item(feed, i);
          if (item === undefined) found.push(`plant ${plant.number}: item ${i} of ${feed} is lost`);
          if (item === undefined || !("entry" in item)) continue;
          const entry = decodeEntry(item.entry);
          if (entry.kind !== "attestation") continue;
          const word = `${rooms.registry.key(feed)?.member}/${entry.body.subject}/${entry.body.version}`;
          words.set(word, (words.get(word) ?? 0) + 1);
        }
      }
      for (const [word, times] of words)
        if (times > 1) found.push(`plant ${plant.number}: ${word} ${times} times`);
      if (rooms.detections.pendingCount() > 0) found.push(`plant ${plant.number}: alerts without an outcome`);
      const lines = rooms.detections.counts().get("ids")?.lines ?? 0;
      if (lines !== plant.lines.length)
        found.push(`plant ${plant.number}: ${lines} of ${plant.lines.length} lines`);
      const active = [...rooms.vaccinations.active("edge").keys()].sort();
      const inForce = [...plant.control.inForce.keys()].sort();
      if (active.join() !== inForce.join())
        found.push(`plant ${plant.number}: ${active.length} applications known, ${inForce.length} in force`);
      if (Object.keys(node.vaccinate.faults()).length > 0)
        found.push(`plant ${plant.number}: a control is at fault`);
    }
    return found;
  }

  const consortium: Consortium = {
    ledger,
    network,
    world,
    plants,
    plant: (number) => plants[number - 1] as TestPlant,
    alert(plant, attack) {
      const detection =
        typeof attack === "string"
          ? detectionOf(attack, { line: plant.lines.length + plant.number * 1000 })
          : attack;
      plant.lines.push({ kind: "detection", detection });
      const observable = detection.observables[0];
      if (observable === undefined) throw new Error("give a detection with an observable");
      return indicatorId(toPattern({ form: "observable", observable }));
    },
    start,
    stop,
    crash,
    second,
    async live(seconds) {
      for (let i = 0; i < seconds; i++) await second();
    },
    settle,
    until,
    heldHashes: () => running().map(({ rooms }) => rooms.memory.heldHash()),
    recordedHashes: () => running().map(({ rooms }) => rooms.registry.recordedHash()),
    status(plant, id) {
      const { rooms } = plant.running as RunningPlant;
      return rooms.memory.indicatorStatus(id, plant.clock.nowMs() / 1000).name;
    },
    view,
    faults,
  };

  if (options.start !== false) {
    for (const plant of plants) await start(plant);
    await until(() => running().every(({ node }) => node.ownFeed.state().open));
  }
  return [
    consortium,
    async () => {
      for (const plant of plants) await stop(plant);
    },
  ];
}

/** The plant's control as one process sees it: a dead process writes nothing any more. */
function mortal(plant: TestPlant, running: () => RunningPlant): Control {
  const { control } = plant;
  const isAlive = () => plant.running === undefined || plant.running === running();
  return {
    name: control.name,
    kind: control.kind,
    level: control.level,
    preflight: () => control.preflight(),
    compile: (form, action, self) => control.compile(form, action, self),
    apply: (applications) => (isAlive() ? control.apply(applications) : new Promise(() => {})),
    verify: (applications) => (isAlive() ? control.verify(applications) : new Promise(() => {})),
  };
}
