import type { RebuildView } from "../api.ts";
import { type RebuildPorts, rebuild } from "./rebuild.ts";

/** How long one question waits for the end before it tells how far it is, ms. */
const ANSWER_MS = 10_000;
/** How long an end waits for whoever asked, ms. */
const KEPT_MS = 60_000;

/** Rebuilds, one at a time. Whoever asks again meanwhile hears of the same one. */
export type RebuildJob = (replace: boolean) => Promise<RebuildView>;

interface Job {
  readonly replace: boolean;
  readonly end: Promise<RebuildView>;
  progress: { block: number; head: number };
  endedAtMs: number;
}

/** A long chain takes longer than a request may: the question is asked again until the answer is `done`. */
export function createRebuildJob(ports: Omit<RebuildPorts, "onProgress">): RebuildJob {
  const { clock } = ports;
  let current: Job | undefined;

  function begin(replace: boolean): Job {
    const onProgress = (block: number, head: number) => {
      job.progress = { block, head };
    };
    const end = rebuild({ ...ports, onProgress }, replace).finally(() => {
      job.endedAtMs = clock.monotonicMs();
    });
    const job: Job = {
      replace,
      end,
      progress: { block: 0, head: 0 },
      endedAtMs: Number.POSITIVE_INFINITY,
    };
    end.catch(() => {}); // whoever asks hears of it
    return job;
  }

  return async (replace) => {
    const isOld = current !== undefined && clock.monotonicMs() - current.endedAtMs > KEPT_MS;
    if (current === undefined || isOld || current.replace !== replace) {
      await current?.end.catch(() => {});
      current = begin(replace);
    }
    const job = current;
    let timer: NodeJS.Timeout | undefined;
    const waiting = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ANSWER_MS);
    });
    try {
      const ended = await Promise.race([job.end, waiting]);
      if (ended === undefined) return { state: "running", ...job.progress };
      if (current === job) current = undefined;
      return ended;
    } catch (error) {
      if (current === job) current = undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}
