/** Compiled rules in the real engines: they load, and their verdict is the predicate's. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { compileBehaviour, matchesBehaviour } from "@anamnesis/sdk/core/compile";
import type { IndicatorForm, Self } from "@anamnesis/sdk/core/types";
import { afterAll, describe, expect, test, vi } from "vitest";
import { toBenignRecord } from "../../node/src/adapters/benign/eve-benign.ts";
import { nftByHelper } from "../../node/src/adapters/controls/nft-client.ts";
import { createNftables } from "../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../node/src/adapters/controls/suricata.ts";
import type { Application, Control } from "../../node/src/ports.ts";
import { BEHAVIOUR, observable, recordOf, SELF, START_MS } from "../node/support/plant.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures", import.meta.url));
const SENSOR = fileURLToPath(new URL("../../scripts/record/suricata", import.meta.url));
const root = process.env.SURICATA_ROOT ?? "";
const command = root === "" ? ["suricata"] : ["chroot", root, "suricata"];
const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };

const SELF_A: Self = {
  ...SELF,
  roles: { otNetwork: ["10.1.2.0/24"], writers: ["10.1.2.20", "10.1.2.30"], controllers: ["10.1.2.10"] },
};

function suricata(...args: string[]) {
  return spawnSync(command[0] as string, [...command.slice(1), ...args], { encoding: "utf8" });
}

const version = suricata("-V").stdout?.match(/version (\d+)/)?.[1];
const noSuricata = Number(version ?? 0) < 7 ? "needs Suricata 7: SURICATA_ROOT or PATH" : undefined;
const noNft = spawnSync("nft", ["--version"]).status === 0 ? undefined : "needs nft";
for (const reason of [noSuricata, noNft])
  if (reason !== undefined) console.warn(`SKIPPED test/real/controls: ${reason}`);

const work = mkdtempSync(join(root === "" ? tmpdir() : join(root, "tmp"), "anamnesis-controls-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const inside = (path: string): string => path.slice(root.length);

function behaviour(table: "coil" | "holding", ...functions: number[]): IndicatorForm {
  return { form: "behaviour", behaviour: { ...BEHAVIOUR, table, functions } };
}

function application(control: Control, form: IndicatorForm, action: "alert" | "block"): Application {
  const compiled = control.compile(form, action, SELF_A);
  if ("refused" in compiled) throw new Error(compiled.reason);
  const { indicator } = recordOf(form);
  const { statement } = compiled;
  return {
    indicator,
    control: control.name,
    action: compiled.action,
    statement,
    appliedAtMs: 0,
    expiresAtMs: START_MS + 1,
  };
}

const FORMS: readonly IndicatorForm[] = [
  observable("203.0.113.7"),
  observable("2001:db8::7", "ipv6-addr"),
  observable("update.turbine-fw.example", "domain-name"),
  observable('http://update.turbine-fw.example/a?b=";|x|&c=\\', "url"),
  observable("487597eb72fa4f61de61bbaef0a70015f15107a77f26da51414ba4e39c81881b", "file"),
  observable("944d1e1858cd278718f8a46b65d3212f", "ja3"),
  behaviour("holding", 6),
  behaviour("holding", 6, 16, 22, 23),
  behaviour("coil", 5, 15),
  behaviour("coil", 5),
];

describe.skipIf(noSuricata !== undefined)(
  `Suricata${noSuricata === undefined ? "" : ` (skipped: ${noSuricata})`}`,
  () => {
    const path = join(work, "anamnesis.rules");
    cpSync(SENSOR, work, { recursive: true });
    const control = createSuricata({ name: "ips", level: 3, path }, { clock });

    test.each(["alert", "block"] as const)(
      "loads every rule at %s",
      async (action) => {
        await control.apply(FORMS.map((form) => application(control, form, action)));
        const isLoaded = (): boolean => {
          const { status } = suricata(
            "-T",
            "-c",
            inside(join(work, "suricata.yaml")),
            "-S",
            inside(path),
            "-l",
            inside(work),
          );
          return status === 0;
        };
        expect(isLoaded()).toBe(true);
        appendFileSync(path, 'alert modbus any any -> any any (msg:"no"; modbus:nonsense; sid:1;)\n');
        expect(isLoaded(), "one bad rule is noticed").toBe(false);
      },
      60_000,
    );

    /** Alerts of our rules on a capture, thresholds taken out so that each request counts. */
    async function alertsOn(capture: string, form: IndicatorForm): Promise<Record<string, unknown>[]> {
      const out = mkdtempSync(join(work, "run-"));
      await control.apply([application(control, form, "alert")]);
      const rules = join(work, "counted.rules");
      writeFileSync(rules, (await readFile(path, "utf8")).replaceAll(/threshold:[^;]+;/g, ""));
      const bytes = readFileSync(join(FIXTURES, capture));
      const file = join(out, "capture.pcap");
      writeFileSync(file, capture.endsWith(".gz") ? gunzipSync(bytes) : bytes);
      const { status, stderr } = suricata(
        "-c",
        inside(join(work, "suricata.yaml")),
        "-S",
        inside(rules),
        "-l",
        inside(out),
        "-k",
        "none",
        "--runmode",
        "single",
        "-r",
        inside(file),
      );
      expect(status, stderr).toBe(0);
      const events = readFileSync(join(out, "eve.json"), "utf8").split("\n").filter(Boolean);
      return events
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((event) => event.event_type === "alert");
    }

    const captures: readonly [string, string][] = [
      ["attacks/modbus-write.pcap", "attacks/modbus-write.eve.json"],
      ["benign/excerpt-a.pcap.gz", "benign/excerpt-a.eve.json.gz"],
    ];
    const conducts = [behaviour("holding", 6), behaviour("coil", 5), behaviour("holding", 6, 16, 22, 23)];

    for (const [capture, eve] of captures) {
      test.each(conducts)(
        `gives on ${capture} the predicate's own verdict: %j`,
        async (form) => {
          if (form.form !== "behaviour") throw new Error("a behaviour was meant");
          const predicate = compileBehaviour(form.behaviour, SELF_A);
          if ("refused" in predicate) throw new Error(predicate.reason);
          const bytes = readFileSync(join(FIXTURES, eve));
          const lines = (eve.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").split("\n");
          const requests = lines.flatMap((line) => {
            const record = toBenignRecord(line);
            return record?.protocol === "modbus" && record.function !== undefined
              ? [{ ...record, function: record.function }]
              : [];
          });
          expect(requests.length).toBeGreaterThan(100);
          const expected = requests.filter((request) => matchesBehaviour(predicate, request)).length;
          expect((await alertsOn(capture, form)).length).toBe(expected);
          if (capture.startsWith("benign")) expect(expected).toBe(0);
        },
        60_000,
      );
    }

    test.each([
      observable("203.0.113.7"),
      observable("turbine-fw.example", "domain-name"),
      observable("487597eb72fa4f61de61bbaef0a70015f15107a77f26da51414ba4e39c81881b", "file"),
    ])(
      "meets %j in the recorded intrusion and not in ordinary traffic",
      async (form) => {
        expect((await alertsOn("attacks/internet-exploit.pcap", form)).length).toBeGreaterThan(0);
        expect(await alertsOn("benign/excerpt-a.pcap.gz", form)).toEqual([]);
      },
      60_000,
    );
  },
);

