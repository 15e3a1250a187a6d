/** Which places of the program's own code ran, by V8's precise coverage. */
import { Session } from "node:inspector";

/** Counts what runs from now on. */
export interface Coverage {
  /** What ran since the last call: each place once for every power of two of its count. */
  taken(): Promise<ReadonlySet<string>>;
  stop(): void;
}

/** Starts counting blocks in the files whose URL holds one of these parts. */
export async function startCoverage(parts: readonly string[]): Promise<Coverage> {
  const session = new Session();
  session.connect();
  const post = <T>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      session.post(method, params, (error: Error | null, result?: unknown) => {
        if (error === null) resolve(result as T);
        else reject(error);
      });
    });
  await post("Profiler.enable");
  await post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return {
    async taken() {
      const { result } = await post<{ readonly result: readonly Script[] }>("Profiler.takePreciseCoverage");
      const places = new Set<string>();
      for (const { scriptId, url, functions } of result) {
        if (!parts.some((part) => url.includes(part))) continue;
        for (const { ranges } of functions)
          for (const { startOffset, endOffset, count } of ranges)
            if (count > 0) places.add(`${scriptId}:${startOffset}-${endOffset}x${31 - Math.clz32(count)}`);
      }
      return places;
    },
    stop: () => session.disconnect(),
  };
}

interface Script {
  readonly scriptId: string;
  readonly url: string;
  readonly functions: readonly {
    readonly ranges: readonly {
      readonly startOffset: number;
      readonly endOffset: number;
      readonly count: number;
    }[];
  }[];
}
