/** What a control that acts through files has in common: write atomically, read back, compare. */
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256Hex } from "@anamnesis/sdk/core/hash";
import type { IndicatorId, PurdueLevel } from "@anamnesis/sdk/core/types";
import type { Application, Clock, Control, ControlChange, Verification } from "../../ports.ts";
import { type FileSystem, nodeFileSystem, readText, replaceFile, syncFiles } from "./atomic-file.ts";
import { type LinesOf, openPatch, type Patch } from "./file-patch.ts";

/** One file as it should be. */
export interface RenderedFile {
  readonly path: string;
  readonly text: string;
}

/** All files of a control, the one that puts the rest in force last. */
export interface Rendering {
  readonly files: readonly RenderedFile[];
  /** What must be found, by key (see `keysOf`), and whose it is. Computed only when files differ. */
  expected(): ReadonlyMap<string, readonly IndicatorId[]>;
}

/** What makes one kind of file control. */
export interface FileControlKind {
  readonly name: string;
  readonly kind: Control["kind"];
  readonly level: PurdueLevel;
  readonly paceMs?: number;
  readonly clock: Clock;
  readonly files?: FileSystem;
  readonly compile: Control["compile"];
  /** Pure; gets live applications only. */
  render(applications: readonly Application[], nowMs: number): Rendering;
  /** Statements found in a file, without what may change by itself (timeouts, headers). */
  keysOf(path: string, text: string): readonly string[];
  /** Every path this control reads back. */
  readonly paths: readonly string[];
  /**
   * The lines of single applications, given all that are in the files now: with it, long files are changed
   * in place. Only where a file is all there is: what an engine holds is asked for whole.
   */
  readonly lines?: (applications: readonly Application[]) => LinesOf;
  /** Lines lose their truth with time (timeouts): files are written whole when so old, ms. */
  readonly staleMs?: number;
  /** After the files are in place: load them, tidy up. */
  readonly loaded?: (rendering: Rendering) => Promise<void>;
  /** What an engine says it holds, when it can be asked. */
  readonly engine?: (expected: ReadonlyMap<string, readonly IndicatorId[]>) => Promise<readonly string[]>;
}

/** Between two syncs of one control, ms. */
const SYNC_PACE_MS = 1000;

/** Hash over the statements of a file, for its header: 16 hexadecimal digits. */
export function stateHash(body: string): string {
  return sha256Hex(body).slice(0, 16);
}

