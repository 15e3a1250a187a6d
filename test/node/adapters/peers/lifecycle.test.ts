import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { addressOf, recorder, until } from "./harness.ts";
import { peersOf, portOf } from "./wire.ts";

// Bounds how long a condition is awaited on a busy machine; nothing here measures speed.
vi.setConfig({ testTimeout: 30_000 });

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test("a taken port is named, with the setting", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  const listen = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const peers = peersOf(1, { listen });
  await expect(peers.start(recorder([]))).rejects.toMatchObject({
    code: "port.taken",
    message: expect.stringMatching(new RegExp(`peers\\.listen.*${listen}`)),
  });
  await peers.stop();
});

test.each(["nonsense", "/ip4/127.0.0.1/udp/1", "127.0.0.1:99999", "/ip4/300.0.0.1/tcp/1"])(
  "the address %s is refused with the setting's name",
  (wrong) => {
    const refusal = expect.objectContaining({ code: "config.invalid" });
    expect(() => peersOf(1, { dial: [wrong] })).toThrow(refusal);
    expect(() => peersOf(1, { listen: wrong })).toThrow(refusal);
    expect(() => peersOf(1, { dial: [wrong] })).toThrow(/peers\.dial/);
  },
);

test("host:port, names and multiaddrs are dialled alike", async () => {
  const one = peersOf(1);
  await one.start(recorder([addressOf(2)]));
  cleanups.push(() => one.stop());
  for (const dial of [`127.0.0.1:${portOf(one)}`, `localhost:${portOf(one)}`, one.addresses()[0]!]) {
    const two = peersOf(2, { dial: [dial] });
    await two.start(recorder([addressOf(1)]));
    await until(() => two.connected().length === 1, `dialled ${dial}`);
    await two.stop();
  }
});

test("stop waits for the handler that runs and frees the port", async () => {
  const one = peersOf(1);
  const first = recorder([addressOf(2)]);
  await one.start(first);
  const listen = `127.0.0.1:${portOf(one)}`;
  const two = peersOf(2, { dial: [listen] });
  await two.start(recorder([addressOf(1)]));
  cleanups.push(() => two.stop());
  await until(() => two.connected().length === 1 && one.connected().length === 1, "connected");
  let finish = (): void => {};
  let finished = false;
  first.verdict = async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    finished = true;
    return { verdict: "accept" };
  };
  two.broadcast(Uint8Array.of(1));
  await until(() => first.messages.length === 1, "the handler runs");
  const stopping = one.stop();
  setImmediate(() => finish());
  await stopping;
  expect(finished).toBe(true);
  await one.stop();
  const again = peersOf(1, { listen });
  await again.start(recorder([]));
  await again.stop();
});

test("a process whose peers stopped ends by itself", async () => {
  const script = `
    import { addressOf, recorder, until } from "./test/node/adapters/peers/harness.ts";
    import { peersOf } from "./test/node/adapters/peers/wire.ts";
    const one = peersOf(1);
    await one.start(recorder([addressOf(2)]));
    const two = peersOf(2, { dial: [...one.addresses(), "127.0.0.1:1"] });
    await two.start(recorder([addressOf(1)]));
    await until(() => two.connected().length === 1, "connected");
    void two.have(addressOf(1), { genesisHash: "0x" + "11".repeat(32), registry: addressOf(3), vectorHash: "0x" + "11".repeat(32), session: "0x0102030405060708" }).catch(() => {});
    await Promise.all([one.stop(), two.stop()]);
    console.log("stopped");
  `;
  const root = new URL("../../../../", import.meta.url).pathname;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module-typescript", "--eval", script],
    { cwd: root, timeout: 30_000 },
  );
  expect(stderr).toBe("");
  expect(stdout).toBe("stopped\n");
});
