/**
 * Attacks from a capture to the record, through Suricata 7: a plant's rule for a behaviour fires on the
 * capture, and its alert names the very record that the rule was compiled from. Captures that are not
 * ours are skipped without the published collection.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { Behaviour, Detection, IcsProtocol, Self } from "@anamnesis/sdk/core/types";
import { afterAll, describe, expect, test } from "vitest";
import { compileRules } from "../../node/src/adapters/controls/suricata-rules.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(ROOT, "../shared/samples");
const root = process.env.SURICATA_ROOT ?? "";
const command = root === "" ? ["suricata"] : ["chroot", root, "suricata"];
const suricata = (...args: string[]) =>
  spawnSync(command[0] as string, [...command.slice(1), ...args], { encoding: "utf8" });
const version = suricata("-V").stdout?.match(/version (\d+)/)?.[1];
const noSuricata = Number(version ?? 0) < 7 ? "needs Suricata 7: SURICATA_ROOT or PATH" : undefined;
const noSamples = existsSync(join(SAMPLES, "pcap")) ? undefined : "needs the published captures";
for (const reason of [noSuricata, noSamples])
  if (reason !== undefined) console.warn(`SKIPPED test/real/cases: ${reason}`);

const work = mkdtempSync(join(root === "" ? tmpdir() : join(root, "tmp"), "anamnesis-cases-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const inside = (path: string): string => path.slice(root.length);

/** A plant whose controller and engineering station are these; everybody else has no role. */
function plantOf(controller: string, station: string): Self {
  return {
    assets: [{ name: "controller", addresses: [controller] }],
    domains: [],
    roles: {
      otNetwork: [controller],
      writers: [station],
      controllers: [controller],
      engineeringStations: [station],
      safetySystems: [controller],
    },
    services: [],
    files: [],
    confirmedAtMs: 0,
  };
}

function behaviour(protocol: IcsProtocol, code: number, object?: number): Behaviour {
  const request = icsRequest(protocol, code);
  const found = request && behaviourOf({ ...request, ...(object !== undefined && { object }) });
  if (found === undefined) throw new Error(`${protocol} ${code} has no class`);
  return found;
}

const recordOf = (one: Behaviour) => indicatorId(toPattern({ form: "behaviour", behaviour: one }));

/** The alerts of a plant's own rules for some behaviours on a capture. */
function alerts(capture: string, behaviours: readonly Behaviour[], self: Self): Detection[] {
  const statements = behaviours.map((one) => {
    const compiled = compileRules({ form: "behaviour", behaviour: one }, "alert", self);
    if ("refused" in compiled) throw new Error(compiled.reason);
    return compiled.statement.replaceAll("@ID", recordOf(one));
  });
  let sid = 9_500_000;
  const rules = statements
    .join("\n")
    .replaceAll(/sid:@\d;/g, () => `sid:${sid++};`)
    // One alert per source is for operators; here each is counted.
    .replaceAll(/threshold:[^;]*; ?/g, "");
  const directory = mkdtempSync(join(work, "run-"));
  cpSync(join(ROOT, "scripts/record/suricata"), directory, { recursive: true });
  const file = join(directory, basename(capture));
  copyFileSync(capture, file);
  writeFileSync(join(directory, "case.rules"), `${rules}\n`);
  const at = inside(directory);
  const run = suricata(
    ...["-c", `${at}/suricata.yaml`, "-S", `${at}/case.rules`, "-l", at, "-k", "none", "--runmode", "single"],
    ...["--set", "stream.midstream=true", "-r", `${at}/${basename(capture)}`],
  );
  if (run.status !== 0) throw new Error(run.stderr);
  expect(run.stderr).not.toMatch(/error parsing signature/i);
  return readFileSync(join(directory, "eve.json"), "utf8")
    .split("\n")
    .flatMap((line, offset) => {
      if (line === "") return [];
      const outcome = parseEveLine(line, { detector: "ids", readAtMs: 0, stream: "s", offset, self });
      return outcome.kind === "detection" ? [outcome.detection] : [];
    });
}

/** The records that alerts lead to. */
function recordsOf(detections: readonly Detection[], self: Self): string[] {
  const ids = detections.flatMap((detection) =>
    deriveCandidates(detection, { self }).candidates.flatMap(({ form }) =>
      form.form === "behaviour" ? [recordOf(form.behaviour)] : [],
    ),
  );
  return [...new Set(ids)].sort();
}

/** A write as it is judged, with the numbers of reading and of setting up a connection. */
const reading: Behaviour = { ...behaviour("s7comm", 5), functions: [0x04, 0xf0] } as Behaviour;
const sample = (name: string) => join(SAMPLES, "pcap", name);
const STRANGER = "10.99.99.99";

