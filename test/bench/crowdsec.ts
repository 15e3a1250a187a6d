/** Bench "crowdsec": EVE lines read for one second of CPU, by this node's detector and by CrowdSec's agent, from the same files. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { writeCrowdsecConfig } from "../real/support/crowdsec.ts";
import { freePort, said, stop } from "../real/support/engines.ts";
import { atLeast, type Figure, interleave } from "./support.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WORKER = join(import.meta.dirname, "crowdsec-worker.ts");

/** Where CrowdSec's package is unpacked, if it is. */
const crowdsec = [
  process.env.CROWDSEC_ROOT ?? "",
  join(process.env.ANAMNESIS_REAL ?? join(ROOT, "node_modules/.cache/real"), "crowdsec"),
].find((root) => root !== "" && existsSync(join(root, "usr/bin/crowdsec")));

/** Alerts of the recorded attacks with times and flows of their own, the attackers as they were. */
function alertLines(count: number): string {
  const recorded = readFileSync(join(ROOT, "fixtures/attacks/all.eve.json"), "utf8")
    .split("\n")
    .filter((line) => line.includes('"event_type":"alert"'));
  return Array.from({ length: count }, (_, i) => {
    const minute = String(Math.floor(i / 60) % 60).padStart(2, "0");
    const time = `T01:${minute}:${String(i % 60).padStart(2, "0")}.${String(i).padStart(6, "0")}`;
    return `${(recorded[i % recorded.length] as string)
      .replace(/T\d\d:\d\d:\d\d\.\d{6}/, time)
      .replace(/"flow_id":\d+/, `"flow_id":${1_000_000_000_000 + i * 7_919}`)}\n`;
  }).join("");
}

/** Seconds of CPU that CrowdSec's agent takes for a file, its start included. */
async function agentSeconds(root: string, config: string, file: string): Promise<number> {
  const agent = [
    join(root, "usr/bin/crowdsec"),
    "-c",
    config,
    "-dsn",
    `file://${file}`,
    "-type",
    "suricata-evelogs",
  ];
  // Not waited for in one call: what the local API says has to be read meanwhile.
  const child = spawn("bash", [
    "-c",
    'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1',
    "bash",
    ...agent,
    "-no-api",
  ]);
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const [user = Number.NaN, system = Number.NaN] = stderr.trim().split(" ").map(Number);
  if (status !== 0 || !Number.isFinite(user + system))
    throw new Error(`CrowdSec's agent failed on ${file}: ${stderr}`);
  return user + system;
}

/** Seconds of CPU that our detector takes for a file, from its start to the last candidate. */
function ownSeconds(file: string, lines: number): number {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", WORKER, file, String(lines)],
    { encoding: "utf8" },
  );
  if (stdout === "") throw new Error(`our detector failed on ${file}: ${stderr}`);
  const { lines: read, cpuUs } = JSON.parse(stdout) as { lines: number; cpuUs: number };
  if (read !== lines) throw new Error(`${read} of ${lines} lines`);
  return cpuUs / 1e6;
}

/** Medians of interleaved rounds. CrowdSec's start, measured on an empty file, is taken off; ours begins after it. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  if (crowdsec === undefined) {
    process.stdout.write(
      "SKIPPED bench crowdsec: no CrowdSec; scripts/ci/install-crowdsec.sh DIR brings it, CROWDSEC_ROOT=DIR names it\n",
    );
    return [];
  }
  const work = mkdtempSync(join(tmpdir(), "anamnesis-bench-crowdsec-"));
  const empty = join(work, "empty.json");
  const alerts = join(work, "alerts.json");
  const hour = join(work, "hour.json");
  const alertText = alertLines(tiny ? 100 : 20_000);
  const hourText = (tiny ? ["a"] : ["a", "b", "c", "d"])
    .map((plant) =>
      gunzipSync(readFileSync(join(ROOT, `fixtures/benign/plant-${plant}.eve.json.gz`))).toString(),
    )
    .join("");
  writeFileSync(empty, "");
  writeFileSync(alerts, alertText);
  writeFileSync(hour, hourText);
  const linesOf = (text: string) => text.split("\n").length - 1;
  const home = join(work, "crowdsec");
  mkdirSync(home);
  const config = writeCrowdsecConfig(crowdsec, home, { eve: empty, api: await freePort() });
  spawnSync(join(crowdsec, "usr/bin/cscli"), ["-c", config, "machines", "add", "-a", "--force"]);
  // The agent alone is measured; the local API that it reports to is another process.
  const api = spawn(join(crowdsec, "usr/bin/crowdsec"), ["-c", config, "-no-cs"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    await said(api, /Local API listening/);
    const agent = (file: string) => () => agentSeconds(crowdsec, config, file);
    const seconds = await interleave(tiny ? 1 : 5, {
      start: agent(empty),
      alerts: agent(alerts),
      ownAlerts: () => ownSeconds(alerts, linesOf(alertText)),
      hour: agent(hour),
      ownHour: () => ownSeconds(hour, linesOf(hourText)),
    });
    const ratio = (of: number, own: number) => (of - seconds.start) / own;
    return [
      atLeast(
        "crowdsec",
        "alerts, CPU of CrowdSec's agent ÷ CPU of ours",
        ratio(seconds.alerts, seconds.ownAlerts),
        10,
      ),
      {
        name: "crowdsec",
        metric: "an ordinary hour of four plants without alerts, the same",
        value: ratio(seconds.hour, seconds.ownHour),
        target: "",
        ok: true,
      },
    ];
  } finally {
    await stop(api, "SIGTERM");
    rmSync(work, { recursive: true, force: true });
  }
}
