import { recoverSigner } from "@anamnesis/sdk/core/signature";
import type { SignedHead } from "@anamnesis/sdk/core/types";
import type { ProvenState } from "../ports.ts";
import type { ArchivePorts } from "./archive.ts";

/** Heads whose signatures are looked up for one proof. */
const MOST_HEADS = 8;

/**
 * Signed heads as the proof anchors them, own feed first: held ones, else those that transactions carried.
 * @throws AnamnesisError those of the chain
 */
export async function headsOf(
  { chain, rooms, hasher, self }: Pick<ArchivePorts, "chain" | "rooms" | "hasher" | "self">,
  { sizes }: ProvenState,
  most = MOST_HEADS,
): Promise<readonly SignedHead[]> {
  const { archive, feeds, registry } = rooms;
  const heads: SignedHead[] = [];
  let asked = 0;
  for (const feed of [self, ...registry.keys().filter((key) => key !== self)]) {
    const size = sizes.get(feed) ?? 0;
    if (size === 0) continue;
    const anchored = registry.anchored(feed);
    const isIndexed = anchored?.size === size;
    const held = [feeds.head(feed), archive.head(feed)].find(
      (head) => head?.size === size && (!isIndexed || head.root === anchored.root),
    );
    const at = registry.key(feed)?.anchoredAtBlock;
    const asks = held === undefined && isIndexed && at !== undefined && asked++ < most;
    const head = held ?? (asks ? await chain.anchoredHead(feed, size, at) : undefined);
    if (head !== undefined && recoverSigner(hasher.head(head), head.signature) === feed) heads.push(head);
  }
  return heads;
}
