import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LineOutcome } from "@anamnesis/sdk/core/types";
import { afterEach, describe, expect, it } from "vitest";
import { createMqtt, type MqttSetting } from "../../../../node/src/adapters/detectors/mqtt.ts";
import type { Detector, LineBatch } from "../../../../node/src/ports.ts";
import { SELF } from "../../../sdk/eve-support.ts";
import { type Broker, loadCodec, startBroker } from "./broker.ts";
import { makeFolder, makeLog, until } from "./support.ts";

const codec = await loadCodec();
if (codec === undefined)
  console.warn("SKIPPED: test/node/adapters/detectors/mqtt.test.ts needs the package mqtt: npm ci");

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const cefLine = (n: number): string => `CEF:0|V|P|1|${n}|odd ${n}|5|src=203.0.113.66 dst=10.20.0.10`;

async function broker(): Promise<Broker> {
  const started = await startBroker(codec as NonNullable<typeof codec>);
  ends.push(started.close);
  return started;
}

async function subscribe(port: number, sink?: () => Promise<void>, more: Partial<MqttSetting> = {}) {
  const { log, events } = makeLog();
  const detector: Detector = createMqtt(
    {
      name: "edge",
      format: "cef",
      clock: { nowMs: () => 1_000, monotonicMs: () => 0 },
      log,
      self: () => SELF,
    },
    { url: `mqtt://127.0.0.1:${port}`, topics: ["ids/#"], ...more },
    "anamnesis-a-edge",
  );
  const batches: LineBatch[] = [];
  await detector.start(undefined, async (batch) => {
    await sink?.();
    batches.push(batch);
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= detector.stop());
  ends.push(stop);
  const outcomes = (): LineOutcome[] => batches.flatMap(({ lines }) => lines);
  return {
    events,
    stop,
    rules: () =>
      outcomes().flatMap((one) => (one.kind === "detection" ? [String(one.detection.rule.id)] : [])),
  };
}

describe.skipIf(codec === undefined)("the topics of a broker", () => {
  it("are subscribed under a session that is kept, and acknowledged when a message is durable", async () => {
    const from = await broker();
    let open: () => void = () => undefined;
    const full = new Promise<void>((resolve) => (open = resolve));
    const edge = await subscribe(from.port, () => full);
    await until(() => edge.events.includes("detector.subscribed"));
    expect(from.clients).toEqual(["anamnesis-a-edge false"]);
    expect(from.subscribed).toEqual(["ids/# 1"]);
    from.publish(cefLine(1));
    from.publish("", { qos: 0 });
    expect(from.acknowledged).toEqual([]);
    open();
    await until(() => from.acknowledged.length === 1);
    expect(edge.rules()).toEqual(["V|P|1"]);
  });

  it("give what nobody acknowledged again after the connection is cut, and it counts once", async () => {
    const from = await broker();
    let open: () => void = () => undefined;
    const full = new Promise<void>((resolve) => (open = resolve));
    let asked = 0;
    const edge = await subscribe(from.port, () => {
      asked++;
      return full;
    });
    await until(() => edge.events.includes("detector.subscribed"));
    from.publish(cefLine(1));
    await until(() => asked === 1);
    from.cut();
    await until(() => from.clients.length === 2);
    open();
    from.publish(cefLine(2));
    await until(() => from.acknowledged.length >= 2);
    expect(edge.rules()).toEqual(["V|P|1", "V|P|2"]);
  });

  it("say things that were said before, which are no events", async () => {
    const from = await broker();
    const edge = await subscribe(from.port);
    await until(() => edge.events.includes("detector.subscribed"));
    from.publish(cefLine(8), { retain: true });
    from.publish(cefLine(9), { qos: 0 });
    await until(() => edge.rules().length === 1);
    expect(edge.rules()).toEqual(["V|P|9"]);
  });

  it("need files that can be read", async () => {
    const [folder, close] = await makeFolder();
    ends.push(close);
    await expect(subscribe(1, undefined, { passwordFile: join(folder, "none") })).rejects.toMatchObject({
      code: "config.invalid",
    });
    await writeFile(join(folder, "password"), "secret\n");
    const from = await broker();
    const edge = await subscribe(from.port, undefined, {
      username: "u",
      passwordFile: join(folder, "password"),
    });
    await until(() => edge.events.includes("detector.subscribed"));
  });
});
