/* The consortium's blinding key: kept, given to members over an authenticated stream, or fetched from one. */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { blindingKeyHash } from "@anamnesis/sdk/core/ids";
import type { Bytes32 } from "@anamnesis/sdk/core/types";
import type { Log, Peers } from "../ports.ts";
import type { Memory } from "../state/memory.ts";

/** Ports of the blinding key. */
export interface BlindingPorts {
  readonly log: Log;
  readonly peers: Pick<Peers, "connected" | "blindingKey">;
  readonly memory: Memory;
  /** SHA-256(K) as the contract holds it. */
  readonly expected: Bytes32;
  readonly key: Uint8Array | undefined;
  /** Keeps the key on disk, readable by this user only. */
  keep(key: Uint8Array): void;
  onKnown(): void;
}

/** The blinding key's keeper. */
export interface Blinding {
  /** For a member that asks. Throws `blindingKey.missing`. */
  answer(): Uint8Array;
  /** Asks the next peer while the key is missing. */
  tick(): void;
}

/** Creates the keeper. A key that does not hash to the contract's value is refused and asked for elsewhere. */
export function createBlinding(ports: BlindingPorts): Blinding {
  let { key } = ports;
  let turn = 0;
  let asking = false;

  async function ask(): Promise<void> {
    const peers = ports.peers.connected();
    const peer = peers[turn++ % Math.max(1, peers.length)];
    if (peer === undefined) return;
    const given = await ports.peers.blindingKey(peer);
    if (blindingKeyHash(given) !== ports.expected) {
      ports.log.error("blindingKey.mismatch", { code: "blindingKey.mismatch", peer });
      return;
    }
    ports.keep(given);
    key = given;
    ports.memory.setBlindingKey(given);
    ports.log.info("blindingKey.received", { peer });
    ports.onKnown();
  }

  return {
    answer() {
      if (key === undefined)
        throw new AnamnesisError("blindingKey.missing", "this node does not have the blinding key yet");
      return key;
    },
    tick() {
      if (key !== undefined || asking) return;
      asking = true;
      ask()
        .catch((error: unknown) => {
          if (!isAnamnesisError(error)) throw error;
          ports.log.debug("blindingKey.refused", { code: error.code });
        })
        .finally(() => {
          asking = false;
        });
    },
  };
}
