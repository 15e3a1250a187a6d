/** Tries rules on the plant's own Suricata before they reach its rule file: one that breaks it must never get there. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** Rules of one statement, as they would stand in the file. */
export interface Candidate {
  readonly statement: string;
  /** Whole lines. */
  readonly rules: string;
}

/** What came of a try: the engine's words by statement, for those that it cannot take. */
export type Refused = ReadonlyMap<string, string>;

/** `suricata -T` with the sensor's own settings. */
export interface TryOptions {
  /** Program and arguments before `-T`. */
  readonly program: readonly string[];
  /** The sensor's suricata.yaml. */
  readonly sensor: string;
  /** A folder beside this file holds what is tried. */
  readonly path: string;
}

/** A parser that takes longer hangs, ms. */
const TIMEOUT_MS = 60_000;
/** Any Suricata takes it; one that does not is at fault itself. */
export const HARMLESS: Candidate = {
  statement: "",
  rules: 'alert ip any any -> any any (msg:"ANAMNESIS try"; sid:999999998; rev:1;)\n',
};

/**
 * Tries candidates in one run. Rules that the engine names are left out; where it dies without naming
 * any, the list is halved until the one that kills it is alone.
 * @throws AnamnesisError `control.io` when the engine takes no rule at all
 */
export async function tryRules(options: TryOptions, candidates: readonly Candidate[]): Promise<Refused> {
  const refused = new Map<string, string>();
  if (candidates.length === 0) return refused;
  const whole = await runOnce(options, candidates);
  if (whole.isTaken) return refused;
  if (whole.named.size > 0) {
    for (const [index, words] of whole.named) refused.set((candidates[index] as Candidate).statement, words);
    const rest = candidates.filter((_, index) => !whole.named.has(index));
    return new Map([...refused, ...(await tryRules(options, rest))]);
  }
  if (candidates.length === 1) {
    const [{ statement }] = candidates as [Candidate];
    const harmless = await runOnce(options, [HARMLESS]);
    if (harmless.isTaken) return new Map([[statement, whole.words]]);
    const command = [...options.program, "-T", "-c", options.sensor].join(" ");
    const message = `${command} takes no rule at all: ${harmless.words}; run it by hand. The rule file stays as it was`;
    throw new AnamnesisError("control.io", message, { details: { path: options.sensor } });
  }
  const middle = candidates.length >> 1;
  const first = await tryRules(options, candidates.slice(0, middle));
  return new Map([...first, ...(await tryRules(options, candidates.slice(middle)))]);
}

interface Outcome {
  readonly isTaken: boolean;
  /** By index of the candidate. */
  readonly named: ReadonlyMap<number, string>;
  readonly words: string;
}

async function runOnce({ program, sensor, path }: TryOptions, list: readonly Candidate[]): Promise<Outcome> {
  const folder = await mkdtemp(join(dirname(path), ".try-"));
  try {
    const file = join(folder, "new.rules");
    await writeFile(file, list.map(({ rules }) => rules).join(""));
    const [command = "", ...args] = program;
    const { code, said } = await execute(command, [...args, "-T", "-c", sensor, "-S", file, "-l", folder]);
    if (code === 0) return { isTaken: true, named: new Map(), words: "" };
    return { isTaken: false, named: namedIn(said, list), words: wordsOf(said, code) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Which candidates the engine's messages name by line; its reason stands on the line before. */
function namedIn(said: string, list: readonly Candidate[]): ReadonlyMap<number, string> {
  const owner: number[] = [];
  list.forEach(({ rules }, index) => {
    for (let line = rules.split("\n").length - 1; line > 0; line--) owner.push(index);
  });
  const named = new Map<number, string>();
  let reason = "";
  for (const message of said.split("\n")) {
    const line = / at line (\d+)\s*$/.exec(message)?.[1];
    const index = line === undefined ? undefined : owner[Number(line) - 1];
    if (index !== undefined && !named.has(index)) named.set(index, shorten(reason || message));
    else if (message.trim() !== "") reason = message;
  }
  return named;
}

function wordsOf(said: string, code: number | string): string {
  const last = said.split("\n").findLast((line) => line.trim() !== "");
  return typeof code === "number" && last !== undefined ? shorten(last) : `ended with ${code}`;
}

function shorten(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "").slice(0, 200);
}

function execute(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number | string; readonly said: string }> {
  return new Promise((resolve) => {
    const limits = { timeout: TIMEOUT_MS, maxBuffer: 16 << 20, killSignal: "SIGKILL" as const };
    execFile(program, [...args], limits, (fault, stdout, stderr) => {
      const said = `${stdout}\n${stderr}`;
      if (fault === null) return resolve({ code: 0, said });
      resolve({ code: fault.code ?? fault.signal ?? fault.message, said });
    });
  });
}
