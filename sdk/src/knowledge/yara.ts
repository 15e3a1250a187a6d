/** YARA rules: found in a file, held against the mistakes that keep a rule from ever matching. */
import { type Knowledge, knowledgeOf, MAX_SOURCE, type Reading, refusal } from "./knowledge.ts";

/** One rule as it stands in the file. */
interface Rule {
  readonly name: string;
  readonly text: string;
  /** Without comments and the contents of texts, of the same length as `text`. */
  readonly bare: string;
  readonly isPrivate: boolean;
}

const START = /\b((?:(?:global|private)\s+)*)rule\s+([A-Za-z_]\w{0,127})\b[^{}]{0,512}\{/g;

/** Whether a text holds a rule. */
export function isYara(text: string): boolean {
  return (
    /(?:^|\n)\s*(?:(?:global|private)\s+)*rule\s+[A-Za-z_]\w{0,127}\b[^{}]{0,512}\{/.test(text) &&
    /\bcondition\s*:/.test(text)
  );
}

/** Reads a rule file; rules are named by their identifiers. */
export function readYara(text: string): Knowledge {
  const bare = blank(text);
  const imports = new Set([...text.matchAll(/^\s*import\s+"[\w.]+"/gm)].map(([line]) => line.trim()));
  const { rules, unfinished } = rulesOf(text, bare);
  const names = new Set(rules.map(({ name }) => name));
  return knowledgeOf("yara", [...rules.map((rule) => readRule(rule, imports, names)), unfinished]);
}

function rulesOf(
  text: string,
  bare: string,
): { readonly rules: readonly Rule[]; readonly unfinished: Reading } {
  const rules: Rule[] = [];
  START.lastIndex = 0;
  for (let match = START.exec(bare); match !== null; match = START.exec(bare)) {
    const end = closing(bare, match.index + match[0].length);
    const name = match[2] as string;
    if (end === undefined)
      return { rules, unfinished: refusal(name, "malformed", "the rule has no closing brace") };
    rules.push({
      name,
      text: text.slice(match.index, end),
      bare: bare.slice(match.index, end),
      isPrivate: (match[1] as string).includes("private"),
    });
    START.lastIndex = end;
  }
  return { rules, unfinished: undefined };
}

function readRule(rule: Rule, imports: ReadonlySet<string>, names: ReadonlySet<string>): Reading {
  const { name, bare } = rule;
  if (rule.isPrivate) return refusal(name, "dead", "private: it says nothing by itself");
  const condition = /\bcondition\s*:([\s\S]*)\}$/.exec(bare)?.[1]?.trim();
  if (condition === undefined || condition === "") return refusal(name, "malformed", "no condition");
  if (/^false$/.test(condition)) return refusal(name, "dead", "its condition is false");
  const flaw = stringsFlaw(bare, condition);
  if (flaw !== undefined) return refusal(name, "dead", flaw);
  const other = (condition.match(/(?<![$#@!.\w])[A-Za-z_]\w*/g) ?? []).find(
    (word) => names.has(word) && word !== name,
  );
  if (other !== undefined)
    return refusal(name, "malformed", `it needs the rule ${other}, and travels without it`);
  const used = [...imports].filter((line) => bare.includes(`${/"([\w.]+)"/.exec(line)?.[1] ?? ""}.`));
  const source = [...used, rule.text].join("\n");
  if (source.length > MAX_SOURCE)
    return refusal(name, "too.large", `${source.length} characters, ${MAX_SOURCE} at most`);
  const meta = metaOf(rule.text);
  const author = meta.get("author");
  const licence = meta.get("license") ?? meta.get("licence");
  return [
    {
      key: { patternType: "yara", pattern: source },
      form: null,
      name: (meta.get("description") ?? name).slice(0, 512),
      confidence: null,
      attackIds: [
        ...new Set([...meta.values()].flatMap((value) => value.match(/\bT\d{4}(?:\.\d{3})?\b/g) ?? [])),
      ].slice(0, 32),
      tlp: "clear",
      origin: {
        format: "yara",
        id: name,
        ...(author !== undefined && { author: author.slice(0, 256) }),
        ...(licence !== undefined && { licence: licence.slice(0, 512) }),
        source,
      },
    },
  ];
}

/** What YARA's compiler refuses about strings: unknown ones, and ones nobody asks for. */
function stringsFlaw(bare: string, condition: string): string | undefined {
  const section = /\bstrings\s*:([\s\S]*?)\bcondition\s*:/.exec(bare)?.[1] ?? "";
  const defined = [...section.matchAll(/\$(\w*)\s*=/g)].map(([, id]) => id as string);
  const asked = [...condition.matchAll(/[$#@!](\w*)(\*?)/g)].map(([, id, star]) => ({
    id: id as string,
    star,
  }));
  const isAll = /\bthem\b/.test(condition) || asked.some(({ id, star }) => id === "" && star === "*");
  for (const { id, star } of asked) {
    const isThere =
      star === "*" ? defined.some((each) => each.startsWith(id)) : id === "" || defined.includes(id);
    if (!isThere) return `the condition names $${id}${star}, which is no string`;
  }
  if (isAll) return undefined;
  const unused = defined.find(
    (each) =>
      each !== "" &&
      !each.startsWith("_") &&
      !asked.some(({ id, star }) => (star === "*" ? each.startsWith(id) : each === id)),
  );
  return unused === undefined ? undefined : `nobody asks for the string $${unused}`;
}

function metaOf(text: string): ReadonlyMap<string, string> {
  const section = /\bmeta\s*:([\s\S]*?)\b(?:strings|condition)\s*:/.exec(text)?.[1] ?? "";
  return new Map(
    [...section.matchAll(/^\s*(\w+)\s*=\s*"((?:[^"\\\n]|\\.)*)"/gm)].map(([, key, value]) => [
      (key as string).toLowerCase(),
      (value as string).replace(/\\(["\\])/g, "$1"),
    ]),
  );
}

/** The place after the brace that closes the one opened before `from`. */
function closing(bare: string, from: number): number | undefined {
  let depth = 1;
  for (let i = from; i < bare.length; i++) {
    if (bare[i] === "{") depth++;
    else if (bare[i] === "}" && --depth === 0) return i + 1;
  }
  return undefined;
}

/** Comments, texts and regular expressions made blank, so that what is left is structure. */
function blank(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|(?<==\s{0,8}|\bmatches\s{1,8})\/(?:[^/\\\n]|\\.)+\//g,
    (found) => found.replace(/[^\n]/g, " "),
  );
}