describe.skipIf(noSuricata !== undefined || noSamples !== undefined)("from a capture to the record", () => {
  test.each([
    ["S7 stop", "ITI__snap7_s300_stop.pcapng", "134.249.61.163", [behaviour("s7comm", 0x29)]],
    ["S7 download", "ITI__tia_s300_downloadOb1.pcapng", "134.217.61.211", [behaviour("s7comm", 0x1a)]],
    [
      "CIP stop, create and transfer",
      "CL5000EIP-Software_Download.pcap",
      "192.168.10.120",
      [behaviour("enip", 0x07, 0x8e), behaviour("enip", 0x08, 0x68), behaviour("enip", 0x50, 0x68)],
    ],
    ["DNP3 direct operate", "ITI__directoperate_and_response.pcap", "192.168.60.130", [behaviour("dnp3", 5)]],
  ] as const)(
    "%s",
    (_name, capture, controller, behaviours) => {
      const self = plantOf(controller, STRANGER);
      const found = alerts(sample(capture), behaviours, self);
      expect(recordsOf(found, self)).toEqual(behaviours.map(recordOf).sort());
      expect(found.every(({ victim }) => victim?.address === controller)).toBe(true);
    },
    60_000,
  );

  test("the engineering station that Self names does the same, and nothing fires", () => {
    const self = plantOf("134.217.61.211", "134.217.61.131");
    expect(alerts(sample("ITI__tia_s300_downloadOb1.pcapng"), [behaviour("s7comm", 0x1a)], self)).toEqual([]);
  }, 60_000);

  test("reading is no stop, and an upload no download", () => {
    const stop = [behaviour("s7comm", 0x29), behaviour("s7comm", 0x1a)];
    for (const [capture, controller] of [
      ["s7ident.pcap", "172.17.0.2"],
      ["ITI__s7comm_reading_plc_status.pcap", "192.168.1.40"],
      ["ITI__step7_s300_readVarTab.pcapng", "134.249.61.182"],
      ["ITI__step7_s300_readDiagData.pcapng", "134.249.61.182"],
      ["ITI__wincc_s400_production.pcapng", "194.250.63.170"],
    ] as const) {
      const self = plantOf(controller, STRANGER);
      expect(alerts(sample(capture), stop, self)).toEqual([]);
      // The rules see this traffic: a function that it holds does fire. STEP 7's own tables are user data.
      if (!capture.includes("step7"))
        expect(alerts(sample(capture), [reading], self).length, capture).toBeGreaterThan(0);
    }
    const download = [
      behaviour("enip", 0x07, 0x8e),
      behaviour("enip", 0x08, 0x68),
      behaviour("enip", 0x50, 0x68),
    ];
    const upload = sample("CL5000EIP-Software_Upload.pcap");
    expect(alerts(upload, download, plantOf("192.168.10.120", STRANGER))).toEqual([]);
  }, 120_000);
});

describe.skipIf(noSuricata !== undefined)("TriStation, of which no capture is published", () => {
  test("a command from an unlisted host is an alert and never more", () => {
    const self = plantOf("10.4.3.9", "10.4.3.8");
    const program = behaviour("tristation", 0x37);
    const capture = join(work, "tristation.pcap");
    writeFileSync(capture, tristationCapture("10.4.2.66", "10.4.3.9", [0x01, 0x37, 0x0b]));
    const found = alerts(capture, [program], self);
    expect(found).toHaveLength(1);
    expect(recordsOf(found, self)).toEqual([recordOf(program)]);
    expect(compileRules({ form: "behaviour", behaviour: program }, "isolate", self)).toMatchObject({
      action: "alert",
      blocks: [],
    });
    const own = join(work, "tristation-own.pcap");
    writeFileSync(own, tristationCapture("10.4.3.8", "10.4.3.9", [0x37]));
    expect(alerts(own, [program], self)).toEqual([]);
  }, 60_000);
});

/** UDP datagrams to port 1502: type 5, then the function at byte 6. */
function tristationCapture(from: string, to: string, functions: readonly number[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const address = (text: string) => Buffer.from(text.split(".").map(Number));
  const packets = functions.map((code, i) => {
    const payload = Buffer.from([5, 0, 8, 0, 0, 0, code, 0, 0, 0, 0, 0]);
    const udp = Buffer.alloc(8);
    udp.writeUInt16BE(40_000, 0);
    udp.writeUInt16BE(1502, 2);
    udp.writeUInt16BE(8 + payload.length, 4);
    const ip = Buffer.concat([
      Buffer.from([0x45, 0, 0, 20 + 8 + payload.length, 0, i, 0, 0, 64, 17, 0, 0]),
      address(from),
      address(to),
    ]);
    const ethernet = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 8, 0]);
    const frame = Buffer.concat([ethernet, ip, udp, payload]);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_772_323_200 + i, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...packets]);
}
