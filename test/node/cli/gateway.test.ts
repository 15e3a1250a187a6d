import { existsSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import modbus from "modbus-serial";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { createGateway } from "../../../node/src/adapters/controls/gateway.ts";
import type { Compiled } from "../../../node/src/ports.ts";
import { startController } from "../adapters/gateway/support.ts";
import { TOKENS } from "../adapters/http/start.ts";
import { conduct } from "../support/plant.ts";
import { type Machine, makeMachine, type Running } from "./run.ts";

vi.setConfig({ testTimeout: 60_000 });

const SELF = {
  confirmedAt: "2026-03-01T00:00:00Z",
  roles: { otNetwork: ["127.0.2.0/24"], writers: ["127.0.2.20"], controllers: ["127.0.2.10"] },
};
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

let machine: Machine;
let close: () => Promise<void>;
let controller: Awaited<ReturnType<typeof startController>>;
let running: Running | undefined;
let port: number;

beforeEach(async () => {
  [machine, close] = await makeMachine();
  writeFileSync(join(machine.plant, "detector.token"), TOKENS.detector);
  controller = await startController();
  port = await freePort();
  const cell = {
    name: "cell",
    kind: "gateway",
    level: 2,
    path: "gateway.rules",
    conduits: [
      { listen: `127.0.0.1:${port}`, controller: "127.0.2.10", upstream: `127.0.0.1:${controller.port}` },
    ],
  };
  writeFileSync(
    join(machine.plant, "plant.yaml"),
    stringify({
      plant: "D",
      http: { port: 8801 },
      peers: { listen: "127.0.0.1:9801" },
      chain: { urls: ["http://127.0.0.1:8545"], consortium: "consortium.json", relayKey: "relay.key" },
      keystore: { path: "key.json" },
      controls: [cell],
      self: SELF,
    }),
  );
});
afterEach(async () => {
  running?.kill("SIGKILL");
  await running?.done;
  await controller.close();
  await close();
});

test("a process of its own: reports what strangers write, refuses what the control wrote, and is undone by hand", async () => {
  running = machine.spawn("gateway");
  const rules = join(machine.plant, "gateway.rules");
  await vi.waitFor(() => expect(existsSync(`${rules}.sock`)).toBe(true), { timeout: 20_000 });
  const control = createGateway({ name: "cell", level: 2, path: rules }, { clock });
  await control.preflight();

  const attacker = await connect("127.0.2.66");
  await attacker.writeRegister(1, 1);
  expect(controller.registers.get(1)).toBe(1);
  const { published } = machine.started.plant;
  await vi.waitFor(() => expect(published.flatMap(({ lines }) => lines)).toHaveLength(1), {
    timeout: 20_000,
  });
  expect(JSON.parse(published[0]?.lines[0]?.line ?? "")).toMatchObject({
    src_ip: "127.0.2.66",
    dest_ip: "127.0.2.10",
    modbus: { request: { function_raw: 6 } },
  });

  const self = { assets: [], domains: [], services: [], files: [], confirmedAtMs: 0, roles: SELF.roles };
  const compiled = control.compile(conduct, "deny", self) as Compiled;
  const applied = {
    indicator: `0x${"ab".repeat(32)}` as never,
    control: "cell",
    action: compiled.action,
    statement: compiled.statement,
    appliedAtMs: Date.now(),
    expiresAtMs: Date.now() + 3_600_000,
  };
  await control.apply([applied]);
  expect(await control.verify([applied])).toEqual({ proof: "enforced", missing: [], extra: [] });
  await expect(attacker.writeRegister(1, 2)).rejects.toMatchObject({ modbusCode: 1 });
  expect((await attacker.readHoldingRegisters(1, 1)).data).toEqual([1]);
  const hmi = await connect("127.0.2.20");
  await hmi.writeRegister(0, 1050);
  expect(controller.registers.get(0)).toBe(1050);

  // Break-glass: nobody writes or asks; the file goes.
  rmSync(rules);
  await vi.waitFor(() => attacker.writeRegister(1, 3), { timeout: 10_000 });
  expect(controller.registers.get(1)).toBe(3);
  attacker.destroy(() => undefined);
  hmi.destroy(() => undefined);
  running.kill("SIGTERM");
  expect((await running.done).code).toBe(0);
});

test("says which gateway is meant when there is none", async () => {
  const { code, err } = await machine.run("gateway", "--control", "other");
  expect([code, err]).toEqual([
    2,
    expect.stringContaining("gateways among the controls of plant.yaml: cell"),
  ]);
});

async function connect(localAddress: string) {
  const client = new modbus.default();
  await client.connectTCP("127.0.0.1", { port, localAddress } as never);
  client.setID(1);
  client.setTimeout(3000);
  return client;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });
}
