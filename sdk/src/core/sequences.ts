/** Attacks that are several requests of one source: each alone is ordinary work, together they are one attack. */
import type { IcsProtocol, IcsRequest, SequenceName } from "./types.ts";

/** One step: the protocol's function and the class it is asked of. */
export interface Step {
  readonly function: number;
  readonly object: number;
}

/** A sequence. What a name means never changes: it is part of a record's id. */
export interface Sequence {
  readonly name: SequenceName;
  readonly protocol: IcsProtocol;
  /** In the order of the attack. */
  readonly steps: readonly Step[];
  /** Functions that are judged as a part of it only; the others are an attack of their own as well. */
  readonly parts: readonly number[];
  /** Two different steps of one source within this time are the attack, seconds. */
  readonly withinSeconds: number;
}

/** Every sequence there is. */
export const SEQUENCES: readonly Sequence[] = [
  {
    // A Logix controller is stopped, a program object is created, the program is transferred into it.
    name: "logic-download",
    protocol: "enip",
    steps: [
      { function: 0x07, object: 0x8e },
      { function: 0x08, object: 0x68 },
      { function: 0x50, object: 0x68 },
    ],
    parts: [0x08, 0x50],
    withinSeconds: 300,
  },
];

/** The sequence of a name. Throws nothing: the names are a closed list. */
export function sequenceOf(name: SequenceName): Sequence {
  return SEQUENCES.find((each) => each.name === name) as Sequence;
}

/** Its functions, ascending, each once: what a record of it lists. */
export function functionsOf({ steps }: Sequence): readonly number[] {
  return [...new Set(steps.map((step) => step.function))].sort((a, b) => a - b);
}

/** Pairs of source and server that are remembered while a sequence is under way. */
const MOST_SOURCES = 4096;

/** Tells when single requests of a source have become a sequence. */
export interface SequenceWatch {
  /**
   * What a request is: itself; the same with its sequence, when it is the second step or a later one;
   * undefined while it is an ordinary part of something that may become one.
   */
  see(request: IcsRequest, source: string, atMs: number): IcsRequest | undefined;
}

/** Watches requests in the order in which a sensor tells them; forgets the sources that were silent longest. */
export function createSequenceWatch(): SequenceWatch {
  /** Times of the steps, by sequence and source. */
  const seen = new Map<string, (number | undefined)[]>();

  return {
    see(request, source, atMs) {
      const sequence = SEQUENCES.find(
        ({ protocol, steps }) =>
          protocol === request.protocol && steps.some((step) => step.function === request.function),
      );
      if (sequence === undefined) return request;
      const alone = sequence.parts.includes(request.function) ? undefined : request;
      const place = sequence.steps.findIndex(
        (step) =>
          step.function === request.function &&
          // A sensor that does not say the class is believed to mean it.
          (request.object === undefined || step.object === request.object),
      );
      if (place < 0) return alone;
      const key = `${sequence.name} ${source}`;
      const times = seen.get(key) ?? [];
      seen.delete(key);
      seen.set(key, times);
      times[place] = atMs;
      if (seen.size > MOST_SOURCES) seen.delete(seen.keys().next().value as string);
      const isFresh = (time: number | undefined): boolean =>
        time !== undefined && Math.abs(atMs - time) <= sequence.withinSeconds * 1000;
      return times.filter(isFresh).length >= 2 ? { ...request, sequence: sequence.name } : alone;
    },
  };
}
