import { createServer, type Server, type Socket } from "node:net";

/** What is used of `mqtt-packet`, which comes with the package `mqtt`. */
interface Codec {
  parser(): { on(event: "packet", listener: (packet: Packet) => void): void; parse(bytes: Buffer): void };
  generate(packet: object): Buffer;
}
interface Packet {
  readonly cmd: string;
  readonly messageId?: number;
  readonly clientId?: string;
  readonly clean?: boolean;
  readonly subscriptions?: readonly { readonly topic: string; readonly qos: number }[];
}

/** A broker for one client at a time: it keeps what was not acknowledged and sends it again. */
export interface Broker {
  readonly port: number;
  readonly acknowledged: number[];
  readonly subscribed: string[];
  readonly clients: string[];
  publish(
    payload: string,
    options?: { qos?: 0 | 1; retain?: boolean; dup?: boolean; messageId?: number },
  ): void;
  /** Cuts the connection. */
  cut(): void;
  close(): Promise<void>;
}

/** The codec, or undefined when the package is not installed. */
export async function loadCodec(): Promise<Codec | undefined> {
  const name = "mqtt-packet";
  try {
    const loaded = (await import(name)) as { default: Codec };
    return loaded.default;
  } catch {
    return undefined;
  }
}

/** Starts a broker on a free loopback port (MQTT 3.1.1, as far as a subscriber sees it). */
export async function startBroker(codec: Codec): Promise<Broker> {
  const acknowledged: number[] = [];
  const subscribed: string[] = [];
  const clients: string[] = [];
  const waiting = new Map<number, string>();
  let current: Socket | undefined;
  let next = 1;
  const send = (packet: object): void => void current?.write(codec.generate(packet));
  const sendPublish = (payload: string, messageId: number, dup: boolean): void =>
    send({ cmd: "publish", topic: "ids/alerts", payload, qos: 1, dup, retain: false, messageId });

  const server: Server = createServer((socket) => {
    current = socket;
    socket.on("error", () => undefined);
    const parser = codec.parser();
    parser.on("packet", (packet) => {
      if (packet.cmd === "connect") {
        clients.push(`${packet.clientId} ${packet.clean}`);
        send({ cmd: "connack", returnCode: 0, sessionPresent: clients.length > 1 });
      } else if (packet.cmd === "subscribe") {
        subscribed.push(...(packet.subscriptions ?? []).map(({ topic, qos }) => `${topic} ${qos}`));
        send({
          cmd: "suback",
          messageId: packet.messageId,
          granted: (packet.subscriptions ?? []).map(() => 1),
        });
        for (const [messageId, payload] of waiting) sendPublish(payload, messageId, true);
      } else if (packet.cmd === "puback" && packet.messageId !== undefined) {
        acknowledged.push(packet.messageId);
        waiting.delete(packet.messageId);
      } else if (packet.cmd === "pingreq") send({ cmd: "pingresp" });
    });
    socket.on("data", (bytes) => parser.parse(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    acknowledged,
    subscribed,
    clients,
    publish(payload, { qos = 1, retain = false } = {}) {
      if (qos === 0 || retain)
        return send({ cmd: "publish", topic: "ids/alerts", payload, qos: 0, dup: false, retain });
      waiting.set(next, payload);
      sendPublish(payload, next++, false);
    },
    cut: () => current?.destroy(),
    close: () =>
      new Promise((resolve) => {
        current?.destroy();
        server.close(() => resolve());
      }),
  };
}