describe.skipIf(noNft !== undefined)(`nftables${noNft === undefined ? "" : ` (skipped: ${noNft})`}`, () => {
  test("the script passes nft --check", async () => {
    const directory = join(work, "nft");
    mkdirSync(directory);
    const path = join(directory, "anamnesis.nft");
    const control = createNftables({ name: "edge", level: 4, path }, { clock });
    const forms = ["203.0.113.7", "203.0.112.0/23", "203.0.113.0/24"].map((value) => observable(value));
    const six = ["2001:db8::7", "2001:db8::/48"].map((value) => observable(value, "ipv6-addr"));
    await control.apply([...forms, ...six].map((form) => application(control, form, "block")));
    execFileSync("nft", ["--check", "-f", path]);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "the helper loads into the network that it runs in, and nothing against Self",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "anamnesis-nft-"));
      const [socket, path] = [join(directory, "nft.sock"), join(directory, "edge.nft")];
      const config = join(directory, "plant.yaml");
      writeFileSync(config, HELPED_PLANT.replace("SOCKET", socket).replace("SCRIPT", path));
      const program = join(fileURLToPath(new URL("../..", import.meta.url)), "node/bin/anamnesis.mjs");
      const helper = spawn(
        "unshare",
        ["--net", process.execPath, program, "nft-helper", "--config", config],
        { stdio: "ignore" },
      );
      const ended = new Promise((resolve) => helper.once("close", resolve));
      try {
        const control = createNftables(
          { name: "edge", level: 4, path, apply: "exec" },
          { clock, nft: nftByHelper(socket) },
        );
        await vi.waitFor(() => control.preflight(), { timeout: 30_000, interval: 100 });
        const live = (value: string, kind?: "ipv6-addr"): Application => ({
          ...application(control, observable(value, kind), "block"),
          expiresAtMs: START_MS + 3_600_000,
        });
        const list = [live("203.0.113.7"), live("203.0.112.0/24"), live("2001:db8::7", "ipv6-addr")];
        await control.apply(list);
        expect(await control.verify(list)).toEqual({ proof: "enforced", missing: [], extra: [] });
        // The machine's own network has nothing of it.
        expect(execFileSync("nft", ["list", "tables"], { encoding: "utf8" })).not.toContain("anamnesis");
        // Whoever holds the socket still cannot block the plant.
        const own = {
          ...live("203.0.113.9"),
          statement: "add element inet anamnesis block4 { 10.1.2.10 }",
        };
        await expect(control.apply([...list, own])).rejects.toMatchObject({ code: "plan.self" });
        expect((await control.verify(list)).missing).toEqual([]);
        await control.apply([]);
        expect(await control.verify([])).toEqual({ proof: "enforced", missing: [], extra: [] });
      } finally {
        helper.kill("SIGTERM");
        await ended;
        rmSync(directory, { recursive: true });
      }
    },
    60_000,
  );
});

const HELPED_PLANT = `
plant: A
http: { port: 8801 }
peers: { listen: "127.0.0.1:9801" }
chain: { urls: ["http://127.0.0.1:8545"], consortium: consortium.json, relayKey: relay.key }
keystore: { path: key.json }
controls: [{ name: edge, kind: nftables, level: 4, path: SCRIPT, helper: SOCKET }]
self:
  confirmedAt: "2026-03-01T00:00:00Z"
  roles: { otNetwork: [10.1.2.0/24], writers: [10.1.2.20], controllers: [10.1.2.10] }
`;
