/** Detectors that are sent to: syslog and lines of any format over TCP, TLS and UDP. */
import { createConnections } from "./connections.ts";
import { createDatagrams } from "./datagrams.ts";
import type { Listener, ListenSetting } from "./listen-setting.ts";
import type { SentOptions } from "./sent.ts";

export type { Listener, ListenSetting } from "./listen-setting.ts";

/**
 * Creates the detector.
 *
 * Over TCP and TLS a sender is read no faster than its messages become durable; syslog has no
 * acknowledgement, so what the kernel has taken and nobody has read is lost when this machine dies.
 * Over UDP nothing slows a sender down: what finds no room is counted as `line.overflow`. A datagram
 * is one message (RFC 5426), a connection is framed by RFC 6587. Its `start` throws `port.taken` |
 * `config.invalid`.
 */
export function createListener(options: SentOptions, setting: ListenSetting): Listener {
  return setting.transport === "udp"
    ? createDatagrams(options, setting)
    : createConnections(options, setting);
}
