/**
 * Suricata: one rule file, and one list of file hashes that is named by its content, so that
 * renaming the rule file is the single moment at which both change.
 */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { IndicatorId, PurdueLevel } from "@anamnesis/sdk/core/types";
import type { Application, Clock, Control, Verification } from "../../ports.ts";
import { type FileSystem, nodeFileSystem, removeFile } from "./atomic-file.ts";
import { createFileControl, type RenderedFile, type Rendering, stateHash } from "./file-control.ts";
import type { LinesOf } from "./file-patch.ts";
import { followRules, type LoadedRules } from "./suricata-loaded.ts";
import { compileRules, SID_MARK } from "./suricata-rules.ts";
import { checkSensor } from "./suricata-sensor.ts";
import { openSuricata } from "./suricata-socket.ts";
import { HARMLESS, tryRules } from "./suricata-try.ts";

/** A sensor takes seconds to reload its rules. */
const PACE_MS = 100;
/** Between two reloads that we ask for. */
const RELOAD_PACE_MS = 1000;

/** Where the rule file is. */
export interface SuricataOptions {
  readonly name: string;
  readonly level: PurdueLevel;
  /** The rule file; list it under `rule-files` of suricata.yaml. */
  readonly path: string;
  /** The sensor's suricata.yaml, checked by preflight when given. */
  readonly sensor?: string;
  /** Its command socket: rules are loaded and asked for there. The file then stands under `rule-files`, not behind -S. */
  readonly socket?: string;
  /** Program and arguments before `-T`: rules are tried with the sensor's settings before they are written. */
  readonly test?: readonly string[];
}

/** Sids of indicators: blocks of eight from here on, below 2^31 and outside every public allocation. */
export const FIRST_SID = 1_000_000_000;
const SID_BLOCKS = 125_000_000;
const HASH_SID = FIRST_SID - 1;

