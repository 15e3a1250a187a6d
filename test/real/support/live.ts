/** Engines of a plant that work on its live network: a sensor that only listens, one that traffic passes through, and CrowdSec's local API. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import { parse, stringify } from "yaml";
import type { CrowdsecAccess } from "../../../node/src/adapters/controls/crowdsec-api.ts";
import { writeCrowdsecConfig } from "./crowdsec.ts";
import { type Engine, makeWork, SURICATA_ROOT, suricataCommand } from "./engines.ts";
import { ended, type Host } from "./network.ts";

const SENSOR = fileURLToPath(new URL("../../../scripts/record/suricata", import.meta.url));
const CROWDSEC = process.env.CROWDSEC_ROOT ?? "";
/** A socket's path has room for about this many characters. */
const LONGEST_PATH = 100;

/** Suricata on a machine's interfaces. */
export interface LiveSuricata extends Engine {
  /** The rule file that it loads, beside `own`, those of the recordings. */
  readonly rules: string;
  readonly sensor: string;
  readonly socket: string;
  /** Program and arguments before -T. */
  readonly test: readonly string[];
}

/** Starts it and waits until its socket answers. With two interfaces it stands between them and may drop (IPS). */
export async function startLiveSuricata(
  host: Host,
  interfaces: readonly string[],
  options: { readonly own?: true; readonly groups: Readonly<Record<string, string>> },
): Promise<LiveSuricata> {
  const [work, remove] = makeWork("anamnesis-live-");
  cpSync(SENSOR, work, { recursive: true });
  const inside = (path: string) => path.slice(SURICATA_ROOT.length);
  const [sensor, rules, log] = [
    join(work, "suricata.yaml"),
    join(work, "anamnesis.rules"),
    join(work, "eve.json"),
  ];
  writeFileSync(rules, "");
  writeFileSync(log, "");
  const base = parse(readFileSync(sensor, "utf8"), { version: "1.1" }) as Record<string, unknown>;
  const other = (index: number) => interfaces[1 - index];
  const settings = {
    ...base,
    vars: { "address-groups": { ...groupsOf(base), ...options.groups } },
    "default-rule-path": inside(work),
    "rule-files": ["anamnesis.rules", ...(options.own === true ? ["plant.rules"] : [])],
    "exception-policy": "ignore",
    "unix-command": { enabled: "yes", filename: inside(join(work, "s")) },
    "af-packet": interfaces.map((name, index) => ({
      interface: name,
      "cluster-id": 90 + index,
      "cluster-type": "cluster_flow",
      threads: 1,
      "use-mmap": "yes",
      ...(other(index) !== undefined && { "copy-mode": "ips", "copy-iface": other(index) }),
    })),
  };
  writeFileSync(sensor, `%YAML 1.1\n---\n${stringify(settings, { version: "1.1" })}`);
  const [command, ...args] = host.inside(
    ...suricataCommand(),
    ...["-c", inside(sensor), "-l", inside(work), "-k", "none", "--runmode", "workers", "--af-packet"],
  );
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  await vi.waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`suricata ended: ${said}`);
      if (!existsSync(join(work, "s"))) throw new Error(`suricata has no socket: ${said}`);
    },
    { timeout: 30_000, interval: 50 },
  );
  const [short, removeShort] = shortened(work);
  return {
    log,
    rules,
    sensor,
    socket: join(short, "s"),
    test: testerOf(work),
    async stop() {
      await ended(child, () => child.kill("SIGTERM"));
      removeShort();
      remove();
    },
  };
}

function groupsOf(settings: Record<string, unknown>): object {
  return (settings.vars as { "address-groups": object })["address-groups"];
}

/** A short way to a folder whose own path is too long for a socket's. */
function shortened(folder: string): [string, () => void] {
  if (folder.length < LONGEST_PATH) return [folder, () => undefined];
  const place = mkdtempSync(join(tmpdir(), "s-"));
  symlinkSync(folder, join(place, "w"));
  return [join(place, "w"), () => rmSync(place, { recursive: true })];
}

/** Suricata as the control starts it: in a chroot, paths are cut to what is seen from there. */
function testerOf(work: string): readonly string[] {
  if (SURICATA_ROOT === "") return ["suricata"];
  const program = join(work, "suricata");
  const cut = `for a; do shift; set -- "$@" "\${a#${SURICATA_ROOT}}"; done`;
  writeFileSync(program, `#!/bin/sh\n${cut}\nexec chroot ${SURICATA_ROOT} suricata "$@"\n`);
  chmodSync(program, 0o755);
  return [program];
}

/** What a bouncer of the plant's own, which is not ours, is told. */
export interface Banned {
  readonly banned: readonly string[];
  readonly over: readonly string[];
}

/** CrowdSec's local API. */
export interface Lapi extends CrowdsecAccess {
  bouncer(): Promise<Banned>;
  stop(): Promise<void>;
}

/** Starts the API alone, with a machine that may write and a bouncer that may read. */
export async function startLapi(): Promise<Lapi> {
  const work = mkdtempSync(join(tmpdir(), "anamnesis-lapi-"));
  const bin = (name: string) => join(CROWDSEC, "usr/bin", name);
  const api = await freePort();
  const eve = join(work, "eve.json");
  writeFileSync(eve, "");
  const config = writeCrowdsecConfig(CROWDSEC, work, { eve, api });
  const files = { passwordFile: join(work, "password"), keyFile: join(work, "key") };
  writeFileSync(files.passwordFile, "of-plant-b\n");
  writeFileSync(files.keyFile, "of-the-node-at-plant-b\n");
  for (const args of [
    ["machines", "add", "plant-b", "--password", "of-plant-b", "-f", join(work, "machine.yaml"), "--force"],
    ["bouncers", "add", "node", "-k", "of-the-node-at-plant-b"],
    ["bouncers", "add", "firewall", "-k", "of-the-firewall"],
  ]) {
    const run = spawnSync(bin("cscli"), ["-c", config, ...args], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(`cscli ${args.join(" ")}: ${run.stderr}`);
  }
  const child = spawn(bin("crowdsec"), ["-c", config, "-no-cs"], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
  const url = `http://127.0.0.1:${api}`;
  async function bouncer(): Promise<Banned> {
    const answer = await fetch(`${url}/v1/decisions/stream?startup=true`, {
      headers: { "x-api-key": "of-the-firewall" },
    });
    const said = (await answer.json()) as Record<"new" | "deleted", { value: string }[] | null>;
    const valuesOf = (list: { value: string }[] | null) => (list ?? []).map(({ value }) => value);
    return { banned: valuesOf(said.new), over: valuesOf(said.deleted) };
  }
  await vi.waitFor(
    async () => {
      if (child.exitCode !== null) throw new Error(`crowdsec ended: ${said}`);
      await bouncer();
    },
    { timeout: 30_000, interval: 100 },
  );
  return {
    url,
    machine: "plant-b",
    ...files,
    bouncer,
    async stop() {
      await ended(child, () => child.kill("SIGTERM"));
      rmSync(work, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
