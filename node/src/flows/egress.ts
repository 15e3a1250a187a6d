/*
 * TLP at egress, in one place (DESIGN §5): what this plant hands to others. AMBER+STRICT content, and
 * content with an audience, is served by its origin only, to its audience and to nodes of its own member;
 * everybody else gets the commitment and the reason, so that feeds stay whole. Attestations hold digests
 * and are never withheld.
 */
import { commitmentOf, decodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import type { FeedMessage } from "@anamnesis/sdk/core/message";
import type { Address, MemberNumber } from "@anamnesis/sdk/core/types";
import type { Log } from "../ports.ts";

/** Why an item travels as its commitment. */
export const WITHHELD = "tlp.audience";

const STRICT = Buffer.from('"tlp":"amber+strict"');
const AUDIENCE = Buffer.from('"audience":[');
/** Ports of egress. */
export interface EgressPorts {
  readonly log: Log;
  readonly self: Address;
  /** The member a key speaks or spoke for. */
  memberOf(key: Address): MemberNumber | undefined;
}

/** Decides what leaves. */
export interface Egress {
  /** The message as this peer may see it. */
  forPeer(message: FeedMessage, to: Address): FeedMessage;
  /** Whether every member may see these items as they are. */
  isForAll(items: readonly Item[]): boolean;
}

/** Creates egress. */
export function createEgress(ports: EgressPorts): Egress {
  const { self, memberOf, log } = ports;

  function mayRead(feed: Address, item: Item, to: Address): boolean {
    if (!isRestricted(item)) return true;
    if (feed !== self) return false;
    const member = memberOf(to);
    if (member === undefined) return false;
    const { audience = [] } = decodeEntry((item as Extract<Item, { entry: Uint8Array }>).entry);
    return member === memberOf(self) || audience.includes(member);
  }

  return {
    forPeer(message, to) {
      const items = message.items.map((item) =>
        mayRead(message.feed, item, to) ? item : { commitment: commitmentOf(item), reason: WITHHELD },
      );
      const count = items.filter((item, i) => item !== message.items[i]).length;
      if (count === 0) return message;
      log.info("egress.withheld", { code: WITHHELD, to, feed: message.feed, start: message.start, count });
      return { ...message, items };
    },
    isForAll: (items) => !items.some(isRestricted),
  };
}

/** In canonical JSON quotes inside texts are escaped, so these bytes can only be the envelope's own. */
function isRestricted(item: Item): boolean {
  if (!("entry" in item)) return false;
  const bytes = Buffer.from(item.entry.buffer, item.entry.byteOffset, item.entry.byteLength);
  if (!bytes.includes(STRICT) && !bytes.includes(AUDIENCE)) return false;
  return !bytes.includes('"kind":"attestation"');
}
