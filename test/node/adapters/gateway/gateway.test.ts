import { rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ATTACKER,
  HMI,
  INDICATOR,
  openGateway,
  ruleOf,
  rulesText,
  startController,
  startRaw,
} from "./support.ts";

type Opened = Awaited<ReturnType<typeof openGateway>>;
type Controller = Awaited<ReturnType<typeof startController>>;

/** Reload without waiting for the next look. */
async function ask(path: string): Promise<{ rules: string[]; fault: string | null }> {
  const socket = connect(`${path}.sock`);
  socket.write("status\n");
  let text = "";
  for await (const part of socket) text += String(part);
  return JSON.parse(text) as { rules: string[]; fault: string | null };
}

function raw(port: number, localAddress: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Enough for a slow machine; what is awaited comes at once. */
const LONG = { timeout: 10_000 };

const closed = (socket: Socket) =>
  socket.destroyed
    ? Promise.resolve()
    : new Promise<void>((resolve) => socket.once("close", () => resolve()));

describe("gateway", () => {
  let controller: Controller;
  let opened: Opened;
  beforeEach(async () => {
    controller = await startController();
    opened = await openGateway(controller.port, [ruleOf()]);
  });
  afterEach(async () => {
    await opened.close();
    await controller.close();
  });

  test("refuses a command of who is no writer with exception 01, and reads of the same connection go on", async () => {
    const attacker = await opened.client(ATTACKER);
    expect((await attacker.readHoldingRegisters(0, 1)).data).toEqual([1000]);
    await expect(attacker.writeRegister(1, 1)).rejects.toMatchObject({ modbusCode: 1 });
    await expect(attacker.writeRegisters(1, [1, 2])).rejects.toMatchObject({ modbusCode: 1 });
    expect((await attacker.readHoldingRegisters(0, 1)).data).toEqual([1000]);
    expect(controller.seen.writes).toBe(0);
    expect(opened.hits.filter(({ verdict }) => verdict === "refused")).toMatchObject([
      { source: ATTACKER, function: 6, unit: 1, indicator: INDICATOR },
      { source: ATTACKER, function: 16 },
    ]);
  });

  test("bounds the connections of one machine, so that it cannot keep the HMI out", async () => {
    const sockets = await Promise.all(Array.from({ length: 40 }, () => raw(opened.port, ATTACKER)));
    await vi.waitFor(() => expect(sockets.filter((socket) => socket.closed)).toHaveLength(8), LONG);
    const hmi = await opened.client(HMI);
    expect((await hmi.readHoldingRegisters(0, 1)).data).toEqual([1000]);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => {
      const again = await opened.client(ATTACKER);
      expect((await again.readHoldingRegisters(0, 1)).data).toEqual([1000]);
    }, LONG);
  });

  test("lets writers write, and everybody what no rule names", async () => {
    const hmi = await opened.client(HMI);
    await hmi.writeRegister(0, 1050);
    expect(controller.registers.get(0)).toBe(1050);
    const attacker = await opened.client(ATTACKER);
    await attacker.writeCoil(0, false);
    expect(controller.seen.writes).toBe(2);
  });

  test("follows its file on open connections: a rule that is gone no longer holds, one that is new does", async () => {
    const attacker = await opened.client(ATTACKER);
    await opened.put("");
    expect((await ask(opened.path)).rules).toEqual([]);
    await attacker.writeRegister(1, 1);
    expect(controller.registers.get(1)).toBe(1);
    await opened.put(rulesText([ruleOf()]));
    expect((await ask(opened.path)).rules).toHaveLength(1);
    await expect(attacker.writeRegister(1, 2)).rejects.toMatchObject({ modbusCode: 1 });
  });

  test("takes a file that was removed by hand for no rules, without being asked", async () => {
    await rm(opened.path);
    await vi.waitFor(() => expect(opened.gateway.status().rules).toEqual([]), { timeout: 5000 });
    const attacker = await opened.client(ATTACKER);
    await attacker.writeRegister(1, 1);
    expect(controller.registers.get(1)).toBe(1);
  });

  test("ends a rule at its time, by itself", async () => {
    const attacker = await opened.client(ATTACKER);
    await expect(attacker.writeRegister(1, 1)).rejects.toMatchObject({ modbusCode: 1 });
    opened.time.nowMs = ruleOf().expiresAtMs;
    await attacker.writeRegister(1, 1);
    expect(controller.registers.get(1)).toBe(1);
    expect(opened.gateway.status().rules).toEqual([]);
  });

  test.each(["{", '{"indicator":"0x1"}\n', rulesText([ruleOf({ action: "deny", functions: [] })])])(
    "keeps the rules before when the file cannot be read: %s",
    async (text) => {
      await opened.put(rulesText([ruleOf()]) + text);
      const { rules, fault } = await ask(opened.path);
      expect(rules).toHaveLength(1);
      expect(fault).toMatch(/the rule/);
      const attacker = await opened.client(ATTACKER);
      await expect(attacker.writeRegister(1, 1)).rejects.toMatchObject({ modbusCode: 1 });
      await opened.put(rulesText([]));
      expect(await ask(opened.path)).toMatchObject({ rules: [], fault: null });
    },
  );

  test("ends a blocked source's connections, open ones too", async () => {
    const attacker = await raw(opened.port, ATTACKER);
    const block = ruleOf({ action: "block", sources: [ATTACKER], destinations: ["any"], functions: [] });
    await opened.put(rulesText([block]));
    await ask(opened.path);
    await closed(attacker);
    await closed(await raw(opened.port, ATTACKER));
    const hmi = await opened.client(HMI);
    expect((await hmi.readHoldingRegisters(0, 1)).data).toEqual([1000]);
    expect(opened.hits.filter(({ verdict }) => verdict === "blocked").length).toBeGreaterThan(1);
  });

  test("ends a stream that is no Modbus when a rule is about its source, and passes it otherwise", async () => {
    const attacker = await raw(opened.port, ATTACKER);
    attacker.write("GET / HTTP/1.1\r\n\r\n");
    await closed(attacker);
    const other = await raw(opened.port, HMI);
    other.write("GET / HTTP/1.1\r\n\r\n");
    // A rule that comes later finds it.
    await opened.put(rulesText([ruleOf({ sources: [HMI] })]));
    await ask(opened.path);
    await closed(other);
    expect(opened.hits.filter(({ verdict }) => verdict === "unreadable").map(({ source }) => source)).toEqual(
      [ATTACKER, HMI],
    );
  });

  test("the controller's end is the client's end", async () => {
    const client = await raw(opened.port, HMI);
    await controller.close();
    client.write(Buffer.from("000100000006010300000001", "hex"));
    await closed(client);
    controller = await startController();
  });
});

