import { type Client, createClient } from "@anamnesis/sdk/client/client";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Stance } from "@anamnesis/sdk/core/types";
import type { PlantApi } from "../api.ts";
import { locate, type Place, type Where } from "./locate.ts";

/** A plant that answers, running or stopped. */
export interface Session {
  readonly ask: Omit<Client, "publish">;
  /** False: these answers come from the store of a stopped node. */
  readonly running: boolean;
  close(): Promise<void>;
}

const STANCES: Readonly<Record<"support" | "refute" | "withdraw", Stance>> = {
  support: 1,
  refute: 2,
  withdraw: 3,
};

/**
 * Opens the plant that the options mean: its node's API if that answers, else, when `offline` allows
 * it, the plant's store under its lock.
 * @throws AnamnesisError `config.invalid`, `api.unavailable` when neither works, or the node's code
 */
export async function openSession(
  where: Where,
  options: { readonly offline: boolean; readonly signal?: AbortSignal },
): Promise<Session> {
  const place = locate(where);
  let failure: AnamnesisError | undefined;
  if (place.url !== undefined) {
    const client = createClient({ url: place.url, ...(place.token !== undefined && { token: place.token }) });
    try {
      await client.health(options);
      return { ask: client, running: true, close: async () => {} };
    } catch (error) {
      if (!isAnamnesisError(error, "api.unavailable")) throw error;
      failure = error;
    }
  }
  if (place.directory === undefined || !options.offline) throw failure ?? notRunning(place);
  return openStopped(place.directory, failure);
}

async function openStopped(directory: string, failure: AnamnesisError | undefined): Promise<Session> {
  const { openOffline } = await import("../offline.ts");
  try {
    const { api, close } = await openOffline(directory);
    return { ask: askOffline(api), running: false, close };
  } catch (error) {
    // Its store is in use: a node runs, and it was its API that did not answer.
    if (failure !== undefined && isAnamnesisError(error, "store.locked")) throw failure;
    throw error;
  }
}

function notRunning({ name, directory }: Place): AnamnesisError {
  return new AnamnesisError(
    "api.unavailable",
    `plant ${name} is not running (no run.json in ${directory}); start it with anamnesis node start --plant ${name}`,
  );
}

/** A stopped plant's answers in the shape of a client's. Commands reject with `api.unavailable`. */
function askOffline(api: PlantApi): Session["ask"] {
  return {
    health: async () => api.health(),
    doctor: () => api.doctor(),
    indicators: async (filter = {}) => api.indicators(filter),
    async indicator(id) {
      const found = api.indicator(id);
      if (found !== undefined) return found;
      throw new AnamnesisError("api.notFound", `no indicator ${id} is known here`);
    },
    recall: async (value) => api.recall(value),
    detections: ({ limit = 100, before } = {}) => api.detections(limit, before),
    candidates: async () => api.candidates(),
    release: (id) => api.release(id),
    hold: (id, untilMs) => api.hold(id, untilMs),
    attest: (id, stance, confidence) => api.attest(id, STANCES[stance], confidence),
    vaccines: async () => api.vaccines(),
    why: async (value) => api.why(value),
    changes: ({ after = 0, limit = 100 } = {}) => api.changes(after, limit),
    audit: () => api.audit(),
    // biome-ignore lint/correctness/useYield: a stopped plant has no changes to come
    async *watch() {
      throw new AnamnesisError("api.unavailable", "the node is not running, so nothing will change");
    },
  };
}
