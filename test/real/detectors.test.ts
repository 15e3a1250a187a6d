/**
 * Live detectors at plant A, followed by its real node while they write: Suricata and tshark are given captures
 * as they come, CrowdSec follows Suricata's log and posts its alerts to the node's API. What they say together has to arrive as the right records
 * at other plants, and plant B's own Suricata has to meet the attack by the rules that B compiled from them.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BEHAVIOUR_CLASSES, behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { IcsProtocol, IndicatorForm, IndicatorId, Self } from "@anamnesis/sdk/core/types";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createSuricata } from "../../node/src/adapters/controls/suricata.ts";
import { createFormattedFile } from "../../node/src/adapters/detectors/formatted-file.ts";
import { createHttp } from "../../node/src/adapters/http/server.ts";
import type { PlantApi } from "../../node/src/api.ts";
import { type Consortium, makeConsortium, type TestPlant } from "../node/support/consortium.ts";
import { DAY_MS, START_MS } from "../node/support/plant.ts";
import {
  type Engine,
  MISSING,
  makeWork,
  type PacketEngine,
  startCrowdsec,
  startSuricata,
  startTshark,
} from "./support/engines.ts";

const SILENCE = { debug() {}, info() {}, warn() {}, error() {} };
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ATTACKS = join(ROOT, "fixtures/attacks");
const SAMPLES = join(process.env.ANAMNESIS_SAMPLES ?? join(ROOT, "../shared/samples"), "pcap");
const facts = JSON.parse(readFileSync(join(ROOT, "fixtures/facts.json"), "utf8")) as {
  maliciousFile: { sha256: string };
};

for (const [engine, why] of Object.entries({ ...MISSING, zeek: "Debian has no package of it" }))
  if (why !== undefined) console.warn(`SKIPPED part of test/real/detectors: ${engine}: ${why}`);
const cannot = MISSING.suricata !== undefined || MISSING.tshark !== undefined;
const withCrowdsec = MISSING.crowdsec === undefined;
/** Who tells of a Modbus write, by the names that plant A gives them. */
const ALL = [...(withCrowdsec ? ["api-crowdsec"] : []), "suricata", "tshark"];
const TOKEN = "token-of-crowdsec";
const noSamples = existsSync(SAMPLES) ? undefined : "needs the published captures";
if (noSamples !== undefined) console.warn(`SKIPPED part of test/real/detectors: ${noSamples}`);

/** Controllers of the published captures, which stand beside plant A's own. */
const PUBLISHED = ["134.249.61.163", "192.168.60.130", "192.168.10.120"];

/** One interface has one kind of frames. */
const NOT_ETHERNET = ["sv__dnp3__dnp3-flood__input.pcap"];

/** Plant n of the recordings: A is 1. */
function selfOf(n: number): Self {
  const own = (name: string, host: string) => ({ name, addresses: [`10.${n}.${host}`] });
  return {
    assets: [
      own("controller", "2.10"),
      own("hmi", "2.20"),
      own("engineering station", "2.30"),
      own("historian", "2.40"),
      own("workstation", "5.50"),
      own("gateway", "5.80"),
    ],
    domains: ["plant.example"],
    roles: {
      otNetwork: [`10.${n}.2.0/24`],
      writers: [`10.${n}.2.20`, `10.${n}.2.30`],
      engineeringStations: [`10.${n}.2.30`],
      controllers: [`10.${n}.2.10`, ...PUBLISHED],
    },
    services: [
      { name: "vendor", addresses: ["198.51.100.10", "198.51.100.53"], domains: ["vendor.example"] },
    ],
    files: [],
    confirmedAtMs: START_MS,
  };
}

/** The address groups that the recorded rules need, at plant n. */
const groups = (n: number): Readonly<Record<string, string>> => ({
  "vars.address-groups.HOME_NET": `[10.${n}.0.0/16]`,
  "vars.address-groups.OT_NET": `[10.${n}.2.0/24]`,
  "vars.address-groups.WRITERS": `[10.${n}.2.20,10.${n}.2.30]`,
  "vars.address-groups.PLCS": `[10.${n}.2.10]`,
});

function conduct(protocol: IcsProtocol, code: number): IndicatorForm {
  const behaviour = behaviourOf(icsRequest(protocol, code)!);
  if (behaviour === undefined) throw new Error(`${protocol} ${code} has no class`);
  return { form: "behaviour", behaviour };
}

const idOf = (form: IndicatorForm): IndicatorId => indicatorId(toPattern(form));
const COIL = idOf(conduct("modbus", 5));
const HOLDING = idOf(conduct("modbus", 6));

