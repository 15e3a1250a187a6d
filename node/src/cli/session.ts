import { type Client, createClient } from "@anamnesis/sdk/client/client";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Stance } from "@anamnesis/sdk/core/types";
import type { PlantApi } from "../api.ts";
import { locate, type Where } from "./locate.ts";

/** A plant that answers, running or stopped. */
export interface Session {
  readonly ask: Omit<Client, "publish">;
  /** False: these answers come from the store of a stopped node. */
  readonly running: boolean;
}

const STANCES: Readonly<Record<"support" | "refute" | "withdraw", Stance>> = {
  support: 1,
  refute: 2,
  withdraw: 3,
};

/**
 * Asks the plant that the options mean: its node's API, and when nobody answers there and `offline`
 * allows it, the plant's store under its lock.
 * @throws AnamnesisError `config.invalid`, `api.unavailable` when neither works, or the node's code
 */
export async function withSession<T>(
  where: Where,
  options: { readonly offline: boolean },
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const { url, token, directory, name } = locate(where);
  let failure: unknown;
  if (url !== undefined) {
    const ask = createClient({ url, ...(token !== undefined && { token }) });
    try {
      return await run({ ask, running: true });
    } catch (error) {
      if (directory === undefined || !options.offline || !isAway(error)) throw error;
      failure = error;
    }
  }
  if (directory === undefined || !options.offline) throw notRunning(name, directory);
  const { openOffline } = await import("../offline.ts");
  const { api, close } = await openOffline(directory).catch((error: unknown) => {
    // Its store is in use: a node runs, and it was its API that did not answer.
    throw failure !== undefined && isAnamnesisError(error, "store.locked") ? failure : error;
  });
  try {
    return await run({ ask: askOffline(api), running: false });
  } finally {
    await close();
  }
}

/** Whether nobody answered at all; a node that says it is unavailable is a node that runs. */
function isAway(error: unknown): boolean {
  return isAnamnesisError(error, "api.unavailable") && error.details.status === undefined;
}

function notRunning(name: string | undefined, directory: string | undefined): AnamnesisError {
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
    async rebuild(replace) {
      for (;;) {
        const view = await api.rebuild(replace);
        if (view.state === "done") return view;
      }
    },
    indicators: async (filter = {}) => api.indicators(filter),
    async indicator(id) {
      const found = api.indicator(id);
      if (found !== undefined) return found;
      throw new AnamnesisError("api.notFound", `no indicator ${id} is known here`);
    },
    recall: async (value) => api.recall(value),
    detections: ({ limit = 100, before } = {}) => api.detections(limit, before),
    candidates: async () => api.candidates(),
    propose: (proposals) => api.propose(proposals),
    async *knowledge() {
      const { indicators, withheld } = api.knowledge(undefined, Number.MAX_SAFE_INTEGER);
      yield* indicators;
      return withheld;
    },
    release: (id) => api.release(id),
    hold: (id, untilMs) => api.hold(id, untilMs),
    attest: (id, stance, confidence) => api.attest(id, STANCES[stance], confidence),
    vaccines: async () => api.vaccines(),
    why: async (value) => api.why(value),
    immunity: ({ indicator, limit } = {}) => api.immunity(indicator, limit),
    orders: async () => api.orders(),
    approve: (id, wanted) => api.approve(id, wanted, ""),
    refuse: (id, control, reason) => api.refuse(id, control, reason, ""),
    rollback: (id, control, reason) => api.rollback(id, control, reason, ""),
    stopControls: (control, reason) => api.stopControls(control, reason, ""),
    resumeControls: (control) => api.resumeControls(control, ""),
    changes: ({ after = 0, limit = 100 } = {}) => api.changes(after, limit),
    audit: () => api.audit(),
    async evidence(selection) {
      for (;;) {
        const view = await api.evidence(selection);
        if (view.state === "running") continue;
        const { state: _, ...report } = view;
        return { bundle: api.evidenceFile(view.sha256) as Uint8Array, report };
      }
    },
    // biome-ignore lint/correctness/useYield: a stopped plant has no changes to come
    async *watch() {
      throw new AnamnesisError("api.unavailable", "the node is not running, so nothing will change");
    },
  };
}
