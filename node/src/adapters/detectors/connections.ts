/** Detectors that are sent to over TCP and TLS; a connection is framed by RFC 6587. */
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { createFramer } from "./framing.ts";
import { createIntake, type Intake } from "./intake.ts";
import type { Line } from "./lines.ts";
import { addressOf, bound, type Listener, type ListenSetting } from "./listen-setting.ts";
import { createOutcomes } from "./outcomes.ts";
import { createMaySend } from "./senders.ts";
import type { SentOptions } from "./sent.ts";

const MOST_CONNECTIONS = 64;
const MOST_PER_SENDER = 8;
/** Syslog lines may be rare: only a peer that is gone is cut off. */
const KEEP_ALIVE_MS = 60_000;
/** A TLS handshake that goes on longer is none. */
const HANDSHAKE_MS = 10_000;

/** Creates the detector. A sender is read no faster than its messages become durable. */
export function createConnections(options: SentOptions, setting: ListenSetting): Listener {
  const { name, log } = options;
  const maySend = createMaySend(setting.from);
  const open = new Set<Socket>();
  const reading = new Set<Promise<void>>();
  let server: Server | undefined;
  let intake: Intake | undefined;
  let connections = 0;

  const read = async (socket: Socket, into: Intake): Promise<void> => {
    const stream = `${setting.transport}:${into.starts}:${++connections}`;
    const outcomes = createOutcomes({ ...options, path: name, window: 0 });
    const framer = createFramer(setting.framing);
    const give = async (frames: ReturnType<typeof framer.push>): Promise<void> => {
      const lines: Line[] = [];
      for (const frame of frames)
        if ("reason" in frame) into.lose(frame.reason, frame.bytes.toString());
        else lines.push(frame);
      if (lines.length > 0) await into.put({ outcomes, stream, lines });
    };
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        await give(framer.push(chunk));
        if (framer.isBroken()) break;
      }
      await give(framer.end());
    } catch (error) {
      // A reset connection: what came whole has been taken, and the rest is named.
      log.debug("detector.connection", { detector: name, reason: String(error) });
      for (const frame of framer.end()) into.lose("line.unfinished", frame.bytes.toString());
    } finally {
      socket.destroy();
    }
  };

  const accept = (socket: Socket): void => {
    const from = socket.remoteAddress ?? "";
    const same = [...open].filter(({ remoteAddress }) => remoteAddress === from).length;
    if (intake === undefined || !maySend(from) || open.size >= MOST_CONNECTIONS || same >= MOST_PER_SENDER) {
      intake?.lose("line.sender", `a connection from ${from}`);
      socket.destroy();
      return;
    }
    open.add(socket);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("error", (error) =>
      log.debug("detector.connection", { detector: name, reason: String(error) }),
    );
    const done = read(socket, intake).finally(() => {
      open.delete(socket);
      reading.delete(done);
    });
    reading.add(done);
  };

  return {
    name,
    async start(position, sink) {
      intake = createIntake({ ...options, detector: name, position, sink });
      server = setting.transport === "tls" ? createTls(setting, accept) : createServer(accept);
      server.maxConnections = MOST_CONNECTIONS * 2;
      server.on("tlsClientError", (error: Error, socket: Socket) =>
        intake?.lose(
          "line.sender",
          `a handshake from ${socket.remoteAddress ?? "nowhere"}: ${error.message}`,
        ),
      );
      await bound(name, setting, (ready, failed) => {
        server?.once("error", failed).listen({ host: setting.host, port: setting.port }, ready);
      });
      server.on("error", (error) => log.warn("detector.io", { detector: name, reason: String(error) }));
      log.info("detector.listening", { detector: name, ...this.address() });
    },
    address: () => addressOf(server?.address()),
    async stop() {
      server?.close();
      // What was received is taken; the senders see the connection end.
      for (const socket of open) socket.push(null);
      await Promise.all(reading);
      await intake?.stop();
      server = undefined;
    },
  };
}

function createTls(setting: ListenSetting, accept: (socket: Socket) => void): Server {
  const { certificate, key, clients } = setting.tls ?? {};
  const read = (path: string | undefined, what: string): Buffer => {
    try {
      return readFileSync(path ?? "");
    } catch (cause) {
      throw new AnamnesisError("config.invalid", `tls.${what}: ${path} cannot be read; give a file in PEM`, {
        cause,
      });
    }
  };
  try {
    return createTlsServer(
      {
        cert: read(certificate, "certificate"),
        key: read(key, "key"),
        minVersion: "TLSv1.2",
        handshakeTimeout: HANDSHAKE_MS,
        ...(clients !== undefined && {
          ca: read(clients, "clients"),
          requestCert: true,
          rejectUnauthorized: true,
        }),
      },
      accept,
    );
  } catch (cause) {
    if (cause instanceof AnamnesisError) throw cause;
    throw new AnamnesisError(
      "config.invalid",
      `tls: ${String(cause)}; give a certificate and its key in PEM`,
      { cause },
    );
  }
}