describe.skipIf(cannot)("live detectors", { timeout: 60_000 }, () => {
  const [workA, removeA] = makeWork("anamnesis-live-a-");
  const [workB, removeB] = makeWork("anamnesis-live-b-");
  const rulesB = join(workB, "anamnesis.rules");
  const started: Pick<Engine, "stop">[] = [];
  let suricata: PacketEngine;
  let tshark: PacketEngine;
  let consortium: Consortium;
  let close: () => Promise<void> = async () => {};

  beforeAll(async () => {
    suricata = startSuricata(workA, { rules: join(workA, "plant.rules"), sets: groups(1) });
    started.push(suricata);
    tshark = startTshark(workA);
    started.push(tshark);
    const follow = (plant: TestPlant, name: string, format: string, path: string, watches = true) =>
      createFormattedFile({
        name,
        format,
        path,
        clock: plant.clock,
        log: SILENCE,
        self: () => plant.self,
        ...(watches && { baseline: { level: 2, off: [] } }),
      });
    [consortium, close] = await makeConsortium(4, {
      start: false,
      policy: (number) => ({
        release: {
          automatic: (["observable", ...BEHAVIOUR_CLASSES] as const).map((each) => ({
            class: each,
            minSeverity: 0,
          })),
          tlp: "green",
          validityDays: 30,
        },
        vaccination: {
          self: () => consortium.plant(number).self,
          phases: { edge: "protecting", sensor: "protecting" },
          standing: [],
          budgetPerHour: 100,
          durationMs: DAY_MS,
        },
      }),
      detectors: (plant) =>
        plant.number === 1
          ? [follow(plant, "suricata", "eve", suricata.log), follow(plant, "tshark", "tshark", tshark.log)]
          : plant.number === 2
            ? [follow(plant, "suricata", "eve", join(workB, "eve.json"), false)]
            : [],
      published: [{ name: "crowdsec", format: "crowdsec" }],
      controls: (plant) =>
        plant.number === 2
          ? [createSuricata({ name: "sensor", level: 2, path: rulesB }, { clock: plant.clock })]
          : [],
    });
    for (const plant of consortium.plants) {
      plant.self = selfOf(plant.number);
      await consortium.start(plant);
    }
    await consortium.until(() =>
      consortium.plants.every(({ running }) => running?.node.ownFeed.state().open === true),
    );
    if (!withCrowdsec) return;
    const { sense } = consortium.plant(1).running!.node;
    const http = createHttp({
      api: { publish: sense.publish } as PlantApi,
      port: 0,
      openReads: false,
      log: SILENCE,
      tokens: [
        { role: "detector", name: "crowdsec", sha256: createHash("sha256").update(TOKEN).digest("hex") },
      ],
    });
    started.push(http);
    const { url } = await http.start();
    started.push(await startCrowdsec(workA, suricata.log, { url, token: TOKEN }));
  });

  afterAll(async () => {
    await close();
    for (const engine of started.reverse()) await engine.stop();
    removeA();
    removeB();
  });

  /** Lives on while the engines work, until it holds. */
  const eventually = (condition: () => boolean | Promise<boolean>): Promise<void> =>
    vi.waitFor(
      async () => {
        await consortium.second();
        if (!(await condition())) throw new Error("not yet");
      },
      { timeout: 50_000, interval: 20 },
    );
  const holds = (number: number, id: IndicatorId): boolean =>
    consortium.plant(number).running?.rooms.memory.record(id)?.form !== undefined;
  const patterns = (number: number): string[] =>
    [...consortium.plant(number).running!.rooms.memory.records()]
      .flatMap(({ form }) => (form === undefined ? [] : [toPattern(form).pattern]))
      .sort();
  /** Whether the engines have said nothing since the last look, and nothing waits. */
  let told = "";
  const isQuiet = (): boolean => {
    const now = JSON.stringify(["suricata", "tshark"].map((name) => countsOf(name)?.lines));
    const isSame = now === told;
    told = now;
    return isSame && consortium.plant(1).running!.rooms.detections.pendingCount() === 0;
  };
  const detectorsOf = (number: number, id: IndicatorId) =>
    consortium.plant(number).running!.rooms.detections.detectorsOf(id);

  const countsOf = (detector: string) => consortium.plant(1).running!.rooms.detections.counts().get(detector);

  test("one write, seen by three engines, is one record at every plant", async () => {
    suricata.feed(join(ATTACKS, "modbus-write.pcap"));
    tshark.feed(join(ATTACKS, "modbus-write.pcap"));
    await eventually(() => [2, 3, 4].every((number) => [COIL, HOLDING].every((id) => holds(number, id))));
    await eventually(() => [COIL, HOLDING].every((id) => detectorsOf(1, id).length === ALL.length));
    // Its rule and its baseline speak of the same requests: each is counted once.
    await eventually(() => (countsOf("suricata")?.detections ?? 0) >= 60);
    expect(countsOf("suricata")?.detections).toBe(60);
    for (const id of [COIL, HOLDING]) expect(detectorsOf(1, id)).toEqual(ALL);
    expect(patterns(3)).toEqual(
      [conduct("modbus", 5), conduct("modbus", 6)].map((form) => toPattern(form).pattern).sort(),
    );
  });

  test("an intrusion from outside arrives as address, name, URL and file; the plant's own machines never", async () => {
    suricata.feed(join(ATTACKS, "internet-exploit.pcap"));
    const file = idOf({
      form: "observable",
      observable: { kind: "file", value: facts.maliciousFile.sha256 },
    });
    const address = idOf({ form: "observable", observable: { kind: "ipv4-addr", value: "203.0.113.7" } });
    const name = idOf({
      form: "observable",
      observable: { kind: "domain-name", value: "update.turbine-fw.example" },
    });
    await eventually(() => [file, address, name].every((id) => holds(3, id)));
    if (withCrowdsec) {
      await eventually(() => detectorsOf(1, address).includes("api-crowdsec"));
      // It accuses the workstation of the connection to the attacker's name.
      const { detections } = consortium.plant(1).running!.rooms;
      await eventually(async () =>
        (await detections.recent(500)).some(
          ({ detection, outcome }) =>
            detection.rule.engine === "crowdsec" &&
            detection.attacker?.address === "10.1.5.50" &&
            outcome?.kind === "stopped",
        ),
      );
    }
    await eventually(() => consortium.plant(1).running!.rooms.detections.pendingCount() === 0);
    expect(patterns(3).join()).not.toMatch(/\b10\.\d+\.\d+\.\d+|198\.51\.100/);
    expect(patterns(3)).toEqual(patterns(1));
  });

  test.skipIf(noSamples !== undefined)("published captures of other protocols", async () => {
    const before = patterns(4);
    for (const capture of ["ITI__snap7_s300_stop.pcapng", "ITI__directoperate_and_response.pcap"])
      tshark.feed(join(SAMPLES, capture));
    suricata.feed(join(SAMPLES, "ITI__directoperate_and_response.pcap"));
    // The attacker of the first has a public address, which travels as well.
    const attacker = { kind: "ipv4-addr", value: "134.249.62.206" } as const;
    const forms: readonly IndicatorForm[] = [
      conduct("s7comm", 0x29),
      conduct("dnp3", 5),
      { form: "observable", observable: attacker },
    ];
    const [stop, operate] = forms.map(idOf) as [IndicatorId, IndicatorId];
    await eventually(() => [stop, operate].every((id) => holds(4, id)));
    await eventually(() => detectorsOf(1, operate).length === 2);
    expect(detectorsOf(1, stop)).toEqual(["tshark"]);
    expect(detectorsOf(1, operate)).toEqual(["suricata", "tshark"]);
    expect(patterns(4)).toEqual([...before, ...forms.map((form) => toPattern(form).pattern)].sort());
  });

  test.skipIf(noSamples !== undefined)(
    "every published capture, one after the other: nothing that the engines write is unreadable, nobody's file is lost",
    async () => {
      const captures = readdirSync(SAMPLES)
        .filter((name) => /\.pcap(?:ng)?$/.test(name) && !NOT_ETHERNET.includes(name))
        .map((name) => join(SAMPLES, name));
      expect(captures.length).toBeGreaterThan(60);
      // What comes last is of neither the same machines nor ports, and both engines tell of it.
      const last = join(ROOT, "fixtures/protocols/mqtt-write.pcap");
      const before = [countsOf("suricata")!.lines, countsOf("tshark")!.lines] as const;
      for (const capture of [...captures, last]) {
        suricata.feed(capture);
        tshark.feed(capture);
      }
      const published = idOf(conduct("mqtt", 3));
      await eventually(() => detectorsOf(1, published).length === 2 && isQuiet());
      for (const [index, detector] of ["suricata", "tshark"].entries()) {
        expect(countsOf(detector)?.rejected, detector).toEqual({});
        expect(countsOf(detector)!.lines).toBeGreaterThan((before[index] as number) + 1000);
      }
      const download = behaviourOf({ ...icsRequest("enip", 0x50)!, sequence: "logic-download" })!;
      expect(holds(3, idOf({ form: "behaviour", behaviour: download }))).toBe(true);
      expect(patterns(3)).toEqual(patterns(1));
    },
  );

  test("plant B's own sensor meets the same attack by the rules that B made of the records", async () => {
    await eventually(() => existsSync(rulesB) && readFileSync(rulesB, "utf8").includes(HOLDING.slice(2)));
    const before = patterns(2);
    expect(detectorsOf(2, HOLDING)).toEqual([]);
    const sensor = startSuricata(workB, { rules: rulesB, sets: groups(2) });
    started.push(sensor);
    sensor.feed(join(ATTACKS, "modbus-write-b.pcap"));
    await eventually(() => [COIL, HOLDING].every((id) => detectorsOf(2, id).includes("suricata")));
    expect(patterns(2)).toEqual(before);
    expect(consortium.view(consortium.plant(2), HOLDING)?.sightings.plants).toBe(2);
  });
});
