/**
 * Suricata: one rule file, and one list of file hashes that is named by its content, so that
 * renaming the rule file is the single moment at which both change.
 */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { IndicatorId, PurdueLevel } from "@anamnesis/sdk/core/types";
import type { Application, Clock, Control } from "../../ports.ts";
import { type FileSystem, nodeFileSystem, removeFile } from "./atomic-file.ts";
import { createFileControl, type RenderedFile, type Rendering, stateHash } from "./file-control.ts";
import { compileRules, SID_MARK } from "./suricata-rules.ts";
import { checkSensor } from "./suricata-sensor.ts";

/** A sensor takes seconds to reload its rules. */
const PACE_MS = 100;

/** Where the rule file is. */
export interface SuricataOptions {
  readonly name: string;
  readonly level: PurdueLevel;
  /** The rule file; list it under `rule-files` of suricata.yaml. */
  readonly path: string;
  /** The sensor's suricata.yaml, checked by preflight when given. */
  readonly sensor?: string;
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
  const { path } = options;
  const files = ports.files ?? nodeFileSystem;
  const stem = basename(path).replace(/\.rules$/, "");
  const isHashList = (name: string): boolean =>
    name.startsWith(`${stem}-`) && /-[0-9a-f]{16}\.sha256$/.test(name);
  const lines = new Map<IndicatorId, CachedLines>();
  /** The names for which old hash lists were last removed. */
  let tidyFor: string | undefined;

  function render(applications: readonly Application[]): Rendering {
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
    ...ports,
    name: options.name,
    kind: "suricata",
    level: options.level,
    paceMs: PACE_MS,
    paths: [path],
    compile: compileRules,
    render,
    keysOf: (_path, text) =>
      text
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#") && !line.includes(`sid:${HASH_SID};`)),
    loaded: async (rendering) => {
      const kept = rendering.files.map((file) => basename(file.path));
      if (kept.join() === tidyFor) return;
      for (const name of await readdir(dirname(path)).catch(() => [])) {
        if (isHashList(name) && !kept.includes(name)) await removeFile(join(dirname(path), name), files);
      }
      tidyFor = kept.join();
    },
  });
  return {
    ...control,
    async preflight() {
      await control.preflight();
      if (options.sensor !== undefined) await checkSensor(options.sensor, files);
    },
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
  const first = FIRST_SID + 8 * block;
  const text = flat(
    `${statement
      .replaceAll(SID_MARK, (_mark, place: string) => `sid:${first + Number(place)};`)
      .replaceAll("@ID", indicator.slice(2))}\n`,
  );
  cache.set(indicator, { statement, block, text });
  return text;
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
