/* `npm run test:real [-- NAME…]`: installs the real engines that a suite needs and runs it against them. */
import { spawnSync } from "node:child_process";
import { existsSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Outside the checkout's tracked files; a second run finds it ready. */
const cache = process.env.ANAMNESIS_REAL ?? join(root, "node_modules/.cache/real");

/** A suite of test/real and the script that brings what it needs. */
interface Suite {
  readonly files: readonly string[];
  readonly install: readonly (readonly string[])[];
  readonly env: Readonly<Record<string, string>>;
  /** What cannot be had is left out of the suite, which says so; else the suite is left out. */
  readonly inParts?: true;
  /** One file after the other: each starts a network of processes. */
  readonly inTurn?: true;
  /** In a network namespace of its own, with everything it starts. */
  readonly inNetwork?: true;
}

const SURICATA = join(cache, "suricata");
const CROWDSEC = join(cache, "crowdsec");
const CLIENTS = join(cache, "clients");
const QUORUM = join(cache, "quorum");
const SUITES: Readonly<Record<string, Suite>> = {
  suricata: {
    files: ["test/real/suricata.test.ts", "test/real/fixtures.test.ts"],
    install: [["scripts/ci/install-suricata.sh", SURICATA]],
    env: { SURICATA_ROOT: SURICATA },
  },
  controls: {
    files: ["test/real/controls.test.ts", "test/real/cases.test.ts"],
    install: [["scripts/ci/install-suricata.sh", SURICATA], ["scripts/ci/install-nftables.sh"]],
    env: { SURICATA_ROOT: SURICATA },
  },
  detectors: {
    files: ["test/real/detectors.test.ts", "test/real/protocols.test.ts"],
    install: [
      ["scripts/ci/install-suricata.sh", SURICATA],
      ["scripts/ci/install-crowdsec.sh", CROWDSEC],
      ["scripts/ci/install-tshark.sh"],
    ],
    env: { SURICATA_ROOT: SURICATA, CROWDSEC_ROOT: CROWDSEC },
    inParts: true,
  },
  clients: {
    files: ["test/real/clients.test.ts"],
    install: [["scripts/ci/install-clients.sh", CLIENTS]],
    env: { CLIENTS_ROOT: CLIENTS },
  },
  ui: {
    files: ["test/real/dashboard.test.ts"],
    install: [["scripts/ci/install-chromium.sh"]],
    env: {},
  },
  vaccination: {
    files: ["test/real/vaccination.test.ts"],
    install: [
      ["scripts/ci/install-network.sh"],
      ["scripts/ci/install-suricata.sh", SURICATA],
      ["scripts/ci/install-crowdsec.sh", CROWDSEC],
    ],
    env: { SURICATA_ROOT: SURICATA, CROWDSEC_ROOT: CROWDSEC },
    inNetwork: true,
  },
  chain: {
    files: ["test/real/chain.test.ts", "test/real/chain-seals.test.ts"],
    install: [["scripts/ci/install-quorum.sh", QUORUM]],
    env: { QUORUM_GETH: join(QUORUM, "geth"), LONDON_ARTIFACTS: join(cache, "london") },
    inTurn: true,
  },
};

/** A network and processes of its own: whatever ends it, all that it started ends with it. */
const APART = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/** A part that cannot be had here says so with this code: a loud skip, not a pass. */
const UNAVAILABLE = 75;

const names = process.argv.slice(2).length > 0 ? process.argv.slice(2) : Object.keys(SUITES);
const skipped: string[] = [];
let failed = 0;
for (const name of names) {
  const suite = SUITES[name];
  if (suite === undefined) {
    process.stderr.write(`no suite is called ${name}; there are ${Object.keys(SUITES).join(", ")}\n`);
    process.exit(2);
  }
  const missing = suite.install.map(install).filter((reason) => reason !== undefined);
  if (suite.inParts === true) skipped.push(...missing.map((reason) => `part of ${name}: ${reason}`));
  else if (missing[0] !== undefined) {
    skipped.push(`${name}: ${missing[0]}`);
    continue;
  }
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const env: NodeJS.ProcessEnv = { ...process.env, ...suite.env, ANAMNESIS_TEST_REAL: "1" };
  // Where PATH has a Suricata that is new enough, no chroot was made.
  if (!existsSync(join(SURICATA, "usr/bin/suricata"))) delete env.SURICATA_ROOT;
  if (suite.inNetwork === true) env.ANAMNESIS_OUTER_NETWORK = readlinkSync("/proc/self/ns/net");
  const turns = suite.inTurn === true ? ["--no-file-parallelism"] : [];
  const test = [process.execPath, vitest, "run", ...turns, ...suite.files];
  const [command = "", ...args] = suite.inNetwork === true ? [...APART, ...test] : test;
  const run = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env,
  });
  if (run.status !== 0) failed++;
}
for (const reason of skipped) process.stdout.write(`SKIPPED ${reason}\n`);
process.exit(failed > 0 ? 1 : 0);

/** Runs an install script; the reason when its part cannot be had. */
function install([script, ...args]: readonly string[]): string | undefined {
  const run = spawnSync("bash", [join(root, script as string), ...args], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "inherit", "pipe"],
  });
  process.stderr.write(run.stderr);
  if (run.status === 0) return undefined;
  const reason = run.stderr.trim().split("\n").at(-1) ?? `${script} failed`;
  if (run.status !== UNAVAILABLE) throw new Error(`${script}: ${reason}`);
  return reason;
}
