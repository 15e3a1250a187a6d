/* A stopped plant, looked at: the same answers from its store, opened under its lock, and no commands. */

import { join } from "node:path";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { readKeystoreAddress } from "./adapters/keys/keystore.ts";
import { openLevelStore } from "./adapters/store/level.ts";
import { systemClock } from "./adapters/system.ts";
import type { PlantApi } from "./api.ts";
import { readConfig } from "./config.ts";
import { createApi } from "./flows/answer.ts";
import { rebuild } from "./flows/rebuild.ts";
import { createVaccinate } from "./flows/vaccinate.ts";
import {
  configSigner,
  createChain,
  createControls,
  exporterOf,
  hasherOf,
  policyOf,
  readBlindingKey,
  readConsortium,
} from "./plant.ts";
import type { Log } from "./ports.ts";
import { openRooms } from "./rooms.ts";

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Opens the store of a stopped plant for reading. `plantDirectory` holds plant.yaml.
 *
 * Throws `store.locked` while its node runs, `config.invalid`.
 */
export async function openOffline(
  plantDirectory: string,
): Promise<{ api: PlantApi; close(): Promise<void> }> {
  const config = readConfig(join(plantDirectory, "plant.yaml"));
  const consortium = readConsortium(config.chain.consortium);
  const hasher = hasherOf(consortium);
  const key = readKeystoreAddress(config.keystore.path);
  const store = await openLevelStore(config.data, SILENT);
  try {
    const rooms = await openRooms(
      store,
      hasher,
      systemClock,
      readBlindingKey(config.blindingKey, consortium.blindingKeyHash),
    );
    const signedBy = configSigner(config, hasher, rooms.registry, key);
    const controls = createControls(config, systemClock);
    const commit = () => Promise.reject(new AnamnesisError("api.unavailable", "the node is not running"));
    const policy = { ...policyOf(config, signedBy !== undefined), orders: rooms.orders, commit };
    const vaccinate = createVaccinate(
      { clock: systemClock, log: SILENT, controls, vaccinations: rooms.vaccinations },
      policy,
    );
    const api = createApi({
      clock: systemClock,
      log: SILENT,
      config,
      rooms,
      key,
      controls,
      vaccinate,
      configSignedBy: () => signedBy ?? null,
      async rebuild(replace) {
        const chain = createChain(config, consortium, SILENT);
        const ports = { clock: systemClock, log: SILENT, chain, hasher, rooms };
        try {
          await chain.start();
          return await rebuild({ ...ports, hold: (work) => work(), project: rooms.rebuild }, replace);
        } finally {
          await chain.stop();
        }
      },
      async exportEvidence(selection, need, onStep) {
        const chain = createChain(config, consortium, SILENT);
        const ports = { log: SILENT, hasher, chain, rooms, self: key };
        try {
          // Out of reach, the archive has to do.
          await chain.start().catch((error: unknown) => {
            if (!isAnamnesisError(error, "chain.unreachable")) throw error;
          });
          return await exporterOf(ports, consortium)(selection, need, onStep);
        } finally {
          await chain.stop();
        }
      },
    });
    return { api, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}
