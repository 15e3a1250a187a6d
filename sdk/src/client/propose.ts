/** Proposals in requests that a node takes. */
import type { Proposal } from "../core/types.ts";
import type { ProposedView, Stopped } from "../core/views.ts";

/** Characters of one request's proposals at most; their bytes stay below the node's limit of 1 MiB. */
const MOST = 250_000;
/** Proposals of one request at most. */
const MANY = 1000;

/** Sends all, one request after the other, and adds up what became of them. */
export async function proposeAll(
  proposals: readonly Proposal[],
  send: (some: readonly Proposal[]) => Promise<ProposedView>,
): Promise<ProposedView> {
  let queued = 0;
  let known = 0;
  const stopped: Stopped[] = [];
  for (const some of parted(proposals)) {
    const answer = await send(some);
    queued += answer.queued;
    known += answer.known;
    stopped.push(...answer.stopped);
  }
  return { queued, known, stopped };
}

function* parted(proposals: readonly Proposal[]): Generator<readonly Proposal[]> {
  let some: Proposal[] = [];
  let size = 0;
  for (const proposal of proposals) {
    const length = JSON.stringify(proposal).length;
    if (some.length > 0 && (some.length === MANY || size + length > MOST)) {
      yield some;
      some = [];
      size = 0;
    }
    some.push(proposal);
    size += length;
  }
  if (some.length > 0) yield some;
}
