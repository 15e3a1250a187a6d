import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { BASELINE } from "@anamnesis/sdk/core/behaviours";
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { Detection, LineOutcome, Self } from "@anamnesis/sdk/core/types";
import { type BaselineSetting, createBaselineReader } from "@anamnesis/sdk/formats/baseline";
import { formatNamed } from "@anamnesis/sdk/formats/formats";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(ROOT, "../shared/samples");
const CELL: BaselineSetting = { level: 2, off: [] };

/** Plant A of the recordings. */
const SELF: Self = {
  assets: [{ name: "controller", addresses: ["10.1.2.10"] }],
  domains: [],
  roles: { otNetwork: ["10.1.2.0/24"], writers: ["10.1.2.20", "10.1.2.30"], controllers: ["10.1.2.10"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};

function read(format: string, path: string, text: string, self: Self, setting = CELL): LineOutcome[] {
  const reader = createBaselineReader(formatNamed(format), { detector: format, path }, setting);
  return text
    .split("\n")
    .flatMap((line, offset) =>
      line === "" ? [] : [...reader.push(Buffer.from(line), { offset, stream: "s", readAtMs: 0, self })],
    );
}

function detections(outcomes: readonly LineOutcome[]): Detection[] {
  return outcomes.flatMap((outcome) => (outcome.kind === "detection" ? [outcome.detection] : []));
}

/** The records that detections lead to. */
function records(from: readonly Detection[], self: Self): string[] {
  const ids = from.flatMap((detection) =>
    deriveCandidates(detection, { self }).candidates.map(({ form }) => indicatorId(toPattern(form))),
  );
  return [...new Set(ids)].sort();
}

const attack = readFileSync(join(ROOT, "fixtures/attacks/modbus-write.eve.json"), "utf8");

describe("Modbus", () => {
  test("the benign hour raises nothing", () => {
    const hour = gunzipSync(readFileSync(join(ROOT, "fixtures/benign/plant-a.eve.json.gz"))).toString();
    expect(detections(read("eve", "eve.json", hour, SELF))).toEqual([]);
  });

  test("an attack raises what Suricata's rule raises, and the same records", () => {
    const context = attack.split("\n").filter((line) => !line.includes('"event_type":"alert"'));
    const alerts = attack.split("\n").filter((line) => line.includes('"event_type":"alert"'));
    const all = [context, alerts].flatMap((lines) =>
      detections(read("eve", "eve.json", lines.join("\n"), SELF)),
    );
    const own = all.filter(({ rule }) => rule.engine === "baseline");
    const others = all.filter(({ rule }) => rule.engine === "suricata");
    expect([own.length, others.length]).toEqual([60, 60]);
    expect(new Set(own.map(({ attacker }) => attacker?.address))).toEqual(new Set(["10.1.2.66"]));
    expect(own[0]).toMatchObject({
      rule: { id: "modbus-write-by-non-writer", name: "Modbus write by a host that is no writer" },
      severity: 60,
      victim: { address: "10.1.2.10", port: 502 },
      attackIds: ["T0855", "T0836"],
    });
    expect(records(own, SELF)).toEqual(records(others, SELF));
    expect(records(own, SELF)).toHaveLength(2); // function 6 and function 5
    expect(new Set(all.map(({ id }) => id)).size).toBe(120);
  });

  test("a request of which the sensor's own rule has said so is counted once, and every other still raised", () => {
    const engines = (text: string) =>
      detections(read("eve", "eve.json", text, SELF)).map(({ rule }) => rule.engine);
    expect(engines(attack)).toEqual(Array(60).fill("suricata"));
    // A rule that alerts once in five minutes, as compiled ones do: the baseline raises the rest.
    let alerts = 0;
    const limited = attack
      .split("\n")
      .filter((line) => !line.includes('"event_type":"alert"') || ++alerts === 1)
      .join("\n");
    expect(engines(limited).filter((engine) => engine === "baseline")).toHaveLength(59);
    // Two rules about one packet stand for one request.
    const twice = attack.replace(
      /^.*"event_type":"alert".*$/m,
      (line) => `${line}\n${line.replace('"signature_id":9000001', '"signature_id":9000002')}`,
    );
    expect(engines(twice)).toEqual(Array(61).fill("suricata"));
    // An alert about somebody else, or long ago, stands for nothing.
    const other = limited.replace(/^(.*"event_type":"alert".*)$/m, (line) =>
      line.replaceAll("10.1.2.66", "10.1.2.67"),
    );
    expect(engines(other).filter((engine) => engine === "baseline")).toHaveLength(60);
    const early = limited.replace(/^(.*"event_type":"alert".*)$/m, (line) => line.replace("T01:", "T00:"));
    expect(engines(early).filter((engine) => engine === "baseline")).toHaveLength(60);
  });

  test("Zeek's modbus log leads to the same record as Suricata's alert", () => {
    const zeek = [
      "#separator \\x09",
      "#path\tmodbus",
      "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tfunc\tpdu_type\texception",
      "1764033299.0\tC1\t10.1.2.66\t4000\t10.1.2.10\t502\tWRITE_SINGLE_REGISTER\tREQ\t-",
      "1764033299.0\tC1\t10.1.2.66\t4000\t10.1.2.10\t502\tWRITE_SINGLE_REGISTER\tRESP\t-",
      "1764033299.0\tC2\t10.1.2.20\t4001\t10.1.2.10\t502\tWRITE_SINGLE_REGISTER\tREQ\t-",
    ].join("\n");
    const raised = detections(read("zeek-tsv", "modbus.log", zeek, SELF));
    expect(raised).toHaveLength(1);
    const suricata = detections(read("eve", "eve.json", attack, SELF)).filter(
      ({ rule, ics }) => rule.engine === "suricata" && ics?.function === 6,
    );
    expect(records(raised, SELF)).toEqual(records(suricata, SELF));
  });

  test("one line of several records gives each its outcome", () => {
    const write = JSON.parse(
      attack
        .split("\n")
        .find((line) => line.includes("WrSingleCoil") && line.includes('"event_type":"modbus"')) as string,
    ) as object;
    const outcomes = read(
      "eve",
      "eve.json",
      JSON.stringify([write, { ...write, event_type: "stats" }, write]),
      SELF,
    );
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["context", "detection", "detection"]);
    const [one, two] = detections(outcomes);
    expect(one?.id).not.toBe(two?.id);
  });
});

describe("Zeek's other logs", () => {
  const self: Self = { ...SELF, roles: { ...SELF.roles, engineeringStations: ["10.1.2.30"] } };
  const record = (second: number, from: string, to: string, port: number, more: object) =>
    JSON.stringify({
      ts: 1_772_359_200 + second,
      uid: "C1",
      "id.orig_h": from,
      "id.orig_p": 40_000,
      "id.resp_h": to,
      "id.resp_p": port,
      ...more,
    });

  test("a logic download is one record, when its second step comes; an answer is no step", () => {
    const step = (second: number, from: string, service: string, object: string, more: object = {}) =>
      record(second, from, "10.1.2.10", 44_818, {
        is_orig: true,
        direction: "request",
        cip_service_code: service,
        class_id: object,
        ...more,
      });
    const lines = [
      step(0, "10.1.2.66", "0x08", "0x68", { is_orig: false, direction: "response" }),
      step(1, "10.1.2.66", "0x50", "0x68"),
      step(2, "10.1.2.30", "0x08", "0x68"),
      step(3, "10.1.2.66", "0x08", "0x68"),
      step(4, "10.1.2.66", "0x08", "0x6b"),
    ];
    const found = detections(read("zeek-json", "cip.log", lines.join("\n"), self));
    expect(found.map(({ ics, attacker }) => [ics?.sequence, attacker?.address])).toEqual([
      ["logic-download", "10.1.2.66"],
    ]);
    expect(found[0]?.attackIds).toEqual(["T0858", "T0843"]);
    expect(records(found, self)).toHaveLength(1);
  });

  test("a service that is created from outside the OT network, and no other call", () => {
    const call = (from: string, to: string, endpoint: string, operation: string) =>
      record(0, from, to, 445, { named_pipe: `\\pipe\\${endpoint}`, endpoint, operation });
    const lines = [
      call("10.1.5.50", "10.1.2.20", "svcctl", "OpenSCManagerW"),
      call("10.1.5.50", "10.1.2.20", "svcctl", "CreateServiceW"),
      call("10.1.5.50", "10.1.2.20", "samr", "CreateServiceW"),
      call("10.1.2.66", "10.1.2.20", "svcctl", "CreateServiceW"),
      call("10.1.5.50", "10.1.5.80", "svcctl", "CreateServiceW"),
    ];
    const found = detections(read("zeek-json", "dce_rpc.log", lines.join("\n"), self));
    expect(found.map(({ rule, attacker }) => [rule.id, attacker?.address])).toEqual([
      ["svcctl-program-by-outsider", "10.1.5.50"],
    ]);
    expect(records(found, self)).toHaveLength(1);
  });
});

test("packets of any shape give bounded outcomes and no error", () => {
  const key = fc.constantFrom(
    ...["cip", "cip.service", "cip_cip_service", "cip.class", "cip_cip_class", "cip.epath", "cip_cip_epath"],
    ...[
      "cipcm",
      "ip.src",
      "ip_ip_src",
      "tcp.dstport",
      "tcp_tcp_dstport",
      "dcerpc.pkt_type",
      "svcctl.opnum",
      "x",
    ],
  );
  const word = fc.oneof(
    fc.constantFrom(
      "0x08",
      "0x50",
      "0x07",
      "0x68",
      "0x8e",
      "20:68:24:01",
      "21:00:8e:00",
      "10.1.2.10",
      "44818",
      "0",
    ),
    fc.string({ maxLength: 8 }),
    fc.constant(null),
    fc.boolean(),
    fc.double(),
  );
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      word,
      fc.array(tie("node"), { maxLength: 6 }),
      fc.dictionary(key, tie("node"), { maxKeys: 6 }),
    ),
  }));
  const engineers: Self = { ...SELF, roles: { ...SELF.roles, engineeringStations: ["10.1.2.30"] } };
  fc.assert(
    fc.property(fc.dictionary(key, node, { maxKeys: 6 }), node, (layers, more) => {
      const record = {
        timestamp: "1772359200000",
        layers: {
          frame: { "frame.time_epoch": "1772359200.0" },
          ip: { "ip.src": "10.1.2.66", "ip.dst": "10.1.2.10" },
          tcp: { "tcp.dstport": "44818" },
          cip: more,
          ...layers,
        },
      };
      const outcomes = read("tshark", "packets.json", JSON.stringify(record), engineers);
      expect(outcomes.length).toBeGreaterThan(0);
      expect(outcomes.length).toBeLessThanOrEqual(33);
    }),
    { numRuns: 500 },
  );
});

