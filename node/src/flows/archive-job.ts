import type { EvidenceSelection, EvidenceView, PlantApi } from "../api.ts";
import type { Exported } from "./archive-types.ts";

/** How long one question waits for the end before it tells how far it is, ms. */
const ANSWER_MS = 10_000;
/** How long a bundle waits for whoever asked, ms, and how many wait at most. */
const KEPT_MS = 60_000;
const MOST_KEPT = 4;

interface Job {
  readonly asked: string;
  readonly end: Promise<Exported>;
  step: string;
}

/** Exports, one at a time: a large one takes longer than a request may, so the question is asked again until it is done. */
export function createExportJob(
  run: (selection: EvidenceSelection, onStep: (step: string) => void) => Promise<Exported>,
): Pick<PlantApi, "evidence" | "evidenceFile"> {
  let current: Job | undefined;
  const kept = new Map<string, Uint8Array>();

  /** The bundle of an export, for a while. */
  function keep({ bundle, report }: Exported): void {
    const { sha256 } = report;
    kept.delete(sha256);
    kept.set(sha256, bundle);
    for (const oldest of kept.keys()) {
      if (kept.size <= MOST_KEPT) break;
      kept.delete(oldest);
    }
    const timer = setTimeout(() => {
      if (kept.get(sha256) === bundle) kept.delete(sha256);
    }, KEPT_MS);
    timer.unref();
  }

  function begin(selection: EvidenceSelection): Job {
    const job: Job = {
      asked: JSON.stringify(selection),
      step: "begun",
      end: run(selection, (step) => {
        job.step = step;
      }),
    };
    job.end.then(keep, () => {}); // whoever asks hears of a failure
    return job;
  }

  return {
    async evidence(selection): Promise<EvidenceView> {
      const asked = JSON.stringify(selection);
      while (current !== undefined && current.asked !== asked) {
        const other = current;
        await other.end.catch(() => {});
        if (current === other) current = undefined;
      }
      current ??= begin(selection);
      const job = current;
      let timer: NodeJS.Timeout | undefined;
      const waiting = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), ANSWER_MS);
      });
      try {
        const ended = await Promise.race([job.end, waiting]);
        if (ended === undefined) return { state: "running", step: job.step };
        // Somebody heard how it ended: asked again, it is made anew.
        if (current === job) current = undefined;
        return { state: "done", ...ended.report };
      } catch (error) {
        if (current === job) current = undefined;
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    evidenceFile: (sha256) => kept.get(sha256),
  };
}
