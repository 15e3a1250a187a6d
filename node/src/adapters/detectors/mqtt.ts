/** The detector for the topics of an MQTT broker. */
import { readFileSync } from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256Hex } from "@anamnesis/sdk/core/hash";
import type { Detector } from "../../ports.ts";
import { createIntake, type Intake } from "./intake.ts";
import { LONGEST_LINE_BYTES } from "./lines.ts";
import { createOutcomes } from "./outcomes.ts";
import { createRecentLines } from "./recent.ts";
import type { SentOptions } from "./sent.ts";

/** Which broker and which topics; files in PEM. */
export interface MqttSetting {
  readonly url: string;
  /** Topic filters: `plant/ids/#`, `+/alerts`. */
  readonly topics: readonly string[];
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly authorities?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** What is used of the package `mqtt`, which is loaded when a configuration names a broker. */
interface MqttLibrary {
  connect(url: string, options: Readonly<Record<string, unknown>>): MqttClient;
}
interface MqttClient {
  on(event: "connect" | "close" | "offline", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  subscribe(
    topics: readonly string[],
    options: { readonly qos: 1 },
    done: (
      error: Error | null,
      granted?: readonly { readonly topic: string; readonly qos: number }[],
    ) => void,
  ): void;
  handleMessage: (packet: MqttPacket, done: (error?: Error) => void) => void;
  end(force: boolean, done: () => void): void;
}
interface MqttPacket {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: 0 | 1 | 2;
  readonly dup: boolean;
  readonly retain: boolean;
}

const MOST_KEPT = 4096;

/**
 * Creates the detector. It subscribes with quality of service 1 under a session that the broker keeps by
 * `clientId`, which no other client may have, and acknowledges a message when it is durable: what it
 * misses while it is away comes afterwards. A message that the broker sends again is counted once. A
 * retained message is no event, it is what was said last: it is passed over. Its `start` throws
 * `config.invalid` when the package is missing or a file cannot be read; a broker that is away is tried
 * again for ever.
 */
export function createMqtt(options: SentOptions, setting: MqttSetting, clientId: string): Detector {
  const { name, log } = options;
  let client: MqttClient | undefined;
  let intake: Intake | undefined;

  return {
    name,
    async start(position, sink) {
      const connectTo = await loadLibrary();
      const into = createIntake({ ...options, detector: name, position, sink });
      intake = into;
      const outcomes = createOutcomes({ ...options, path: name, window: 0 });
      const stream = `mqtt:${into.starts}`;
      const taken = createRecentLines(MOST_KEPT);
      let offset = 0;
      const made = connectTo.connect(setting.url, {
        clientId,
        clean: false,
        resubscribe: false,
        reconnectPeriod: 1000,
        connectTimeout: 10_000,
        ...credentials(setting),
      });
      client = made;
      made.handleMessage = (packet, done) => {
        const payload = Buffer.from(packet.payload);
        if (packet.retain || payload.length === 0) return done();
        if (payload.length > LONGEST_LINE_BYTES) {
          into.lose("line.tooLong", `${payload.length} bytes at ${packet.topic}`);
          return done();
        }
        const line = { offset, bytes: payload, tooLong: false };
        offset += payload.length;
        const digest = sha256Hex(Buffer.concat([Buffer.from(`${packet.topic}\0`), payload]));
        const again = taken.seen(digest) && packet.dup;
        if (packet.qos === 0) {
          if (!into.offer({ outcomes, stream, lines: [line] }))
            into.lose("line.overflow", line.bytes.toString());
          return done();
        }
        const take = (): void => {
          // A message that is sent again is acknowledged behind its first copy, which may still wait.
          if (into.offer({ outcomes, stream, lines: again ? [] : [line] }, () => done())) return;
          into.whenRoom(take);
        };
        take();
      };
      made.on("connect", () =>
        made.subscribe(setting.topics, { qos: 1 }, (error, granted = []) => {
          const refused = granted.filter(({ qos }) => qos > 2).map(({ topic }) => topic);
          if (error !== null || refused.length > 0)
            log.error("detector.io", {
              detector: name,
              reason: `not subscribed: ${error ?? refused.join(", ")}`,
            });
          else log.info("detector.subscribed", { detector: name, topics: setting.topics.length });
        }),
      );
      made.on("error", (error) => log.warn("detector.io", { detector: name, reason: error.message }));
      made.on("offline", () => log.warn("detector.io", { detector: name, reason: "the broker is away" }));
    },
    async stop() {
      const closing = client;
      client = undefined;
      await intake?.stop();
      if (closing !== undefined) await new Promise<void>((done) => closing.end(true, done));
    },
  };
}

async function loadLibrary(): Promise<MqttLibrary> {
  // Only plants with a broker need it.
  const library = "mqtt";
  try {
    const loaded = (await import(library)) as { readonly default?: MqttLibrary } & MqttLibrary;
    return loaded.default ?? loaded;
  } catch (cause) {
    throw new AnamnesisError("config.invalid", "mqtt: the package mqtt is not installed; run npm ci", {
      cause,
    });
  }
}

function credentials(setting: MqttSetting): Readonly<Record<string, unknown>> {
  const read = (file: string | undefined, what: string): Buffer | undefined => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new AnamnesisError("config.invalid", `mqtt.${what}: ${file} cannot be read`, { cause });
    }
  };
  const all = {
    username: setting.username,
    password: read(setting.passwordFile, "passwordFile")?.toString().trim(),
    ca: read(setting.authorities, "authorities"),
    cert: read(setting.certificate, "certificate"),
    key: read(setting.key, "key"),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
