/** What ordinary records say of who speaks to whom: for learning what belongs to the plant, and for its baseline. */
import type { IcsRequest } from "./types.ts";

/** A connection or one request of it, client to server. Addresses are canonical text. */
export interface Traffic {
  /** ms since the epoch, the sensor's time. */
  readonly atMs: number;
  readonly client: string;
  readonly server: string;
  /** The server's, when there is one. */
  readonly port?: number;
  /** Lower case: tcp, udp … */
  readonly transport?: string;
  /** Application protocol in lower case, or `flow` when the sensor knows none. */
  readonly protocol: string;
  readonly request?: IcsRequest;
  /** A name the client asked for: of a lookup, a host, a TLS server name. */
  readonly name?: string;
  /** Whether the server answered; absent when the record does not say. */
  readonly answered?: boolean;
  /** The client's MAC address as 00:1b:1b:00:00:01, when the sensor sees it beside the client. */
  readonly mac?: string;
}
