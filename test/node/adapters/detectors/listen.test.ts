import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { LineOutcome } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createListener,
  type Listener,
  type ListenSetting,
} from "../../../../node/src/adapters/detectors/listen.ts";
import type { LineBatch } from "../../../../node/src/ports.ts";
import { SELF } from "../../../sdk/eve-support.ts";
import { makeFolder, makeLog, until } from "./support.ts";

const clock = { nowMs: () => 1_000, monotonicMs: () => 0 };
const running: Listener[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

const HERE: ListenSetting = { transport: "tcp", host: "127.0.0.1", port: 0, from: [], framing: "auto" };
const cefLine = (n: number): string => `CEF:0|V|P|1|${n}|odd ${n}|5|src=203.0.113.66 dst=10.20.0.10`;

async function listen(
  setting: Partial<ListenSetting> = {},
  sink?: (batch: LineBatch) => Promise<void>,
  position?: unknown,
  mostBytes?: number,
) {
  const { log, events } = makeLog();
  const listener = createListener(
    {
      name: "box",
      format: "cef",
      clock,
      log,
      self: () => SELF,
      ...(mostBytes !== undefined && { mostBytes }),
    },
    { ...HERE, ...setting },
  );
  running.push(listener);
  const batches: LineBatch[] = [];
  await listener.start(position, async (batch) => {
    await sink?.(batch);
    batches.push(batch);
  });
  const outcomes = (): LineOutcome[] => batches.flatMap(({ lines }) => lines);
  return {
    listener,
    events,
    batches,
    rules: () =>
      outcomes().flatMap((one) =>
        one.kind === "detection" ? [String(one.detection.rule.id).replace("V|P|", "")] : [],
      ),
    ids: () => outcomes().flatMap((one) => (one.kind === "detection" ? [one.detection.id] : [])),
    lost: (reason: string) =>
      outcomes().reduce(
        (sum, one) => sum + (one.kind === "rejected" && one.reason === reason ? (one.count ?? 1) : 0),
        0,
      ),
    port: () => listener.address()?.port as number,
  };
}

function dial(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

describe("a listener over TCP", () => {
  it("takes lines and counted messages of several senders", async () => {
    const box = await listen();
    dial(box.port()).end(`${cefLine(1)}\n${cefLine(2)}`);
    const counted = `<13>${cefLine(3)}`;
    dial(box.port()).end(`${counted.length} ${counted}`);
    await until(() => box.rules().length === 3);
    expect(box.rules().sort()).toEqual(["1", "2", "3"]);
  });

  it("counts equal messages each: a sender sends again what happens again", async () => {
    const box = await listen();
    dial(box.port()).end(`${cefLine(1)}\n${cefLine(1)}\n`);
    await until(() => box.ids().length === 2);
    expect(new Set(box.ids()).size).toBe(2);
  });

  it("gives other ids after a restart to what comes at the same place", async () => {
    const first = await listen();
    dial(first.port()).end(`${cefLine(1)}\n`);
    await until(() => first.ids().length === 1);
    const stored: unknown = JSON.parse(JSON.stringify(first.batches[0]?.position));
    const second = await listen({}, undefined, stored);
    dial(second.port()).end(`${cefLine(1)}\n`);
    await until(() => second.ids().length === 1);
    expect(second.ids()).not.toEqual(first.ids());
  });

  it("makes a sender wait while nothing can be kept, and loses nothing", async () => {
    let open: () => void = () => undefined;
    const full = new Promise<void>((resolve) => (open = resolve));
    const box = await listen({}, () => full);
    const socket = dial(box.port());
    const line = `CEF:0|V|P|1|7|odd|5|msg=${"x".repeat(60_000)}\n`;
    const sent = 400;
    for (let i = 0; i < sent; i++) socket.write(line);
    await new Promise((done) => socket.once("connect", done));
    expect(box.rules()).toEqual([]);
    open();
    socket.end();
    await until(() => box.rules().length === sent);
    expect(box.lost("line.overflow")).toBe(0);
  });

  it("refuses who is not on the list, and counts it", async () => {
    const box = await listen({ from: ["10.20.0.0/24"] });
    dial(box.port()).end(`${cefLine(1)}\n`);
    await until(() => box.lost("line.sender") === 1);
    expect(box.rules()).toEqual([]);
  });

  it("has room for eight connections of one sender", async () => {
    const box = await listen();
    const held = Array.from({ length: 8 }, () => dial(box.port()));
    await Promise.all(held.map((socket) => new Promise((done) => socket.once("connect", done))));
    held[7]?.write(`${cefLine(1)}\n`);
    await until(() => box.rules().length === 1);
    dial(box.port());
    await until(() => box.lost("line.sender") === 1);
  });

  it("counts bytes that are no messages, and closes the connection", async () => {
    const box = await listen({ framing: "octets" });
    const socket = dial(box.port());
    const closed = new Promise((done) => socket.once("close", done));
    socket.write("no length here");
    await until(() => box.lost("line.framing") === 1);
    await closed;
  });

  it("hands over what it has received before it stops, although the store fails at first", async () => {
    let failures = 1;
    const box = await listen({}, async () => {
      if (failures-- > 0) throw new Error("full");
    });
    dial(box.port()).write(`${cefLine(1)}\n`);
    await until(() => box.events.includes("detector.sink"));
    await box.listener.stop();
    expect(box.rules()).toEqual(["1"]);
  });

  it("says which port is taken", async () => {
    const box = await listen();
    await expect(listen({ port: box.port() })).rejects.toMatchObject({ code: "port.taken" });
  });
});

describe("a listener over UDP", () => {
  const send = (port: number, ...messages: string[]): Promise<void> =>
    new Promise((resolve) => {
      const socket = createSocket("udp4");
      const next = (): void => {
        const message = messages.shift();
        if (message === undefined) socket.close(() => resolve());
        else socket.send(message, port, "127.0.0.1", next);
      };
      next();
    });

  it("takes a datagram as one message, whatever is in it", async () => {
    const box = await listen({ transport: "udp" });
    await send(box.port(), `${cefLine(1)}\n`, `${cefLine(2)} msg=a\n${cefLine(3)}`);
    await until(() => box.rules().length === 2);
    expect(box.rules()).toEqual(["1", "2"]);
  });

  it("counts what finds no room, and what comes from others", async () => {
    let open: () => void = () => undefined;
    const full = new Promise<void>((resolve) => (open = resolve));
    const box = await listen({ transport: "udp" }, () => full, undefined, 20_000);
    const big = `CEF:0|V|P|1|9|odd|5|msg=${"x".repeat(6_000)}`;
    const sent = 20;
    for (let i = 0; i < sent; i++) await send(box.port(), big);
    await until(() => box.events.includes("detector.full"));
    open();
    await until(() => box.rules().length + box.lost("line.overflow") === sent);
    expect(box.lost("line.overflow")).toBeGreaterThan(0);
    const other = await listen({ transport: "udp", from: ["10.20.0.1"] });
    await send(other.port(), cefLine(1));
    await until(() => other.lost("line.sender") === 1);
  });
});

describe("a listener over TLS (RFC 5425)", () => {
  let folder: string;
  let close: () => Promise<void>;
  beforeEach(async () => {
    [folder, close] = await makeFolder();
  });
  afterEach(() => close());

  const openssl = hasOpenssl();
  it.skipIf(!openssl)(
    "takes messages of who shows a certificate of its authority, of nobody else",
    async () => {
      const own = await certificates(folder);
      const box = await listen({
        transport: "tls",
        tls: { certificate: own.certificate, key: own.key, clients: own.certificate },
      });
      const { readFileSync } = await import("node:fs");
      const [cert, key] = [readFileSync(own.certificate), readFileSync(own.key)];
      const known = connectTls({
        port: box.port(),
        host: "127.0.0.1",
        ca: cert,
        cert,
        key,
        servername: "localhost",
      });
      sockets.push(known);
      const message = `<13>${cefLine(1)}`;
      known.write(`${message.length} ${message}`);
      await until(() => box.rules().length === 1);
      const stranger = connectTls({ port: box.port(), host: "127.0.0.1", ca: cert, servername: "localhost" });
      stranger.on("error", () => undefined);
      sockets.push(stranger);
      await until(() => box.lost("line.sender") === 1);
      expect(box.rules()).toEqual(["1"]);
    },
  );

  it("says which file it cannot read", async () => {
    const tls = { certificate: join(folder, "none.pem"), key: join(folder, "none.key") };
    await expect(listen({ transport: "tls", tls })).rejects.toMatchObject({ code: "config.invalid" });
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn("SKIPPED: part of test/node/adapters/detectors/listen.test.ts needs openssl");
    return false;
  }
}

/** A certificate that is its own authority, for localhost. */
async function certificates(folder: string): Promise<{ certificate: string; key: string }> {
  const [certificate, key, config] = ["cert.pem", "key.pem", "openssl.cnf"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeFile(
    config,
    "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nCN=localhost\n[v3]\nsubjectAltName=DNS:localhost\nbasicConstraints=critical,CA:TRUE\n",
  );
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-config",
      config,
      "-keyout",
      key,
      "-out",
      certificate,
    ],
    { stdio: "ignore" },
  );
  return { certificate, key };
}
