/** Sigma rules (DRL 1.1 asks to keep author, id and attribution): a log's pattern, not an address. */
import { parseAllDocuments } from "yaml";
import { type Knowledge, knowledgeOf, MAX_SOURCE, type Reading, refusal } from "./knowledge.ts";
import { isMembers, type Members, textOf } from "./members.ts";

const LEVELS: Readonly<Record<string, number>> = {
  informational: 5,
  low: 25,
  medium: 50,
  high: 75,
  critical: 95,
};

/** Whether a text looks like one or more rules. */
export function isSigma(text: string): boolean {
  return /^detection:\s*$/m.test(text) && /^(?:logsource|title):/m.test(text);
}

/** Reads a file of rules, one YAML document each. */
export function readSigma(text: string): Knowledge {
  // Aliases that multiply are refused by the parser's own limit.
  const readings = parseAllDocuments(text).map((document, index) => {
    const where = `document ${index + 1}`;
    const [error] = document.errors;
    if (error !== undefined) return refusal(where, "malformed", error.message);
    return readRule(document.toJS({ maxAliasCount: 50 }), sourceOf(text, document.range), where);
  });
  return knowledgeOf("sigma", readings);
}

function sourceOf(text: string, range: readonly number[] | null | undefined): string {
  return (range ? text.slice(range[0], range[2]) : text).replace(/^---\s*\n/, "").trim();
}

function readRule(rule: unknown, source: string, where: string): Reading {
  if (rule === null || rule === undefined) return undefined;
  if (!isMembers(rule)) return refusal(where, "malformed", "not a rule");
  const id = (textOf(rule.id) || textOf(rule.title) || where).slice(0, 128);
  if (textOf(rule.title) === "") return refusal(id, "malformed", "a rule needs a title");
  if (!isMembers(rule.logsource)) return refusal(id, "malformed", "a rule needs a logsource");
  if (!isMembers(rule.detection)) return refusal(id, "malformed", "a rule needs a detection");
  const status = textOf(rule.status);
  if (status === "deprecated" || status === "unsupported") return refusal(id, "dead", `status ${status}`);
  const flaw = conditionFlaw(rule.detection);
  if (flaw !== undefined) return refusal(id, "dead", flaw);
  if (source.length > MAX_SOURCE)
    return refusal(id, "too.large", `${source.length} characters, ${MAX_SOURCE} at most`);
  const tags = Array.isArray(rule.tags) ? rule.tags.map(textOf) : [];
  const author = textOf(rule.author);
  const licence = textOf(rule.license);
  return [
    {
      key: { patternType: "sigma", pattern: source },
      form: null,
      name: textOf(rule.title).slice(0, 512),
      confidence: LEVELS[textOf(rule.level)] ?? null,
      attackIds: tags
        .flatMap((tag) => /^attack\.(t\d{4}(?:\.\d{3})?)$/i.exec(tag)?.[1]?.toUpperCase() ?? [])
        .slice(0, 32),
      tlp: "clear",
      origin: {
        format: "sigma",
        id,
        ...(author !== "" && { author: author.slice(0, 256) }),
        ...(licence !== "" && { licence: licence.slice(0, 512) }),
        source,
      },
    },
  ];
}

const WORDS: ReadonlySet<string> = new Set([
  "and",
  "or",
  "not",
  "of",
  "all",
  "any",
  "them",
  "1",
  "near",
  "by",
]);

/** Why a condition can never be met, or undefined. Names may end with `*`. */
function conditionFlaw(detection: Members): string | undefined {
  const given = Array.isArray(detection.condition) ? detection.condition : [detection.condition];
  const names = Object.keys(detection).filter((name) => name !== "condition" && name !== "timeframe");
  if (names.length === 0) return "the detection has no selection";
  for (const condition of given) {
    const text = textOf(condition).split("|")[0] ?? ""; // aggregations follow a bar
    if (text.trim() === "") return "the detection has no condition";
    for (const word of text.match(/[A-Za-z0-9_*-]+/g) ?? []) {
      if (WORDS.has(word.toLowerCase()) || /^\d+$/.test(word)) continue;
      const isThere = word.includes("*")
        ? names.some((name) => name.startsWith(word.slice(0, word.indexOf("*"))))
        : names.includes(word);
      if (!isThere) return `the condition names ${word}, which is no selection`;
    }
  }
  for (const name of names) {
    const selection = detection[name];
    const isEmpty =
      selection === null || (typeof selection === "object" && Object.keys(selection as object).length === 0);
    if (isEmpty) return `the selection ${name} is empty`;
  }
  return undefined;
}
