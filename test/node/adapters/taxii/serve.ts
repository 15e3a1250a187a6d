/** A node of a consortium in one process behind its real HTTP server, with TAXII beside the API. */
import { createHttp } from "../../../../node/src/adapters/http/server.ts";
import { createTaxii } from "../../../../node/src/adapters/taxii/taxii.ts";
import { sharedPage } from "../../../../node/src/flows/answer-knowledge.ts";
import type { Log } from "../../../../node/src/ports.ts";
import { makePlant } from "../../fake-plant.ts";
import type { TestPlant } from "../../support/consortium.ts";
import { CONFIGURED, type RoleName, TOKENS } from "../http/start.ts";

export const TAXII = "application/taxii+json;version=2.1";

export interface Served {
  readonly url: string;
  readonly logged: string[];
  /** A request as a role, below /taxii2. */
  ask(role: RoleName | undefined, path: string, init?: RequestInit): Promise<Response>;
}

/** Serves a plant on a free loopback port: `[served, close]`. */
export async function serveTaxii(plant: TestPlant): Promise<[served: Served, close: () => Promise<void>]> {
  const { rooms, commands } = plant.running!;
  const logged: string[] = [];
  const note = (event: string, fields: unknown) =>
    void logged.push(`${event} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const taxii = createTaxii({
    api: { shared: (query) => sharedPage(log, rooms, query), propose: commands.propose },
    clock: plant.clock,
    log,
    plant: "A",
  });
  const http = createHttp({
    api: makePlant().api,
    port: 0,
    tokens: CONFIGURED,
    openReads: false,
    log,
    mounted: [taxii],
  });
  const { url } = await http.start();
  const ask: Served["ask"] = (role, path, init = {}) =>
    fetch(`${url}/taxii2${path}`, {
      ...init,
      headers: {
        accept: TAXII,
        ...(role && { authorization: `Bearer ${TOKENS[role]}` }),
        ...(init.headers as Record<string, string>),
      },
    });
  return [{ url, logged, ask }, () => http.stop()];
}
