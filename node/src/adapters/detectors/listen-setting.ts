/** What detectors that are sent to over sockets have in common: their setting, and taking an address. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Detector } from "../../ports.ts";
import type { Framing } from "./framing.ts";

/** Where a detector listens, and for whom. */
export interface ListenSetting {
  readonly transport: "tcp" | "tls" | "udp";
  readonly host: string;
  readonly port: number;
  /** Addresses and ranges that may send; empty: everybody who reaches the address. */
  readonly from: readonly string[];
  readonly framing: Framing;
  /** Files in PEM. With `clients`, only who shows a certificate of these authorities may send (RFC 5425). */
  readonly tls?: {
    readonly certificate: string;
    readonly key: string;
    readonly clients?: string | undefined;
  };
}

/** A detector that listens; the port it got is there once it has started. */
export interface Listener extends Detector {
  address(): { readonly host: string; readonly port: number } | undefined;
}

/** The address a socket got; undefined when it has none. */
export function addressOf(bound: unknown): { host: string; port: number } | undefined {
  const { address, port } = (bound ?? {}) as { address?: string; port?: number };
  return address === undefined || port === undefined ? undefined : { host: address, port };
}

/** Resolves when it listens. Rejects with `port.taken` | `config.invalid`. */
export function bound(
  name: string,
  { host, port }: ListenSetting,
  begin: (ready: () => void, failed: (error: NodeJS.ErrnoException) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) =>
    begin(resolve, (cause) => {
      const taken = cause.code === "EADDRINUSE";
      reject(
        new AnamnesisError(
          taken ? "port.taken" : "config.invalid",
          `detector ${name}: ${host} port ${port} ${taken ? "is in use by another program; free it or choose another port" : `cannot be listened on (${cause.code})`}`,
          { cause },
        ),
      );
    }),
  );
}
