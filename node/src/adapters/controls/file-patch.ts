/** What a control changed in its files since they were last written whole. */
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Application, ControlChange } from "../../ports.ts";
import type { FileSystem } from "./atomic-file.ts";
import type { RenderedFile } from "./file-control.ts";
import { type ControlLine, type LineEdit, type LineFile, openLineFile } from "./line-file.ts";

/** The lines of one application, or undefined when they hang on what else there is. */
export type LinesOf = (application: Application, nowMs: number) => readonly ControlLine[] | undefined;

/** Files below this are written whole: it costs as little, and they change in one moment, bytes. */
export const PATCH_FROM = 16 << 10;

/** Files as they were written whole. */
export interface Whole {
  readonly applications: readonly Application[];
  readonly rendering: {
    readonly files: readonly RenderedFile[];
    expected(): ReadonlyMap<string, readonly IndicatorId[]>;
  };
  readonly atMs: number;
}

/** Files that are changed in place. */
export interface Patch {
  /** When they were last written whole, ms since the epoch. */
  readonly atMs: number;
  readonly paths: readonly string[];
  /** The paths that were changed; undefined when all must be written whole, whatever was changed so far. */
  apply(change: ControlChange, nowMs: number): Promise<readonly string[] | undefined>;
  /** Whether these applications, and exactly what was written for them, are in the files. */
  isExact(applications: readonly Application[], nowMs: number): Promise<boolean>;
}

/** Takes up files that were written whole; undefined when they are short, or no longer what was written. */
export async function openPatch(
  whole: Whole,
  kind: {
    readonly lines: (applications: readonly Application[]) => LinesOf;
    readonly keysOf: (path: string, text: string) => readonly string[];
    readonly files: FileSystem;
  },
): Promise<Patch | undefined> {
  const { rendering, atMs } = whole;
  if (rendering.files.reduce((sum, { text }) => sum + text.length, 0) < PATCH_FROM) return undefined;
  const files = new Map<string, LineFile>();
  for (const { path, text } of rendering.files) {
    const file = await openLineFile(path, text, kind.keysOf, kind.files);
    if (file === undefined) return undefined;
    files.set(path, file);
  }
  /** How many applications a line stands for. */
  const users = new Map([...rendering.expected()].map(([key, indicators]) => [key, indicators.length]));
  const held = new Map<IndicatorId, Application>();
  for (const one of whole.applications) if (one.expiresAtMs > atMs) held.set(one.indicator, one);
  const linesOf = kind.lines([...held.values()]);

  /** What happens to lines, by path, or undefined where a line hangs on others. */
  function editsOf(
    { put, gone }: ControlChange,
    nowMs: number,
  ): ReadonlyMap<string, readonly LineEdit[]> | undefined {
    const changed = new Map<string, ControlLine>();
    /** A line of several speaks for one of them: for which, is worked out over all. */
    const shared = new Set<string>();
    const over = [...gone, ...put.map(({ indicator }) => indicator)];
    for (const [list, step] of [
      [over.flatMap((indicator) => held.get(indicator) ?? []), -1],
      [put.filter(({ expiresAtMs }) => expiresAtMs > nowMs), 1],
    ] as const) {
      for (const application of list) {
        const lines = linesOf(application, nowMs);
        if (lines === undefined) return undefined;
        for (const line of lines) {
          const before = users.get(line.key) ?? 0;
          if (before > 1) shared.add(line.key);
          users.set(line.key, before + step);
          changed.set(line.key, line);
        }
      }
    }
    const edits = new Map<string, LineEdit[]>([...files.keys()].map((path) => [path, []]));
    for (const { path, key, text } of changed.values()) {
      const count = users.get(key) ?? 0;
      if (count > 1 || (shared.has(key) && count > 0)) return undefined;
      const after = count > 0 ? text : undefined;
      if (after === undefined) users.delete(key);
      if (after !== files.get(path)?.textOf(key)) edits.get(path)?.push({ key, text: after });
    }
    return edits;
  }

  return {
    atMs,
    paths: [...files.keys()],
    async apply(change, nowMs) {
      const edits = editsOf(change, nowMs);
      if (edits === undefined) return undefined;
      for (const indicator of change.gone) held.delete(indicator);
      for (const one of change.put) {
        if (one.expiresAtMs > nowMs) held.set(one.indicator, one);
        else held.delete(one.indicator);
      }
      const touched: string[] = [];
      for (const [path, file] of files) {
        const own = edits.get(path) ?? [];
        if (file.isWorn() || !(await file.edit(own, held.size))) return undefined;
        if (own.length > 0) touched.push(path);
      }
      return touched;
    },
    async isExact(applications, nowMs) {
      let living = 0;
      for (const { indicator, statement, expiresAtMs } of applications) {
        if (expiresAtMs <= nowMs) continue;
        living += 1;
        const own = held.get(indicator);
        if (own?.statement !== statement || own.expiresAtMs !== expiresAtMs) return false;
      }
      if (living !== held.size) return false;
      for (const file of files.values()) if (!(await file.isExact())) return false;
      return true;
    },
  };
}
