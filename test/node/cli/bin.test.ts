import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { readConfig } from "../../../node/src/config.ts";
import { BIN, makeMachine, spawnCli } from "./run.ts";

vi.setConfig({ testTimeout: 60_000 });

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "anamnesis-bin-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("node init", () => {
  test("makes a plant that the configuration reader takes, with its secrets for this user only", async () => {
    const made = await spawnCli(directory, ["node", "init", "--plant", "E", "-o", "json"]).done;
    expect([made.code, made.err]).toEqual([0, ""]);
    const { directory: plant, key } = JSON.parse(made.out);
    const config = readConfig(join(plant, "plant.yaml"));
    expect(config).toMatchObject({
      plant: "E",
      environment: "production",
      http: { host: "127.0.0.1", port: 8801 },
    });
    expect(config.controls).toEqual([]);
    expect(JSON.parse(readFileSync(config.keystore.path, "utf8")).address.toLowerCase()).toContain(
      key.slice(2),
    );
    for (const secret of [
      "node.keystore.json",
      "keystore.password",
      "relay.key",
      "operator.token",
      "tokens.json",
    ])
      expect(statSync(join(plant, secret)).mode & 0o077, secret).toBe(0);
    expect(readFileSync(join(plant, "tokens.json"), "utf8")).not.toContain(
      readFileSync(join(plant, "operator.token"), "utf8").trim(),
    );
  });

  test("the comments of plant.yaml are configuration too", async () => {
    await spawnCli(directory, ["node", "init", "--plant", "e"]).done;
    const file = join(directory, ".anamnesis", "plants", "e", "plant.yaml");
    const text = readFileSync(file, "utf8")
      .replaceAll(/: \[\]$(?=\n# {2})/gm, ":")
      .replaceAll(/^#(?= {2})/gm, "");
    expect(parse(text).controls).toHaveLength(2);
    writeFileSync(file, text);
    const config = readConfig(file);
    expect(config.detectors).toHaveLength(1);
    expect(config.release.automatic).toEqual([{ class: "observable", minSeverity: 70 }]);
    expect(config.standing).toHaveLength(1);
    expect(config.self.assets).toHaveLength(1);
  });

  test("leaves an existing plant alone, and says which setting is wrong", async () => {
    const init = (...args: string[]) => spawnCli(directory, ["node", "init", ...args]).done;
    await init("--plant", "e");
    const keystore = join(directory, ".anamnesis", "plants", "e", "node.keystore.json");
    const before = readFileSync(keystore, "utf8");
    expect(await init("--plant", "E")).toMatchObject({ code: 2, err: expect.stringContaining("exists") });
    expect(readFileSync(keystore, "utf8")).toBe(before);
    expect(await init()).toMatchObject({ code: 2, err: expect.stringContaining("--plant") });
    expect(await init("--plant", "f", "--password-file", "none")).toMatchObject({
      code: 2,
      err: expect.stringContaining("--password-file: none"),
    });
    expect(await init("--plant", "f", "--http-port", "99999")).toMatchObject({
      code: 2,
      err: expect.stringContaining("--http-port"),
    });
    expect(existsSync(join(directory, ".anamnesis", "plants", "f"))).toBe(false);
  });

  test("takes the password from ANAMNESIS_PASSWORD_FILE", async () => {
    const password = join(directory, "password");
    writeFileSync(password, "correct horse\n", { mode: 0o600 });
    const env = { ANAMNESIS_PASSWORD_FILE: password };
    expect((await spawnCli(directory, ["node", "init", "--plant", "e"], env).done).code).toBe(0);
    const plant = join(directory, ".anamnesis", "plants", "e");
    expect(existsSync(join(plant, "keystore.password"))).toBe(false);
    expect(readConfig(join(plant, "plant.yaml")).keystore.passwordFile).toBe(password);
  });
});

describe("a plant that never ran", () => {
  const consortium = {
    chainId: 20_261,
    genesisHash: `0x${"01".repeat(32)}`,
    registry: `0x${"02".repeat(20)}`,
    memory: `0x${"03".repeat(20)}`,
    governor: `0x${"07".repeat(20)}`,
    codeHashes: {
      registry: `0x${"04".repeat(32)}`,
      memory: `0x${"05".repeat(32)}`,
      governor: `0x${"08".repeat(32)}`,
    },
    blindingKeyHash: `0x${"06".repeat(32)}`,
  };

  test("answers from its store, and starting it says why it cannot", async () => {
    const file = join(directory, "consortium.json");
    writeFileSync(file, JSON.stringify(consortium));
    const run = (...args: string[]) => spawnCli(directory, args).done;
    const chain = ["--chain", "http://127.0.0.1:1"];
    expect((await run("node", "init", "--plant", "e", "--consortium", file, ...chain)).code).toBe(0);
    const recall = await run("recall", "203.0.113.7", "--plant", "E", "-o", "json");
    expect([recall.code, recall.err]).toEqual([1, ""]);
    expect(JSON.parse(recall.out)).toEqual({ value: "203.0.113.7", known: false, indicators: [] });
    expect(await run("indicators", "list")).toMatchObject({ code: 0, out: "No indicator fits.\n" });
    expect(await run("vaccines", "why", "10.0.0.1", "-o", "raw")).toMatchObject({ code: 1, out: "no\n" });
    expect(await run("detections", "tail")).toMatchObject({ code: 0, out: "No detection yet.\n" });
    expect((await run("doctor")).out).toContain("The node is stopped; this is its store.");
    expect((await run("detections", "tail", "-f")).code).toBe(3);
    expect((await run("status")).code).toBe(3);
    const start = await run("node", "start");
    expect(start.code).toBe(2);
    expect(start.err).toMatch(/^anamnesis: .*\(chain\.unreachable\)\n$/m);
  });
});

describe("the bin", () => {
  test("help is the same from every Node, and quick to load", () => {
    const help = spawnSync(process.execPath, [BIN, "--help"], { encoding: "utf8" });
    expect(help.status).toBe(0);
    expect(help.stdout).toMatch(/Exit codes: 0 done; 1 /);
    const loaded = spawnSync(process.execPath, [BIN, "--help"], {
      encoding: "utf8",
      env: { ...process.env, NODE_DEBUG: "esm" },
    });
    expect(loaded.stderr).toContain("commander");
    for (const heavy of ["/express/", "/ethers/", "/libp2p/", "/zod/", "/classic-level/"])
      expect(loaded.stderr, `${heavy} is loaded for --help`).not.toContain(heavy);
  });

  const old = spawnSync("node", ["--version"], { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } });
  const isOld = Number(/^v(\d+)/.exec(old.stdout ?? "")?.[1]) < 24;
  test.skipIf(!isOld)(
    "an older Node hands over to the one that came along, with exit code and signals",
    async () => {
      const env = { PATH: "/usr/bin:/bin", HOME: directory };
      const run = (...args: string[]) =>
        spawnSync("node", [BIN, ...args], { encoding: "utf8", cwd: directory, env });
      expect(run("--help").stdout).toMatch(/Usage: anamnesis/);
      expect(run("status")).toMatchObject({ status: 2, stdout: "" });
      const [machine, close] = await makeMachine();
      try {
        const tail = spawn("node", [BIN, "detections", "tail", "-f"], {
          cwd: machine.directory,
          env,
          stdio: "ignore",
        });
        const ended = new Promise((resolve) => tail.once("exit", (code, signal) => resolve([code, signal])));
        await vi.waitFor(() => expect(machine.started.plant.listeners()).toBe(1), { timeout: 30_000 });
        tail.kill("SIGTERM");
        expect(await ended).toEqual([0, null]);
        await vi.waitFor(() => expect(machine.started.plant.listeners()).toBe(0), { timeout: 30_000 });
      } finally {
        await close();
      }
    },
  );

  test("a closed pipe is no fault", async () => {
    const { status, stderr } = spawnSync("/bin/sh", ["-c", `"$NODE" "$BIN" --help | head -n 1`], {
      encoding: "utf8",
      env: { ...process.env, NODE: process.execPath, BIN },
    });
    expect([status, stderr]).toEqual([0, ""]);
  });
});