test("split and pipelined commands are judged one by one, and exceptions land between answers", async () => {
  // The controller answers in pieces: an exception may not come between them.
  const answer = Buffer.from("000100000005010302abcd", "hex");
  let got = Buffer.alloc(0);
  let reply: ((bytes: Buffer) => void) | undefined;
  const controller = await startRaw((bytes, send) => {
    got = Buffer.concat([got, bytes]);
    reply = send;
  });
  const opened = await openGateway(controller.port, [ruleOf()]);
  const client = await raw(opened.port, ATTACKER);
  let heard = Buffer.alloc(0);
  client.on("data", (bytes: Buffer) => {
    heard = Buffer.concat([heard, bytes]);
  });
  const read = Buffer.from("000100000006010300000001", "hex");
  const write = Buffer.from("000200000006010600010001", "hex");
  const exception = "000200000003018601";
  client.write(read);
  await vi.waitFor(() => expect(got).toEqual(read));
  reply?.(answer.subarray(0, 7));
  for (const byte of write) {
    client.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await vi.waitFor(() => expect(heard.toString("hex")).toBe(exception));
  reply?.(answer.subarray(7));
  await vi.waitFor(() => expect(heard.toString("hex")).toBe(exception + answer.toString("hex")));
  client.write(Buffer.concat([write, read, write, read]));
  await vi.waitFor(() => expect(got).toEqual(Buffer.concat([read, read, read])));
  await vi.waitFor(() =>
    expect(heard.toString("hex")).toBe(exception + answer.toString("hex") + exception + exception),
  );
  client.destroy();
  await opened.close();
  await controller.close();
});