/** A control over files. Calls are queued: the second `apply` starts when the first is done. */
export function createFileControl(kind: FileControlKind): Control {
  const files = kind.files ?? nodeFileSystem;
  let queue: Promise<unknown> = Promise.resolve();
  const written = new Map<string, string>();
  const unsynced = new Set<string>();
  let isSyncing = false;
  let syncFault: unknown;
  /** What the last apply left, for the check that follows it. */
  let last:
    | {
        readonly applications: readonly Application[];
        readonly rendering: Rendering;
        readonly atMs: number;
      }
    | undefined;
  /** What was changed in place since. */
  let patch: Patch | undefined;

  function queued<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work, work);
    queue = result.catch(() => undefined);
    return result;
  }

  function rendered(applications: readonly Application[]): Rendering {
    const nowMs = kind.clock.nowMs();
    return kind.render(
      applications.filter((application) => application.expiresAtMs > nowMs),
      nowMs,
    );
  }

  async function apply(applications: readonly Application[]): Promise<void> {
    last = undefined;
    patch = undefined;
    throwSyncFault();
    const rendering = rendered(applications);
    for (const file of rendering.files) {
      const isSame = written.get(file.path) === file.text && (await readText(file.path, files)) === file.text;
      if (isSame) continue;
      await replaceFile(file.path, file.text, files);
      written.set(file.path, file.text);
      unsynced.add(file.path);
    }
    // Readers see the new file from the rename on. It is synced while the receipt is written and
    // while the next one is prepared; what a power cut tears is rendered again at the next start.
    if (!isSyncing) void syncAll();
    await kind.loaded?.(rendering);
    last = { applications, rendering, atMs: kind.clock.nowMs() };
  }

  function throwSyncFault(): void {
    if (syncFault === undefined) return;
    const fault = syncFault;
    syncFault = undefined;
    written.clear(); // the next apply writes everything again
    throw fault;
  }

  async function change(wanted: ControlChange): Promise<Verification> {
    throwSyncFault();
    const done = await changeInPlace(wanted);
    if (done !== undefined) return done;
    const applications = wanted.all();
    await apply(applications);
    return verify(applications);
  }

  /** Undefined when the files must be written whole. */
  async function changeInPlace(wanted: ControlChange): Promise<Verification | undefined> {
    const { lines, staleMs } = kind;
    if (lines === undefined || kind.engine !== undefined) return undefined;
    const nowMs = kind.clock.nowMs();
    if (patch === undefined && last !== undefined)
      patch = await openPatch(last, { lines, keysOf: kind.keysOf, files });
    const using = patch;
    patch = undefined; // until it has proved itself
    last = undefined;
    if (using === undefined || (staleMs !== undefined && Math.abs(nowMs - using.atMs) >= staleMs))
      return undefined;
    for (const path of using.paths) written.delete(path);
    const touched = await using.apply(wanted, nowMs);
    if (touched === undefined) return undefined;
    patch = using;
    for (const path of touched) unsynced.add(path);
    if (!isSyncing) void syncAll();
    return { proof: "staged", missing: [], extra: [] };
  }

  async function syncAll(): Promise<void> {
    isSyncing = true;
    try {
      while (unsynced.size > 0) {
        const paths = [...unsynced];
        unsynced.clear();
        await syncFiles(paths, files);
        await delay(SYNC_PACE_MS, undefined, { ref: false });
      }
    } catch (fault) {
      syncFault = fault;
    } finally {
      isSyncing = false;
    }
  }

  async function isExact(wanted: readonly RenderedFile[]): Promise<boolean> {
    for (const file of wanted) if ((await readText(file.path, files)) !== file.text) return false;
    return true;
  }

  async function keysInFiles(rendering: Rendering): Promise<readonly string[]> {
    const found: string[] = [];
    for (const path of new Set([...kind.paths, ...rendering.files.map((file) => file.path)])) {
      found.push(...kind.keysOf(path, (await readText(path, files)) ?? ""));
    }
    return found;
  }

  async function verify(applications: readonly Application[]): Promise<Verification> {
    if (patch !== undefined && (await patch.isExact(applications, kind.clock.nowMs())))
      return { proof: "staged", missing: [], extra: [] };
    const rendering = last?.applications === applications ? last.rendering : rendered(applications);
    const proof = kind.engine === undefined ? "staged" : "enforced";
    if (kind.engine === undefined && (await isExact(rendering.files)))
      return { proof, missing: [], extra: [] };
    const expected = rendering.expected();
    const found = kind.engine === undefined ? await keysInFiles(rendering) : await kind.engine(expected);
    const present = new Set(found);
    const missing = new Set<IndicatorId>();
    for (const [key, indicators] of expected) {
      if (!present.has(key)) for (const indicator of indicators) missing.add(indicator);
    }
    return { proof, missing: [...missing], extra: [...present].filter((key) => !expected.has(key)) };
  }

  return {
    name: kind.name,
    kind: kind.kind,
    level: kind.level,
    ...(kind.paceMs === undefined ? {} : { paceMs: kind.paceMs }),
    compile: kind.compile,
    async preflight() {
      for (const path of kind.paths) {
        try {
          const directory = await files.open(dirname(path), "r");
          await directory.close();
        } catch (cause) {
          const message = `${kind.name}: ${dirname(path)} cannot be opened; create it and let this user write there`;
          throw new AnamnesisError("control.preflight", message, { details: { path }, cause });
        }
        await readText(path, files);
      }
    },
    apply: (applications) => queued(() => apply(applications)),
    verify: (applications) => queued(() => verify(applications)),
    ...(kind.lines !== undefined && kind.engine === undefined
      ? { change: (wanted: ControlChange) => queued(() => change(wanted)) }
      : {}),
  };
}
