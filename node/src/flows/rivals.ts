/*
 * Two processes with one key, as after a copied data directory, see each other's heads too late. Their
 * peers see them earlier: whoever answers a `have` remembers which process of that key spoke last.
 */
import type { Address } from "@anamnesis/sdk/core/types";
import type { Clock, Hex16 } from "../ports.ts";

/** A process that was silent for so long has ended: a living one speaks once a second, ms. */
export const RIVAL_MS = 2500;

/** Which process speaks for each peer's key. */
export interface Rivals {
  /** Whether another process of the same key, which spoke first, is still speaking. */
  hear(peer: Address, session: Hex16): boolean;
}

/** Starts with nobody heard. */
export function createRivals({ clock }: { readonly clock: Clock }): Rivals {
  const speakers = new Map<Address, { readonly session: Hex16; readonly heardMs: number }>();
  return {
    hear(peer, session) {
      const nowMs = clock.monotonicMs();
      const speaker = speakers.get(peer);
      if (speaker !== undefined && speaker.session !== session && nowMs - speaker.heardMs < RIVAL_MS)
        return true;
      speakers.set(peer, { session, heardMs: nowMs });
      return false;
    },
  };
}
