/** The checker with one thing changed, for each thing there is in it. */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { createContext, Script } from "node:vm";
import { firstMistake } from "./battery.ts";

const ROOM = join(import.meta.dirname, "../../../sdk/src/check");
const FILES = ["line.ts", "own.ts", "plan.ts"] as const;
/** A mutant that runs for longer has lost its way, ms. */
const TIMEOUT_MS = 20_000;

/** One change. */
export interface Mutant {
  /** File, line as it was, and what was done. */
  readonly name: string;
  readonly code: string;
}

/** Changes that change nothing: a line of the checker, what was done there, and why nobody could tell. */
const EQUIVALENT: readonly (readonly [line: string, done: RegExp, why: string])[] = [
  ["spans.sort(", /./, "only what comes first decides, and of equal ones it does not matter which"],
  ["const [few, many]", /^<|^>/, "which of the two is walked decides about speed"],
  ["const within =", /^(?:<|>)|^0n at 57/, "the value at the end itself is what it is cut to"],
  ["const MOST_V4 =", /./, "no address of IPv4 lies there"],
  ["reach.push(", /^> /, "both are the same number then"],
  ["return low > 0", /^> /, "without spans there is no reach, and nothing is at least as large as that"],
  ["if (!isWhole", /^128/, "a size of 2 to the -1 cannot be divided by, and that refuses, too"],
];

/** Why a mutant is the same checker, or undefined when it is another one. */
export function sameness({ name }: Mutant): string | undefined {
  const [line = "", done = ""] = name.split(" | ");
  return EQUIVALENT.find(([part, what]) => line.includes(part) && what.test(done))?.[2];
}

type Swap = readonly [pattern: RegExp, into: (found: string) => string];

const SWAPS: readonly Swap[] = [
  [
    /<=|>=|(?<![=<>])[<>](?![=<>])/g,
    (found) => ({ "<=": "<", ">=": ">", "<": "<=", ">": ">=" })[found] ?? "",
  ],
  [/(?<=\s)[<>]=?(?=\s)/g, (found) => (found.startsWith("<") ? ">" : "<")],
  [/===|!==/g, (found) => (found === "===" ? "!==" : "===")],
  [/&&|\|\|/g, (found) => (found === "&&" ? "||" : "&&")],
  [/(?<=\s)[-+*/](?=\s)/g, (found) => ({ "+": "-", "-": "+", "*": "+", "/": "*" })[found] ?? ""],
  [/\?\?/g, () => "&&"],
  [/!(?=[\w(])/g, () => ""],
  [
    /\b\d+(?:_\d+)*n?\b|\b0x[0-9a-f]+n?\b/g,
    (found) => (found.endsWith("n") ? `(${found} + 1n)` : `(${found} + 1)`),
  ],
  [/\btrue\b/g, () => "false"],
  [/\.some\(/g, () => ".every("],
  [/\.every\(/g, () => ".some("],
  [/"any"/g, () => '"all"'],
  [/\.(?:flatMap|map|slice|toLowerCase|replace|padStart|entries|sort)\b(?=\()/g, () => ".at"],
  [/^ +(?:if \(.*|throw .*|[\w.]+\.push\(.*|\.\.\..*[,)]|all\(.*)$/gm, () => ""],
  [/(?<=\? ).+(?= :)/g, () => "undefined"],
  [/(?<=^ +return ).+(?=;$)/gm, () => "undefined"],
  [/(?<=^const EMBEDDED.*\[)[^,]+, /gm, () => ""],
];

/** All mutants of the checker; what is no program any more is left out. */
export function allMutants(): readonly Mutant[] {
  const texts = FILES.map((file) => plainText(file));
  return texts.flatMap((text, which) =>
    SWAPS.flatMap(([pattern, into]) =>
      [...text.matchAll(pattern)].flatMap((found): readonly Mutant[] => {
        const at = found.index;
        if (isWords(text, at) || into(found[0]) === found[0]) return [];
        const changed = text.slice(0, at) + into(found[0]) + text.slice(at + found[0].length);
        const code = programOf(texts.with(which, changed));
        const start = text.lastIndexOf("\n", at) + 1;
        const line = text.slice(start, text.indexOf("\n", at)).trim().replace(/\s+/g, " ");
        const name = `${FILES[which]}: ${line} | ${found[0].trim()} at ${at - start} → ${into(found[0])}`;
        return isProgram(code) ? [{ name, code }] : [];
      }),
    ),
  );
}

/** How a mutant is found out, or undefined when it survives. */
export function deathOf({ code }: Pick<Mutant, "code">): string | undefined {
  try {
    const run = new Script(`firstMistake(${code})`);
    return run.runInContext(createContext({ firstMistake }), { timeout: TIMEOUT_MS }) as string | undefined;
  } catch (error) {
    return String(error);
  }
}

/** The checker as it is, in the form mutants have. */
export function original(): Mutant {
  return { name: "as it is", code: programOf(FILES.map(plainText)) };
}

/** A file without its types, comments, imports and exports. */
function plainText(file: string): string {
  return stripTypeScriptTypes(readFileSync(join(ROOM, file), "utf8"))
    .replace(/\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$|(?<=[;,]) \/\/.*$/gm, "")
    .replace(/^import .*$/gm, "")
    .replace(/^export /gm, "")
    .replace(/[ \t]+$/gm, "");
}

function programOf(texts: readonly string[]): string {
  return `(() => {\n${texts.join("\n")}\nreturn checkPlan;\n})()`;
}

function isProgram(code: string): boolean {
  try {
    new Script(code);
    return true;
  } catch {
    return false;
  }
}

/** Whether a place is inside the words of a message or inside a regular expression. */
function isWords(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", at) + 1, at);
  const rest = text.slice(at, text.indexOf("\n", at));
  if (/Unreadable\(|refuse\(|label/.test(line)) return true;
  if (line.startsWith("const V4 = ")) return true;
  return /\/\^[^ ]*$/.test(line) && /^[^ ]*\$?\/[gi]*/.test(rest);
}