/** A Suricata control. */
export function createSuricata(
  options: SuricataOptions,
  ports: { readonly clock: Clock; readonly files?: FileSystem },
): Control {
  const { path, sensor, test } = options;
  const files = ports.files ?? nodeFileSystem;
  const engine = options.socket === undefined ? undefined : openSuricata(options.socket);
  const loaded = engine && followRules(engine, { path, hashSid: HASH_SID, files });
  const stem = basename(path).replace(/\.rules$/, "");
  const isHashList = (name: string): boolean =>
    name.startsWith(`${stem}-`) && /-[0-9a-f]{16}\.sha256$/.test(name);
  const lines = new Map<IndicatorId, CachedLines>();
  /** The names for which old hash lists were last removed. */
  let tidyFor: string | undefined;
  /** Statements that the engine took in a try, and its words on those that it cannot take. */
  const tried = new Set<string>();
  const refused = new Map<string, string>();
  /** The engine's words on indicators whose rules failed in its last load. */
  const failed = new Map<IndicatorId, string>();

  function render(all: readonly Application[]): Rendering {
    const applications = refused.size === 0 ? all : all.filter(({ statement }) => !refused.has(statement));
    const hashes = applications.filter(isHash);
    const rules = applications.filter((application) => !isHash(application));
    const blocks = assignBlocks(rules.map((application) => application.indicator));
    if (lines.size > 2 * rules.length + 64) lines.clear();
    const body: string[] = rules.map((application) => linesOf(application, blocks, lines));
    const out: RenderedFile[] = [];
    if (hashes.length > 0) {
      const list = [...new Set(hashes.map(({ statement }) => `${statement.slice("filesha256 ".length)}\n`))]
        .sort()
        .join("");
      const listName = `${stem}-${stateHash(list)}.sha256`;
      out.push({ path: join(dirname(path), listName), text: list });
      body.push(
        `alert http any any -> any any (msg:"ANAMNESIS download of a known file"; flow:established; filesha256:${listName}; threshold:type limit,track by_src,count 1,seconds 300; sid:${HASH_SID}; rev:1;)\n`,
      );
    }
    const text = body.join("");
    out.push({
      path,
      text: `# anamnesis\n# count ${applications.length}\n# state ${stateHash(text)}\n${text}`,
    });
    return { files: out, expected: () => expectedKeys(applications, blocks, lines) };
  }

  const control = createFileControl({
    clock: ports.clock,
    files,
    name: options.name,
    kind: "suricata",
    level: options.level,
    paceMs: engine === undefined ? PACE_MS : RELOAD_PACE_MS,
    paths: [path],
    compile: compileRules,
    render,
    // What is tried or loaded by an engine is written whole: it is read whole, too.
    ...(test === undefined && { lines: (applications) => linesAlone(path, applications) }),
    keysOf: (_path, text) =>
      text
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#") && !line.includes(`sid:${HASH_SID};`)),
    loaded: async (rendering) => {
      await loaded?.load();
      const kept = rendering.files.map((file) => basename(file.path));
      if (kept.join() === tidyFor) return;
      for (const name of await readdir(dirname(path)).catch(() => [])) {
        if (isHashList(name) && !kept.includes(name)) await removeFile(join(dirname(path), name), files);
      }
      tidyFor = kept.join();
    },
    ...(loaded !== undefined && { engine: (expected) => askEngine(loaded, expected) }),
  });

  async function askEngine(
    rules: LoadedRules,
    expected: ReadonlyMap<string, readonly IndicatorId[]>,
  ): Promise<readonly string[]> {
    const keys = await rules.inForce();
    failed.clear();
    for (const [line, words] of rules.failed)
      for (const indicator of expected.get(line) ?? []) failed.set(indicator, words);
    return keys;
  }

  /** What was never tried is tried in one run; what is over is forgotten. */
  async function tryNew(applications: readonly Application[]): Promise<void> {
    const rules = new Set(applications.flatMap((each) => (isHash(each) ? [] : [each.statement])));
    for (const known of [tried, refused]) {
      if (known.size <= 2 * rules.size + 64) continue;
      for (const statement of known.keys()) if (!rules.has(statement)) known.delete(statement);
    }
    if (test === undefined || sensor === undefined) return;
    const fresh = [...rules].filter((statement) => !tried.has(statement) && !refused.has(statement));
    const candidates = fresh.map((statement, n) => ({ statement, rules: `${withSids(statement, n)}\n` }));
    const found = await tryRules({ program: test, sensor, path }, candidates);
    for (const statement of fresh) if (!found.has(statement)) tried.add(statement);
    for (const [statement, words] of found) refused.set(statement, words);
  }

  async function verify(applications: readonly Application[]): Promise<Verification> {
    failed.clear();
    const found = await control.verify(applications);
    const words = new Map<IndicatorId, string>();
    const nowMs = ports.clock.nowMs();
    for (const { indicator, statement, expiresAtMs } of applications) {
      const why = refused.get(statement) ?? failed.get(indicator);
      if (why === undefined || expiresAtMs <= nowMs) continue;
      refused.set(statement, why); // the next file is written without it
      words.set(indicator, why);
    }
    if (words.size === 0) return found;
    return { ...found, missing: [...new Set([...found.missing, ...words.keys()])], refused: words };
  }

  let queue: Promise<unknown> = Promise.resolve();
  function queued<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work, work);
    queue = result.catch(() => undefined);
    return result;
  }

  return {
    ...control,
    async preflight() {
      await control.preflight();
      if (sensor !== undefined) await checkSensor(sensor, files);
      try {
        await engine?.rules();
        if (test !== undefined && sensor !== undefined)
          await tryRules({ program: test, sensor, path }, [HARMLESS]);
      } catch (cause) {
        if (!isAnamnesisError(cause)) throw cause;
        throw new AnamnesisError("control.preflight", `${options.name}: ${cause.message}`, { cause });
      }
    },
    apply: (applications) =>
      queued(async () => {
        await tryNew(applications);
        await control.apply(applications);
      }),
    verify: (applications) => queued(() => verify(applications)),
  };
}

interface CachedLines {
  readonly statement: string;
  readonly block: number;
  readonly text: string;
}

