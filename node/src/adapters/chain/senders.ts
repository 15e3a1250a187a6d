/** Several accounts that pay: work goes to the one that has least to do, and one that is stuck stops none of the others. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import type { ChainSender } from "../../ports.ts";
import type { Mined, Sender } from "./sender.ts";

/** Sends with whichever account is free. */
export interface Senders {
  send(to: Address | null, data: Uint8Array, signal: AbortSignal, gas?: number): Promise<Mined>;
  tend(): Promise<void>;
  status(): readonly ChainSender[];
}

/** An account whose oldest transaction waits longer than this gets no more work while another has none, seconds. */
const STUCK_SECONDS = 10;

/** Without any account every write rejects with `chain.unreachable`. */
export function createSenders(senders: readonly Sender[]): Senders {
  const under = new Map<Sender, number>(senders.map((sender) => [sender, 0]));
  let turn = 0;

  /** Not stuck before stuck, less to do before more, and in turns. */
  const pick = (): Sender => {
    turn++;
    const ranked = senders.map((sender, i) => {
      const { stuckSeconds, waiting } = sender.status();
      const load = Math.max(waiting, under.get(sender) ?? 0);
      return { sender, rank: [stuckSeconds >= STUCK_SECONDS ? 1 : 0, load, (i + turn) % senders.length] };
    });
    const first = ranked.reduce((best, each) => (isBefore(each.rank, best.rank) ? each : best));
    return first.sender;
  };

  return {
    async send(to, data, signal, gas) {
      if (senders.length === 0)
        throw new AnamnesisError("chain.unreachable", "no account pays here; nothing is sent");
      const sender = pick();
      under.set(sender, (under.get(sender) ?? 0) + 1);
      try {
        return await sender.send(to, data, signal, gas);
      } finally {
        under.set(sender, (under.get(sender) ?? 1) - 1);
      }
    },
    tend: async () => void (await Promise.all(senders.map((sender) => sender.tend()))),
    status: () => senders.map((sender) => sender.status()),
  };
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at >= 0 && (a[at] as number) < (b[at] as number);
}
