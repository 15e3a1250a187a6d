/** How far each file of a directory was read. Plain JSON, bounded. */
import type { KeptReader } from "./outcomes.ts";

/** How far one file was read. */
export interface FileMark {
  /** Bytes of the unpacked stream that are done with. */
  readonly offset: number;
  /** Of the file when it was last read, ms since the epoch. */
  readonly mtimeMs: number;
  /** How often it was begun anew, because it had become shorter. */
  readonly generation: number;
  /** Bytes on disk of a packed file that was read to its end. */
  readonly packedSize?: number;
  readonly reader?: NonNullable<KeptReader["reader"]>;
}

/** Where a detector of a directory stands. */
export interface FolderPosition {
  readonly version: 1;
  readonly folder: true;
  /** By fingerprint. */
  readonly marks: Readonly<Record<string, FileMark>>;
  /** Files older than this are not read unless they are known: marks of older ones were given up. */
  readonly forgottenMs: number;
}

/** Files that are remembered at most. */
export const MARKS_KEPT = 2048;

/** A position as it was stored, or the start when it is none of a directory. */
export function readFolder(value: unknown): FolderPosition {
  const position = value as Partial<FolderPosition> | null | undefined;
  const sound =
    position?.version === 1 &&
    position.folder === true &&
    typeof position.marks === "object" &&
    position.marks !== null &&
    Number.isFinite(position.forgottenMs);
  return sound ? (position as FolderPosition) : { version: 1, folder: true, marks: {}, forgottenMs: 0 };
}

/** The position with one mark set; the state of formats is kept for the files written last. */
export function markFile(
  position: FolderPosition,
  id: string,
  mark: FileMark,
  readersKept: number,
): FolderPosition {
  const marks: Record<string, FileMark> = { ...position.marks, [id]: mark };
  const withReader = Object.entries(marks).filter(([, { reader }]) => reader !== undefined);
  for (const [each, { reader: _gone, ...rest }] of withReader
    .sort((a, b) => b[1].mtimeMs - a[1].mtimeMs)
    .slice(readersKept))
    marks[each] = rest;
  return { ...position, marks };
}

/**
 * The position without what nobody needs: of more than 2,048 marks those of files that are gone, then the
 * oldest. What is given up is remembered by its time, so that nothing old is read twice.
 */
export function settleFolder(position: FolderPosition, present: ReadonlySet<string>): FolderPosition {
  const entries = Object.entries(position.marks);
  if (entries.length <= MARKS_KEPT) return position;
  const ranked = entries.sort(
    (a, b) => Number(present.has(b[0])) - Number(present.has(a[0])) || b[1].mtimeMs - a[1].mtimeMs,
  );
  const given = ranked.slice(MARKS_KEPT);
  const forgottenMs = given
    .filter(([id]) => present.has(id))
    .reduce((latest, [, { mtimeMs }]) => Math.max(latest, mtimeMs + 1), position.forgottenMs);
  return { ...position, marks: Object.fromEntries(ranked.slice(0, MARKS_KEPT)), forgottenMs };
}
