import type { Chain, Clock } from "../ports.ts";
import type { HeadAge } from "./head-age.ts";
import type { Indexer } from "./index-chain.ts";
import type { Relay } from "./relay.ts";

/** What is asked about the chain. */
export interface ChainAlarmPorts {
  readonly chain: Pick<Chain, "endpoints" | "senders">;
  readonly indexer: Pick<Indexer, "rollbacks">;
  readonly relay: Pick<Relay, "unseen">;
  readonly headAge: Pick<HeadAge, "alarm">;
  readonly clock: Clock;
}

/** How long a reorganisation is told of after it happened, ms. */
const REORGANISED_MS = 3_600_000;
/** A paying account is stuck when nothing of it was mined for so long, seconds. */
const STUCK_SECONDS = 60;

/** What is wrong with the chain or with what its nodes say; each clears itself. */
export function chainAlarms(ports: ChainAlarmPorts): { readonly code: string; readonly message: string }[] {
  const { chain, indexer, relay, headAge, clock } = ports;
  const alarms: { code: string; message: string }[] = [];
  const stalled = headAge.alarm();
  if (stalled !== undefined) alarms.push({ code: "chain.stalled", message: stalled });
  const { count, lastAtMs } = indexer.rollbacks();
  if (lastAtMs !== undefined && clock.monotonicMs() - lastAtMs < REORGANISED_MS)
    alarms.push({
      code: "chain.reorganised",
      message: `blocks that were final went away (${count} times since the start); everything was read and sent again, but a BFT chain never does this: ask its operators`,
    });
  for (const { name, state, reason } of chain.endpoints())
    if (state === "excluded")
      alarms.push({ code: "chain.endpoint", message: `chain node ${name} is not believed: ${reason}` });
  for (const { address, waiting, stuckSeconds } of chain.senders())
    if (stuckSeconds >= STUCK_SECONDS)
      alarms.push({
        code: "chain.stuck",
        message: `account ${address}: ${waiting} transactions wait, none was mined for ${stuckSeconds} s; does it have what gas costs?`,
      });
  const unseen = relay.unseen();
  const [first] = unseen;
  if (first !== undefined)
    alarms.push({
      code: "chain.contradiction",
      message: `a chain node called ${unseen.length} items recorded that the index does not show, the first in block ${first.block}: ${first.item}`,
    });
  return alarms;
}
