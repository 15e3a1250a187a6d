import { toHex } from "@anamnesis/sdk/core/bytes";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import type { Rooms } from "../rooms.ts";

/** Feeds, chain and store compared: one line per difference, empty when all agree. Differences that time mends are marked. */
export function differencesOf({ feeds, registry, memory }: Rooms): string[] {
  const lines: string[] = [];
  for (const key of registry.keys()) {
    const anchored = registry.anchored(key);
    if (anchored === undefined) continue;
    const held = feeds.size(key);
    if (held < anchored.size)
      lines.push(
        `feed ${key}: the chain anchored ${anchored.size} entries, ${held} are held (sync will fetch them)`,
      );
    else if (
      anchored.size > 0 &&
      !toHex(rootOf(feeds.frontierAt(key, anchored.size))).startsWith(anchored.root.slice(0, 44))
    ) {
      lines.push(`feed ${key}: the root at ${anchored.size} entries differs from the anchored one`);
    }
  }
  for (const [subject, stance] of memory.allStances()) {
    const recorded = registry.recordedRegister(subject, stance.register.member);
    if (recorded === undefined)
      lines.push(
        `subject ${subject}: member ${stance.register.member}'s stance is held and not recorded (relay will send it)`,
      );
    else if (recorded.uid !== stance.register.uid) {
      lines.push(
        `subject ${subject}: member ${stance.register.member}'s stance differs from the recorded one (the later version will stand)`,
      );
    }
  }
  return lines;
}
