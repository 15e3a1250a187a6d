/* Loopback ports for local networks of processes. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** Below what Linux, macOS and Windows give to outgoing connections, so none can take it before we listen. */
const PORTS = { from: 15_000, to: 32_000 } as const;

/** A loopback port nobody listens on right now, and no outgoing connection will be given. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
  throw new AnamnesisError("port.taken", "no loopback port is free");
}

/** Whether nobody listens on this loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Whether this machine can listen at an address at all. Linux and Windows have all of 127.0.0.0/8, macOS what it was given. */
export function isOwnAddress(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(0, host, () => server.close(() => resolve(true)));
  });
}
