/** Live detectors: real engines that read captures as they come and write their logs while others read them. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type CrowdsecReceiver, writeCrowdsecConfig } from "./crowdsec.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** A chroot with Suricata 7, or empty for the one on PATH. */
export const SURICATA_ROOT = process.env.SURICATA_ROOT ?? "";
/** Where CrowdSec's package is unpacked. */
const CROWDSEC = process.env.CROWDSEC_ROOT ?? "";

/** A running engine. */
export interface Engine {
  /** The log that it writes. */
  readonly log: string;
  stop(): Promise<void>;
}

/** An engine that is given captures. */
export interface PacketEngine extends Engine {
  /** Hands a capture on, as if it were recorded now. */
  feed(capture: string): void;
}

/** Why an engine cannot be run here, by its name; undefined when it can. */
export const MISSING: Readonly<Record<"suricata" | "crowdsec" | "tshark", string | undefined>> = {
  suricata: Number(versionOf(suricataCommand(), "-V") ?? 0) < 7 ? "needs Suricata 7" : undefined,
  crowdsec:
    CROWDSEC !== "" && spawnSync(join(CROWDSEC, "usr/bin/crowdsec"), ["-version"]).status === 0
      ? undefined
      : "needs CrowdSec in CROWDSEC_ROOT",
  tshark: versionOf(["tshark"], "--version") === undefined ? "needs tshark" : undefined,
};

function versionOf([command = "", ...args]: readonly string[], ask: string): string | undefined {
  return spawnSync(command, [...args, ask], { encoding: "utf8" }).stdout?.match(/(\d+)\.\d+/)?.[1];
}

/** Suricata's program and the arguments before its own. */
export function suricataCommand(): readonly string[] {
  return SURICATA_ROOT === "" ? ["suricata"] : ["chroot", SURICATA_ROOT, "suricata"];
}

/** A folder that Suricata sees, too. */
export function makeWork(name: string): [folder: string, remove: () => void] {
  const folder = mkdtempSync(join(SURICATA_ROOT === "" ? tmpdir() : join(SURICATA_ROOT, "tmp"), name));
  return [folder, () => rmSync(folder, { recursive: true, force: true })];
}

/** Suricata on a folder in which captures appear, with its log at `eve.json`. */
export function startSuricata(
  work: string,
  options: { readonly rules: string; readonly sets?: Readonly<Record<string, string>> },
): PacketEngine {
  cpSync(join(ROOT, "scripts/record/suricata"), work, { recursive: true });
  const yaml = join(work, "suricata.yaml");
  writeFileSync(
    yaml,
    readFileSync(yaml, "utf8").replace(
      "        - modbus\n",
      "        - modbus\n        - dnp3\n        - mqtt\n",
    ),
  );
  const inbox = join(work, "captures");
  mkdirSync(inbox);
  writeFileSync(join(work, "eve.json"), "");
  const inside = (path: string) => path.slice(SURICATA_ROOT.length);
  const [command = "", ...args] = suricataCommand();
  const child = spawn(
    command,
    [
      ...args,
      ...["-c", inside(yaml), "-S", inside(options.rules), "-l", inside(work)],
      ...["-k", "none", "--runmode", "single", "-r", inside(inbox), "--pcap-file-continuous"],
      ...Object.entries({
        "pcap-file.delay": "1",
        "pcap-file.poll-interval": "1",
        "stream.midstream": "true",
        "app-layer.protocols.dnp3.enabled": "yes",
        "app-layer.protocols.dnp3.detection-ports.dp": "20000",
        "app-layer.protocols.mqtt.enabled": "yes",
        ...options.sets,
      }).flatMap(([key, value]) => ["--set", `${key}=${value}`]),
    ],
    { stdio: "ignore" },
  );
  let number = 0;
  return {
    log: join(work, "eve.json"),
    feed(capture) {
      // Whole and old enough the moment it appears.
      const place = join(work, `next-${++number}.pcap`);
      if (capture.endsWith(".gz")) writeFileSync(place, gunzipSync(readFileSync(capture)));
      else copyFileSync(capture, place);
      const at = Date.now() / 1000 - 3600 + number;
      utimesSync(place, at, at);
      renameSync(place, join(inbox, `${String(number).padStart(4, "0")}-${basename(capture)}`));
    },
    stop: () => stop(child, "SIGTERM"),
  };
}

/** tshark on an interface that is a pipe, with the requests of industrial protocols in `packets.ek`. */
export function startTshark(work: string): PacketEngine {
  const log = join(work, "packets.ek");
  writeFileSync(log, "");
  const wanted = "modbus || dnp3 || s7comm || cip || iec60870_asdu || bacapp || mqtt || opcua";
  const child = spawn("tshark", ["-l", "-n", "-i", "-", "-T", "ek", "-Y", wanted], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdout.on("data", (bytes: Buffer) => appendFileSync(log, bytes));
  let isFirst = true;
  return {
    log,
    feed(capture) {
      const { stdout, status } = spawnSync("mergecap", ["-a", "-F", "pcap", "-w", "-", capture], {
        maxBuffer: 1e8,
      });
      if (status !== 0) throw new Error(`mergecap cannot read ${capture}`);
      // One interface has one file header; what follows it are packets.
      child.stdin.write(isFirst ? stdout : stdout.subarray(24));
      isFirst = false;
    },
    async stop() {
      child.stdin.end();
      await stop(child, "SIGTERM");
    },
  };
}

/** CrowdSec, agent and local API, following a log of Suricata's; its HTTP plugin posts what it alerts of. */
export async function startCrowdsec(
  work: string,
  eve: string,
  receiver: CrowdsecReceiver,
): Promise<Pick<Engine, "stop">> {
  const config = writeCrowdsecConfig(CROWDSEC, work, { eve, receiver, api: await freePort() });
  const bin = (name: string) => join(CROWDSEC, "usr/bin", name);
  const added = spawnSync(bin("cscli"), ["-c", config, "machines", "add", "-a", "--force"]);
  if (added.status !== 0) throw new Error(`cscli machines add: ${added.stderr.toString()}`);
  // It leaves its plugins behind when it ends: they are ended with its process group.
  const child = spawn(bin("crowdsec"), ["-c", config], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const group = -(child.pid as number);
  try {
    await said(child, /Starting processing data/);
  } catch (error) {
    endGroup(group);
    throw error;
  }
  return {
    async stop() {
      await stop(child, "SIGTERM");
      endGroup(group);
    },
  };
}

/** Ends what is left of a process group that was started here. */
function endGroup(group: number): void {
  try {
    process.kill(group, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A port of loopback that nobody had a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Resolves when a program says it; rejects with all that it said when it ends before. */
export function said(child: ChildProcess, what: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const hear = (bytes: Buffer): void => {
      text = (text + bytes.toString()).slice(-20_000);
      if (what.test(text)) resolve();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", () => reject(new Error(`${child.spawnfile} ended: ${text.slice(-2000)}`)));
  });
}

/** Ends a program that was started here. */
export function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const last = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.once("exit", () => {
      clearTimeout(last);
      resolve();
    });
    child.kill(signal);
  });
}
