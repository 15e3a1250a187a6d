/** Dials the configured addresses for ever: back-off with jitter, at once again when a peer is lost. */
import type { Address } from "@anamnesis/sdk/core/types";
import type { Randomness } from "../../ports.ts";
import type { PeerLimits } from "./limits.ts";

/** One configured address and whose it is, once that is known. */
export interface DialTarget {
  readonly multiaddr: string;
  address?: Address;
}

/** The dialling side. */
export interface Dialer {
  start(): void;
  stop(): void;
  /** A peer's link works: the next pause is the shortest again. */
  reached(address: Address): void;
  /** A connection to this peer ended: dial it again soon. */
  lost(address: Address): void;
  /** Membership changed: try all that wait now. */
  hurry(): void;
  /** This multiaddr is ourselves: never again. */
  forget(multiaddr: string): void;
}

interface State {
  readonly target: DialTarget;
  failures: number;
  dialling: boolean;
  timer?: NodeJS.Timeout;
}

/** `wanted` says whether a target should be dialled now; `dial` resolves with the key that answered. */
export function createDialer(ports: {
  readonly targets: readonly DialTarget[];
  readonly limits: PeerLimits;
  readonly randomness: Randomness;
  readonly wanted: (target: DialTarget) => boolean;
  readonly dial: (target: DialTarget) => Promise<Address | undefined>;
}): Dialer {
  const { limits, randomness } = ports;
  const states = new Map(
    ports.targets.map((target): [string, State] => [
      target.multiaddr,
      { target, failures: 0, dialling: false },
    ]),
  );
  let running = false;

  /** Jitter spreads the dials of many plants that lost the same peer at the same moment. */
  const pause = (state: State): number => {
    const chance = new DataView(Uint8Array.from(randomness.bytes(4)).buffer).getUint32(0) / 2 ** 32;
    if (state.failures === 0) return chance * limits.dialBaseMs;
    return Math.min(limits.dialCapMs, limits.dialBaseMs * 2 ** state.failures) * (0.5 + chance / 2);
  };

  const schedule = (state: State, ms = pause(state)): void => {
    clearTimeout(state.timer);
    if (running && states.has(state.target.multiaddr))
      state.timer = setTimeout(() => void attempt(state), ms);
  };

  const attempt = async (state: State): Promise<void> => {
    if (state.dialling || !running) return;
    if (!ports.wanted(state.target)) return schedule(state, limits.dialCapMs);
    state.dialling = true;
    state.failures = Math.min(state.failures + 1, 30);
    try {
      const address = await ports.dial(state.target);
      if (address !== undefined) state.target.address = address;
    } catch {
      // The pause below is all that a failed dial asks for.
    }
    state.dialling = false;
    schedule(state);
  };

  return {
    start() {
      running = true;
      for (const state of states.values()) schedule(state);
    },
    stop() {
      running = false;
      for (const state of states.values()) clearTimeout(state.timer);
    },
    reached(address) {
      for (const state of states.values()) if (state.target.address === address) state.failures = 0;
    },
    lost(address) {
      for (const state of states.values()) {
        if (state.target.address === address && !state.dialling) schedule(state);
      }
    },
    hurry() {
      for (const state of states.values()) {
        if (!state.dialling) schedule(state, Math.min(pause(state), limits.dialBaseMs));
      }
    },
    forget(multiaddr) {
      const state = states.get(multiaddr);
      clearTimeout(state?.timer);
      states.delete(multiaddr);
    },
  };
}
