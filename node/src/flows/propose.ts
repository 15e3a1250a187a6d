/*
 * Knowledge from outside ▶ candidates. It passes the same negative selection as what this plant's own
 * detectors saw, and then waits for the company's word like everything else: nothing in a file acts.
 */
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { parsePattern } from "@anamnesis/sdk/core/pattern";
import { type SelectionContext, selectObservable } from "@anamnesis/sdk/core/selection";
import type { IndicatorId, MemberNumber, Proposal } from "@anamnesis/sdk/core/types";
import type { ProposedView, QueuedCandidate, Stopped } from "@anamnesis/sdk/core/views";
import type { Clock, StoreOp } from "../ports.ts";
import type { NewChange } from "../state/changes.ts";
import type { Detections } from "../state/detections.ts";
import type { Memory } from "../state/memory.ts";
import type { OwnFeed } from "./append.ts";

/** Ports of proposals. */
export interface ProposePorts {
  readonly clock: Clock;
  readonly detections: Detections;
  readonly memory: Memory;
  readonly ownFeed: Pick<OwnFeed, "append">;
  readonly selection: SelectionContext;
  member(): MemberNumber | undefined;
}

/** Candidates written together. */
const CHUNK = 200;

/** Queues what is new; resolves when it is durable. Throws the store's errors, and `entry.malformed` for a behaviour that is none. */
export function createPropose(
  ports: ProposePorts,
): (proposals: readonly Proposal[]) => Promise<ProposedView> {
  const { clock, detections, memory, ownFeed } = ports;

  /** Whether this member has spoken on it, whatever it said. */
  function isSpoken(id: IndicatorId): boolean {
    const subject = memory.subject(id);
    const member = ports.member();
    return subject !== undefined && member !== undefined && memory.stances(subject).has(member);
  }

  return async (proposals) => {
    let queued = 0;
    let known = 0;
    const stopped: Stopped[] = [];
    for (let start = 0; start < proposals.length; start += CHUNK) {
      const fresh = new Map<IndicatorId, QueuedCandidate>();
      for (const proposal of proposals.slice(start, start + CHUNK)) {
        const id = indicatorId(proposal.key);
        const form = parsePattern(proposal.key) ?? null;
        const stop =
          form?.form === "observable" ? selectObservable(form.observable, ports.selection) : undefined;
        if (form?.form === "observable" && stop !== undefined)
          stopped.push({ value: form.observable.value, code: stop.code, entry: stop.entry });
        else if (fresh.has(id) || detections.candidate(id) !== undefined || isSpoken(id)) known++;
        else fresh.set(id, candidateOf(id, form, proposal, clock.nowMs()));
      }
      await queue([...fresh.values()]);
      queued += fresh.size;
    }
    return { queued, known, stopped };
  };

  async function queue(candidates: readonly QueuedCandidate[]): Promise<void> {
    if (candidates.length === 0) return;
    const ops: StoreOp[] = [];
    const changes: NewChange[] = [];
    const done: (() => void)[] = [];
    for (const candidate of candidates) {
      const staged = detections.stageCandidate(candidate);
      ops.push(staged.op);
      done.push(staged.done);
      changes.push({
        atMs: clock.nowMs(),
        type: "review",
        indicator: candidate.id,
        detail: `${candidate.proposal?.origin.format} ${candidate.proposal?.origin.id}`,
      });
    }
    await ownFeed.append([], {
      ops,
      changes,
      done: () => {
        for (const each of done) each();
      },
    });
  }
}

function candidateOf(
  id: IndicatorId,
  form: QueuedCandidate["form"],
  proposal: Proposal,
  nowMs: number,
): QueuedCandidate {
  return {
    id,
    form,
    proposal,
    class: form?.form === "behaviour" ? form.behaviour.class : "observable",
    severity: null,
    name: proposal.name,
    attackIds: proposal.attackIds,
    firstMs: nowMs,
    lastMs: nowMs,
    count: 0,
    state: "review",
    reason: "release.proposed",
  };
}
