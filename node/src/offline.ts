/* A stopped plant, looked at: the same answers from its store, opened under its lock, and no commands. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAddress } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import { openLevelStore } from "./adapters/store/level.ts";
import { systemClock } from "./adapters/system.ts";
import type { PlantApi } from "./api.ts";
import { readConfig } from "./config.ts";
import { createApi } from "./flows/answer.ts";
import { createVaccinate } from "./flows/vaccinate.ts";
import {
  configSigner,
  createControls,
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
  const key = keystoreAddress(config.keystore.path);
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
    const policy = { ...policyOf(config, signedBy !== undefined), commit };
    const vaccinate = createVaccinate(
      { clock: systemClock, log: SILENT, controls, vaccinations: rooms.vaccinations },
      policy,
    );
    const api = createApi({
      clock: systemClock,
      config,
      rooms,
      key,
      controls,
      vaccinate,
      configSignedBy: () => signedBy ?? null,
    });
    return { api, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The node's address as its keystore names it, without opening it (Web3 Secret Storage has it in clear). */
function keystoreAddress(path: string): Address {
  try {
    const { address } = JSON.parse(readFileSync(path, "utf8")) as { address?: string };
    return parseAddress(address?.startsWith("0x") ? address : `0x${address}`);
  } catch (cause) {
    throw new AnamnesisError("keystore.missing", `keystore.path: ${path} does not tell the node's address`, {
      cause,
    });
  }
}
