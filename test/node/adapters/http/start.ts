import { createHash } from "node:crypto";
import { createHttp, type HttpOptions } from "../../../../node/src/adapters/http/server.ts";
import type { Log } from "../../../../node/src/ports.ts";
import { type FakePlant, makePlant } from "../../fake-plant.ts";

export const TOKENS = {
  detector: "detector-token",
  reader: "reader-token",
  operator: "operator-token",
  auditor: "auditor-token",
} as const;
export type RoleName = keyof typeof TOKENS;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Tokens as a configuration holds them. */
export const CONFIGURED = (Object.keys(TOKENS) as RoleName[]).map((role) => ({
  role,
  sha256: sha256(TOKENS[role]),
  ...(role === "detector" && { name: "soc" }),
}));

export interface Started {
  readonly plant: FakePlant;
  readonly url: string;
  readonly logged: string[];
  /** Calls the API as a role. */
  ask(role: RoleName | undefined, path: string, init?: RequestInit): Promise<Response>;
}

/** A server on a free loopback port over a fake plant: `[started, close]`. */
export async function startHttp(
  options: Partial<HttpOptions> = {},
): Promise<[started: Started, close: () => Promise<void>]> {
  const plant = makePlant();
  const logged: string[] = [];
  const note =
    (level: string) =>
    (event: string, fields: unknown): void =>
      void logged.push(`${level} ${event} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const http = createHttp({ api: plant.api, port: 0, tokens: CONFIGURED, openReads: false, log, ...options });
  const { url } = await http.start();
  const ask: Started["ask"] = (role, path, init = {}) =>
    fetch(`${url}${path}`, {
      ...init,
      headers: {
        ...(role && { authorization: `Bearer ${TOKENS[role]}` }),
        ...(init.headers as Record<string, string>),
      },
    });
  return [{ plant, url, logged, ask }, () => http.stop()];
}