function isHash(application: Application): boolean {
  return application.statement.startsWith("filesha256 ");
}

/**
 * A block of sids per indicator: its id modulo the number of blocks. Where two collide, all are
 * placed in the order of their ids by linear probing, so that the result depends on the set alone.
 */
export function assignBlocks(indicators: readonly IndicatorId[]): ReadonlyMap<IndicatorId, number> {
  const blocks = new Map<IndicatorId, number>();
  const taken = new Set<number>();
  for (const indicator of indicators) {
    const block = preferredBlock(indicator);
    blocks.set(indicator, block);
    taken.add(block);
  }
  if (taken.size === blocks.size) return blocks;
  taken.clear();
  for (const indicator of [...blocks.keys()].sort()) {
    let block = preferredBlock(indicator);
    while (taken.has(block)) block = (block + 1) % SID_BLOCKS;
    taken.add(block);
    blocks.set(indicator, block);
  }
  return blocks;
}

function preferredBlock(indicator: IndicatorId): number {
  return Number.parseInt(indicator.slice(2, 14), 16) % SID_BLOCKS;
}

/** Lines of applications whose block of sids is their own, whoever else there is. */
function linesAlone(path: string, all: readonly Application[]): LinesOf {
  const cache = new Map<IndicatorId, CachedLines>();
  const owners = new Map<number, IndicatorId | "several">();
  for (const [indicator, block] of assignBlocks(
    all.filter((one) => !isHash(one)).map((one) => one.indicator),
  )) {
    const own = preferredBlock(indicator);
    if (own === block) owners.set(block, owners.has(block) ? "several" : indicator);
    else for (let each = own; each !== block; each = (each + 1) % SID_BLOCKS) owners.set(each, "several");
    if (own !== block) owners.set(block, "several");
  }
  return (application) => {
    const { indicator } = application;
    const block = preferredBlock(indicator);
    const owner = owners.get(block);
    if (isHash(application) || (owner !== undefined && owner !== indicator)) return undefined;
    owners.set(block, indicator);
    cache.clear();
    const text = linesOf(application, new Map([[indicator, block]]), cache);
    return text
      .trimEnd()
      .split("\n")
      .map((key) => ({ path, key, text: `${key}\n` }));
  };
}

function linesOf(
  application: Application,
  blocks: ReadonlyMap<IndicatorId, number>,
  cache: Map<IndicatorId, CachedLines>,
): string {
  const { indicator, statement } = application;
  const block = blocks.get(indicator) as number;
  const cached = cache.get(indicator);
  if (cached !== undefined && cached.statement === statement && cached.block === block) return cached.text;
  if (!/^(?:(?:alert|drop) [\x20-\x7e]+ sid:@[0-7]; rev:1;\)(?:\n|$))+$/.test(statement)) {
    throw new AnamnesisError("input.invalid", `not a Suricata statement of ours: ${statement.slice(0, 120)}`);
  }
  const text = flat(`${withSids(statement, block).replaceAll("@ID", indicator.slice(2))}\n`);
  cache.set(indicator, { statement, block, text });
  return text;
}

/** The rules of a statement, with the sids of a block. */
function withSids(statement: string, block: number): string {
  const first = FIRST_SID + 8 * block;
  return statement.replaceAll(SID_MARK, (_mark, place: string) => `sid:${first + Number(place)};`);
}

/** The same text in one piece: joining thousands of pieced strings costs milliseconds at every write. */
function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1"); // statements are ASCII, as checked above
}

function expectedKeys(
  applications: readonly Application[],
  blocks: ReadonlyMap<IndicatorId, number>,
  cache: Map<IndicatorId, CachedLines>,
): ReadonlyMap<string, readonly IndicatorId[]> {
  const keys = new Map<string, IndicatorId[]>();
  for (const application of applications) {
    const own = isHash(application)
      ? [application.statement.slice("filesha256 ".length)]
      : linesOf(application, blocks, cache).trimEnd().split("\n");
    for (const key of own) keys.set(key, [...(keys.get(key) ?? []), application.indicator]);
  }
  return keys;
}