describe("what keeps it silent", () => {
  const raised = (self: Self, setting = CELL) =>
    detections(read("eve", "eve.json", attack, self, setting)).filter(
      ({ rule }) => rule.engine === "baseline",
    ).length;
  const roles = (change: Partial<Self["roles"]>): Self => ({ ...SELF, roles: { ...SELF.roles, ...change } });
  test.each([
    ["a level the class is not for", SELF, { level: 4, off: [] }],
    ["a class that is off", SELF, { level: 2, off: ["modbus-write-by-non-writer"] }],
    ["no writers: nobody is known to be none", roles({ writers: [] }), CELL],
    ["a server that is no controller", roles({ controllers: ["10.1.2.11"] }), CELL],
    ["a writer", roles({ writers: ["10.1.2.66"] }), CELL],
  ] as const)("%s", (_name, self, setting) => {
    const silent = raised(self, setting);
    // As a writer 10.1.2.66 is silent; the HMI and the station, then without the role, are not.
    if (self.roles.writers.includes("10.1.2.66")) expect(silent).toBe(3);
    else expect(silent).toBe(0);
  });
});

describe.skipIf(!existsSync(SAMPLES))(
  "published captures, as Zeek logs them (skipped without samples)",
  () => {
    const sample = (name: string) =>
      readFileSync(join(SAMPLES, "zeek_json", name), "utf8").replaceAll(
        '"XXXXXXXXXX.XXXXXX"',
        "1764033299.5",
      );
    const raisedBy = (name: string, log: string, self: Self) =>
      detections(read("zeek-json", log, sample(name), self));
    const at = (controller: string, other: string): Self => ({
      ...SELF,
      roles: {
        otNetwork: [`${controller}/32`],
        controllers: [controller],
        writers: [other],
        engineeringStations: [other],
      },
    });

    test("S7: writes, downloads, PI service and stop", () => {
      const found = raisedBy(
        "icsnpp-s7comm__analyzer.snap7__s7comm.json.log",
        "s7comm.log",
        at("134.217.61.211", "10.0.0.1"),
      );
      expect(new Set(found.map(({ rule }) => rule.id))).toEqual(
        new Set(["s7comm-write-by-non-writer", "s7comm-program-by-non-engineer"]),
      );
      expect(found.some(({ ics, attackIds }) => ics?.function === 0x28 && attackIds.includes("T0858"))).toBe(
        true,
      );
      // The station that is named does the same, and nothing is raised.
      const named = at("134.217.61.211", "134.217.61.131");
      expect(raisedBy("icsnpp-s7comm__analyzer.snap7__s7comm.json.log", "s7comm.log", named)).toEqual([]);
    });

    test("DNP3: select and operate", () => {
      const found = raisedBy(
        "icsnpp-dnp3__analyzer.basic__dnp3.json.log",
        "dnp3.log",
        at("10.10.20.8", "10.0.0.1"),
      );
      expect(new Set(found.map(({ rule }) => rule.id))).toContain("dnp3-write-by-non-writer");
      expect(records(found, at("10.10.20.8", "10.0.0.1")).length).toBeGreaterThan(1);
    });
  },
);

test("every class says why, and where it is tested", () => {
  expect(new Set(BASELINE.map((one) => one.class)).size).toBe(BASELINE.length);
  for (const { capture } of BASELINE)
    if (capture.startsWith("fixtures/")) expect(existsSync(join(ROOT, capture))).toBe(true);
    else if (existsSync(SAMPLES)) expect(existsSync(join(SAMPLES, "pcap", capture))).toBe(true);
});
