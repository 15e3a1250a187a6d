/** Detectors that are sent to over UDP; a datagram is one message (RFC 5426). */
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { createIntake, type Intake } from "./intake.ts";
import { addressOf, bound, type Listener, type ListenSetting } from "./listen-setting.ts";
import { createOutcomes } from "./outcomes.ts";
import { createMaySend } from "./senders.ts";
import type { SentOptions } from "./sent.ts";

const UDP_BUFFER_BYTES = 4 * 1024 * 1024;

/** Creates the detector. Nothing slows a sender down: what finds no room is counted. */
export function createDatagrams(options: SentOptions, setting: ListenSetting): Listener {
  const { name, log } = options;
  const maySend = createMaySend(setting.from);
  let socket: DatagramSocket | undefined;
  let intake: Intake | undefined;
  return {
    name,
    async start(position, sink) {
      const into = createIntake({ ...options, detector: name, position, sink });
      intake = into;
      const stream = `udp:${into.starts}`;
      const outcomes = createOutcomes({ ...options, path: name, window: 0 });
      const bind = createSocket({
        type: setting.host.includes(":") ? "udp6" : "udp4",
        recvBufferSize: UDP_BUFFER_BYTES,
      });
      socket = bind;
      let offset = 0;
      bind.on("message", (message, { address }) => {
        if (!maySend(address)) return into.lose("line.sender", `a datagram from ${address}`);
        let end = message.length;
        while (end > 0 && (message[end - 1] === 10 || message[end - 1] === 13 || message[end - 1] === 0))
          end--;
        if (end === 0) return;
        const line = { offset, bytes: message.subarray(0, end), tooLong: false };
        offset += message.length;
        if (!into.offer({ outcomes, stream, lines: [line] }))
          into.lose("line.overflow", line.bytes.toString());
      });
      await bound(name, setting, (ready, failed) => {
        bind.once("error", failed).bind(setting.port, setting.host, ready);
      });
      bind.on("error", (error) => log.warn("detector.io", { detector: name, reason: String(error) }));
      log.info("detector.listening", { detector: name, ...this.address() });
    },
    address() {
      try {
        return addressOf(socket?.address());
      } catch {
        return undefined; // closed
      }
    },
    async stop() {
      const closing = socket;
      socket = undefined;
      if (closing !== undefined) await new Promise<void>((done) => closing.close(() => done()));
      await intake?.stop();
    },
  };
}
