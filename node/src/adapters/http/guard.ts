import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

const LOOPBACK_NAMES: readonly string[] = ["localhost", "127.0.0.1", "::1"];

/** Whether a host name or address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.includes(host) || (isIP(host) === 4 && host.startsWith("127."));
}

/** The name of a Host header without its port and brackets, lower case; undefined when malformed. */
export function hostName(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? "");
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/**
 * Refuses what only a browser steered by somebody else's page would send.
 *
 * Host has to be loopback, the address the connection came to, or a configured name: a name that an
 * attacker's DNS points here is none of them (DNS rebinding). Origin and Sec-Fetch-Site have to say
 * same origin when they say anything (cross-site requests).
 * @throws AnamnesisError `api.forbidden`
 */
export function refuseForeign(request: IncomingMessage, names: readonly string[]): void {
  const host = hostName(request.headers.host);
  const local = request.socket.localAddress?.replace(/^::ffff:/, "");
  if (host === undefined || !(isLoopback(host) || host === local || names.includes(host)))
    throw new AnamnesisError(
      "api.forbidden",
      "the Host header is none of this node's names; ask for it by its address",
    );
  const { origin } = request.headers;
  const site = request.headers["sec-fetch-site"];
  const sameOrigin =
    origin === undefined ||
    origin.toLowerCase() === `http://${request.headers.host}`.toLowerCase() ||
    origin.toLowerCase() === `https://${request.headers.host}`.toLowerCase();
  if (!sameOrigin || !(site === undefined || site === "same-origin" || site === "none"))
    throw new AnamnesisError("api.forbidden", "requests from other sites' pages are refused");
}
