import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { planVaccine } from "../../../node/src/cli/commands/vaccines-plan.ts";

let directory: string;
let config: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-plan-"));
  config = join(directory, "plant.yaml");
  const control = (name: string, kind: string) => ({ name, kind, level: 2, path: `${name}.rules` });
  await writeFile(
    config,
    stringify({
      plant: "B",
      http: { port: 8801 },
      peers: { listen: "127.0.0.1:9801" },
      chain: { urls: ["http://127.0.0.1:8545"], consortium: "consortium.json", relayKey: "relay.key" },
      keystore: { path: "key.json" },
      controls: [control("edge", "edl"), control("ips", "suricata"), control("cell", "gateway")],
      self: {
        confirmedAt: "2026-03-01T00:00:00Z",
        assets: [{ name: "historian", addresses: ["10.2.2.40"] }],
        roles: { otNetwork: ["10.2.2.0/24"], writers: ["10.2.2.20"], controllers: ["10.2.2.10"] },
        services: [{ name: "vendor", addresses: ["45.60.1.7"] }],
      },
    }),
  );
});
afterEach(() => rm(directory, { recursive: true }));

const plan = (value: string) => planVaccine({ data: directory }, value, { config, action: "block" });
const plain = { good: String, bad: String, soft: String, strong: String, nowMs: 0, width: 200 };

test("shows what each control would write about a command, what follows, and who is spared; writes nothing", async () => {
  const before = await readdir(directory);
  const result = plan("modbus:6");
  const text = result.human(plain as never);
  expect(text).toMatch(/edge \(edl\): nothing\n {2}- plan\.unsupported: /);
  expect(text).toMatch(/ips \(suricata\): block\n {2}\+ drop modbus /);
  expect(text).toContain("! the whole flow is dropped after the first such command, later reads");
  expect(text).toContain("! not dropped, only watched: source 10.2.2.40 (historian)");
  expect(text).toMatch(/cell \(gateway\): deny\n {2}\+ \{"action":"deny"/);
  expect(text).toMatch(/! every Modbus write .* reads and other commands of the same connection pass/);
  expect(result.exit).toBe(0);
  expect(await readdir(directory)).toEqual(before);
});

test("names the entry of Self that keeps a value from being stopped", () => {
  const result = plan("45.60.1.0/24");
  expect(result.human(plain as never)).toMatch(/edge \(edl\): nothing\n {2}- candidate\.self: .*vendor/);
  expect(result.exit).toBe(1);
});

test.each(["modbus:3", "not a value"])("refuses %s", (value) => {
  expect(() => plan(value)).toThrow(expect.objectContaining({ code: "input.invalid" }));
});
