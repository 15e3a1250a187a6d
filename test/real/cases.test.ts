/**
 * Attacks from a capture to the record, through Suricata 7: a plant's rule for a behaviour fires on the
 * capture, and its alert names the very record that the rule was compiled from. Captures that are not
 * ours are skipped without the published collection. Names, files and addresses of an intrusion are met in
 * controls.test.ts, services that are created from outside and commands to safety systems in protocols.test.ts.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import type { Behaviour, IcsProtocol, Self, SequenceName } from "@anamnesis/sdk/core/types";
import { afterAll, describe, expect, test } from "vitest";
import { compileRules } from "../../node/src/adapters/controls/suricata-rules.ts";
import { cipCapture, ENDS } from "../../scripts/record/protocols/requests.ts";
import { MISSING, makeWork } from "./support/engines.ts";
import { alertsOf, recordOf, recordsOf } from "./support/replay.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(ROOT, "../shared/samples");
const noSuricata = MISSING.suricata;
const noSamples = existsSync(join(SAMPLES, "pcap")) ? undefined : "needs the published captures";
for (const reason of [noSuricata, noSamples])
  if (reason !== undefined) console.warn(`SKIPPED test/real/cases: ${reason}`);

const [work, remove] = makeWork("anamnesis-cases-");
afterAll(() => remove());
const alerts = (capture: string, behaviours: readonly Behaviour[], self: Self) =>
  alertsOf(work, capture, behaviours, self);

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

function behaviour(protocol: IcsProtocol, code: number, object?: number, sequence?: SequenceName): Behaviour {
  const request = icsRequest(protocol, code);
  const found =
    request &&
    behaviourOf({
      ...request,
      ...(object !== undefined && { object }),
      ...(sequence !== undefined && { sequence }),
    });
  if (found === undefined) throw new Error(`${protocol} ${code} has no class`);
  return found;
}

const DOWNLOAD = behaviour("enip", 0x50, undefined, "logic-download");

/** A write as it is judged, with the numbers of reading and of setting up a connection. */
const reading: Behaviour = { ...behaviour("s7comm", 5), functions: [0x04, 0xf0] } as Behaviour;
const sample = (name: string) => join(SAMPLES, "pcap", name);
const STRANGER = "10.99.99.99";

describe.skipIf(noSuricata !== undefined || noSamples !== undefined)("from a capture to the record", () => {
  test.each([
    ["S7 stop", "ITI__snap7_s300_stop.pcapng", "134.249.61.163", [behaviour("s7comm", 0x29)]],
    ["S7 download", "ITI__tia_s300_downloadOb1.pcapng", "134.217.61.211", [behaviour("s7comm", 0x1a)]],
    [
      "CIP stop, and the logic download that follows it",
      "CL5000EIP-Software_Download.pcap",
      "192.168.10.120",
      [behaviour("enip", 0x07, 0x8e), DOWNLOAD],
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

  test.each([
    ["ITI__snap7_s300_stop.pcapng", "134.249.61.163"],
    ["ITI__snap7_s300_everything.pcapng", "134.217.61.211"],
    ["ITI__tia_s300_downloadHwConfig.pcapng", "134.217.61.211"],
  ])("one S7 stop in %s, one alert", { timeout: 60_000 }, (capture, controller) => {
    const self = plantOf(controller, STRANGER);
    expect(alerts(sample(capture), [behaviour("s7comm", 0x29)], self)).toHaveLength(1);
  });

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
    const download = [behaviour("enip", 0x07, 0x8e), DOWNLOAD];
    const upload = sample("CL5000EIP-Software_Upload.pcap");
    expect(alerts(upload, download, plantOf("192.168.10.120", STRANGER))).toEqual([]);
  }, 120_000);
});

describe.skipIf(noSuricata !== undefined)("a logic download takes two steps of one source", () => {
  const [stop, create, transfer] = [
    { function: 0x07, object: 0x8e },
    { function: 0x08, object: 0x68 },
    { function: 0x50, object: 0x68 },
  ] as const;
  const by = (client: string, ...steps: readonly { function: number; object: number }[]) =>
    steps.map((step) => ({ client, ...step }));
  const other = "10.1.2.67";
  const read = { function: 0x03, object: 0x68 };

  test.each([
    ["stop and create", by(ENDS.stranger, stop, create), 1],
    ["stop and transfer", by(ENDS.stranger, stop, transfer), 1],
    ["create and transfer", by(ENDS.stranger, read, create, read, transfer), 1],
    ["all three: create after stop, transfer after both", by(ENDS.stranger, stop, create, transfer), 3],
    ["a stop alone", by(ENDS.stranger, stop, read), 0],
    ["one step again and again", by(ENDS.stranger, create, create, create), 0],
    ["a transfer before its stop", by(ENDS.stranger, transfer, stop), 0],
    [
      "steps of two sources",
      [...by(ENDS.stranger, stop), ...by(other, create), ...by(ENDS.engineer, transfer)],
      0,
    ],
    ["the engineering station", by(ENDS.engineer, stop, create, transfer), 0],
  ] as const)("%s", { timeout: 60_000 }, (name, steps, count) => {
    const self = plantOf(ENDS.controller, ENDS.engineer);
    const capture = join(work, `${name.replaceAll(/\W+/g, "-")}.pcap`);
    writeFileSync(capture, cipCapture(steps));
    const found = alerts(capture, [DOWNLOAD], self);
    expect(found.length).toBe(count);
    if (count > 0) expect(recordsOf(found, self)).toEqual([recordOf(DOWNLOAD)]);
  });
});

describe.skipIf(noSuricata !== undefined)("safety systems", () => {
  test("a command to a safety controller is an alert and never more, whatever is asked", () => {
    const self = plantOf("10.4.3.9", "10.4.3.8");
    const form = { form: "behaviour", behaviour: behaviour("tristation", 0x37) } as const;
    for (const action of ["block", "isolate"] as const)
      expect(compileRules(form, action, self)).toMatchObject({ action: "alert", blocks: [] });
  });
});
