import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, type Ended, makeConsortium, PATIENCE_MS, type TestConsortium } from "./support.ts";

let c: TestConsortium;
let close: () => Promise<void> = async () => {};

beforeAll(async () => {
  [c, close] = await makeConsortium();
}, PATIENCE_MS);
afterAll(() => close(), PATIENCE_MS);

let files = 0;
const directory = (): string => c.plants[0]!.directory;

/** Starts plant A's node with its configuration changed. */
async function startWith(...changes: readonly (readonly [string | RegExp, string])[]): Promise<Ended> {
  const text = await readFile(join(directory(), "plant.yaml"), "utf8");
  const changed = changes.reduce((yaml, [from, to]) => yaml.replace(from, to), text);
  if (changes.length > 0) expect(changed).not.toBe(text);
  const file = join(directory(), `changed-${++files}.yaml`);
  await writeFile(file, changed);
  return cli("node", "start", "--config", file);
}

/** One line on standard error, exit code 2, nothing else; a log line is no answer to the person who started it. */
function expectRefusal({ code, stdout, stderr }: Ended, words: RegExp): void {
  const lines = `${stdout}${stderr}`
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith('{"level"'));
  expect(lines, stderr).toHaveLength(1);
  expect(lines[0]).toMatch(words);
  expect(code).toBe(2);
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

describe("a node that cannot start says why in one line", { timeout: 2 * PATIENCE_MS }, () => {
  it("for a setting that is wrong", async () => {
    const cases: readonly (readonly [string | RegExp, string, RegExp])[] = [
      [/port: \d+/, "port: 70000", /http\.port: expected a port from 1 to 65535/],
      ["environment: lab", "environment: production", /lab\.public: a production configuration/],
      ["environment: lab", "environment: laboratory", /environment: /],
      ["blocksPerHour: 1000000", "blocksPerHour: many", /budget\.blocksPerHour: /],
      ["format: eve", "format: evee", /detectors\.0\.format: /],
      ["plant: A", "plnat: A", /plnat|plant/],
      ["plant: A", "plant: [A", /not YAML/],
    ];
    await Promise.all(
      cases.map(async ([from, to, words]) => expectRefusal(await startWith([from, to]), words)),
    );
    expectRefusal(
      await cli("node", "start", "--config", join(directory(), "none.yaml")),
      /none\.yaml cannot be read/,
    );
  });

  it("for a key that is missing, or opens with another password", async () => {
    expectRefusal(await startWith(["path: node.json", "path: none.json"]), /keystore\.path: .*none\.json/);
    await writeFile(join(directory(), "wrong"), "wrong\n", { mode: 0o600 });
    expectRefusal(await startWith(["passwordFile: password", "passwordFile: wrong"]), /keystore.*wrong/);
    expectRefusal(
      await startWith(["passwordFile: password", "passwordFile: none"]),
      /keystore\.passwordFile: .*none/,
    );
    expectRefusal(
      await startWith(["relayKey: relay.key", "relayKey: none.key"]),
      /chain\.relayKey: .*none\.key/,
    );
    await writeFile(join(directory(), "other.key"), `0x${"11".repeat(32)}\n`, { mode: 0o600 });
    expectRefusal(
      await startWith(["blindingKey: blinding.key", "blindingKey: other.key"]),
      /blindingKey: .*other\.key/,
    );
  });

  it("for a port that a foreign program holds", async () => {
    const { http, peer } = c.plants[0]!;
    for (const [port, setting] of [
      [http, /http\.port/],
      [peer, /peers\.listen/],
    ] as const) {
      const foreign = await listen(port);
      const ended = await startWith();
      await new Promise((done) => foreign.close(done));
      expectRefusal(ended, setting);
    }
  });

  it("for a store that another process has open", async () => {
    await c.start(0);
    expectRefusal(await startWith(), /store.*(in use|locked|process)/i);
    await c.end(0, "stop");
  });

  it("for a chain that was never seen, and only then", async () => {
    await c.local.stopChain();
    const never = await cli("node", "start", "--config", join(c.plants[1]!.directory, "plant.yaml"));
    expectRefusal(never, /chain|127\.0\.0\.1/);
    await c.start(0); // has seen it before
    expect((await c.ask(0).health()).chain.block).toBeGreaterThan(0);
    await c.end(0, "stop");
  });
});
