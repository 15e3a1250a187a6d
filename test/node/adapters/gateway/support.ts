/** A gateway before a real Modbus server, and real clients. Loopback addresses stand for machines. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConduitRule, conduitLine, conduitStatement } from "@anamnesis/sdk/core/conduit-rules";
import modbus from "modbus-serial";
import type { Hit } from "../../../../node/src/adapters/gateway/conduit.ts";
import { type Gateway, startGateway } from "../../../../node/src/adapters/gateway/gateway.ts";
import type { Clock } from "../../../../node/src/ports.ts";
import { START_MS } from "../../support/plant.ts";
import { silent } from "../../support/vaccination.ts";

export const HMI = "127.0.2.20";
export const ATTACKER = "127.0.2.66";
export const CONTROLLER = "10.2.2.10";
export const INDICATOR = `0x${"ab".repeat(32)}`;

/** A rule of that indicator, in force for an hour. */
export function ruleOf(change: Partial<ConduitRule> = {}): ConduitRule {
  return {
    indicator: INDICATOR,
    action: "deny",
    sources: ["127.0.2.64/26"],
    destinations: [CONTROLLER],
    functions: [6, 16, 22, 23],
    expiresAtMs: START_MS + 3_600_000,
    ...change,
  };
}

/** The text of a rule file. */
export function rulesText(rules: readonly ConduitRule[]): string {
  return rules.map((rule) => conduitLine(rule.indicator, rule.expiresAtMs, conduitStatement(rule))).join("");
}

/** A Modbus server that keeps what was written and counts what it was asked. */
export async function startController() {
  const registers = new Map<number, number>([[0, 1000]]);
  const seen = { reads: 0, writes: 0 };
  const server = new modbus.ServerTCP(
    {
      getHoldingRegister: (address: number) => {
        seen.reads += 1;
        return registers.get(address) ?? 0;
      },
      setRegister: (address: number, value: number) => {
        seen.writes += 1;
        registers.set(address, value);
      },
      setCoil: () => {
        seen.writes += 1;
      },
    } as never,
    // Its own 0 means 502.
    { host: "127.0.0.1", port: "0" as never, unitID: 1 },
  );
  await new Promise<void>((resolve) => server.once("initialized" as never, () => resolve()));
  const inner = (server as unknown as { _server: Server })._server;
  const { port } = inner.address() as { port: number };
  return {
    port,
    registers,
    seen,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** A gateway before a controller at `port`. */
export async function openGateway(port: number, rules: readonly ConduitRule[] = []) {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-gateway-"));
  const path = join(directory, "gateway.rules");
  const time = { nowMs: START_MS };
  const clock: Clock = { nowMs: () => time.nowMs, monotonicMs: () => performance.now() };
  const hits: Hit[] = [];
  await writeFile(path, rulesText(rules));
  const gateway: Gateway = await startGateway(
    {
      conduits: [
        {
          listen: { host: "127.0.0.1", port: 0 },
          controller: CONTROLLER,
          upstream: { host: "127.0.0.1", port },
        },
      ],
      path,
      onHit: (hit) => hits.push(hit),
    },
    { clock, log: silent },
  );
  const clients: InstanceType<typeof modbus.default>[] = [];
  return {
    gateway,
    path,
    time,
    hits,
    port: gateway.addresses[0]?.port ?? 0,
    /** Replaces the rule file as the control does. */
    async put(text: string) {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    },
    /** A client at an address of its own. */
    async client(localAddress: string) {
      const client = new modbus.default();
      await client.connectTCP("127.0.0.1", { port: gateway.addresses[0]?.port ?? 0, localAddress } as never);
      client.setID(1);
      client.setTimeout(3000);
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.destroy(() => undefined);
      await gateway.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** A server that answers every message of `bytes` with what `answer` says, in pieces as they come. */
export async function startRaw(onData: (bytes: Buffer, reply: (bytes: Buffer) => void) => void) {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => onData(bytes, (reply) => socket.write(reply)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    port: (server.address() as { port: number }).port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
