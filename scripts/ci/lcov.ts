import type { BranchArm } from "./branch-markers.ts";

/** Of how many there are, how many were reached. */
export interface Share {
  readonly hit: number;
  readonly found: number;
}

/** What tests reach of a contract. */
export interface ContractCoverage {
  readonly file: string;
  readonly lines: Share;
  readonly branches: Share;
  /** Arms that were never taken. */
  readonly missed: readonly BranchArm[];
}

/**
 * Lines and branches of marked contracts, from a tracefile (geninfo(1), "FILES").
 * @param arms by file; files that are not among them are left out
 */
export function coverageOf(
  lcov: string,
  arms: ReadonlyMap<string, readonly BranchArm[]>,
): readonly ContractCoverage[] {
  return lcov.split("end_of_record").flatMap((section): ContractCoverage[] => {
    const file = /^SF:(.*)$/m.exec(section)?.[1] ?? "";
    const own = arms.get(file);
    if (own === undefined) return [];
    const counts = new Map(
      Array.from(section.matchAll(/^DA:(\d+),(\d+)/gm), ([, line, count]) => [Number(line), Number(count)]),
    );
    const marks = new Set(own.map(({ markedLine }) => markedLine));
    const lines = [...counts].filter(([line]) => !marks.has(line));
    const missed = own.filter(({ markedLine }) => !counts.get(markedLine));
    return [
      {
        file,
        lines: { hit: lines.filter(([, count]) => count > 0).length, found: lines.length },
        branches: { hit: own.length - missed.length, found: own.length },
        missed,
      },
    ];
  });
}

/** In a hundred. */
export function shareOf({ hit, found }: Share): number {
  return found === 0 ? 100 : (100 * hit) / found;
}
