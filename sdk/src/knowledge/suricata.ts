/** Suricata's rules: taken apart far enough to see that each can fire, and kept as they are. */
import { type Knowledge, knowledgeOf, MAX_SOURCE, type Reading, refusal } from "./knowledge.ts";

/** One rule: action, protocol, two ends, and its options in order. */
interface Rule {
  readonly action: string;
  readonly options: readonly { readonly name: string; readonly value: string }[];
}

const RULE = /^(alert|drop|reject|rejectsrc|rejectdst|rejectboth|pass)\s+[\w-]+\s+/;
/** Protocol, source, port, direction, destination, port. Lists stand in brackets and may hold blanks. */
const HEADER =
  /^\w+\s+[\w-]+\s+(?:!?\[[^[\]]*(?:\[[^[\]]*\][^[\]]*)*\]|[^\s[]+)\s+(?:!?\[[^[\]]*\]|[^\s[]+)\s+(?:->|<>|=>)\s+(?:!?\[[^[\]]*(?:\[[^[\]]*\][^[\]]*)*\]|[^\s[]+)\s+(?:!?\[[^[\]]*\]|[^\s[]+)\s*$/;

/** Whether a text holds rules, switched off or on. */
export function isSuricata(text: string): boolean {
  if (!text.includes("sid:")) return false;
  return text.split(/\r?\n/).some((line) => RULE.test(line.replace(/^\s*#+\s*/, "")));
}

/** Reads a rule file; its rules are named by their sids, what is none by its line. */
export function readSuricata(text: string): Knowledge {
  const readings: Reading[] = [];
  let whole = "";
  let first = 1;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (whole === "") first = index + 1;
    whole += line;
    if (whole.endsWith("\\")) {
      whole = whole.slice(0, -1); // a rule goes on in the next line
      continue;
    }
    if (whole.trim() !== "") readings.push(readRule(whole.trim(), `line ${first}`));
    whole = "";
  }
  return knowledgeOf("suricata", readings);
}

function readRule(line: string, where: string): Reading {
  const bare = line.replace(/^#+\s*/, "");
  const isOff = bare !== line;
  if (!RULE.test(bare)) {
    return isOff ? undefined : refusal(where, "malformed", `no rule: ${line}`); // or a comment
  }
  const rule = parseRule(bare);
  if (typeof rule === "string") {
    return isOff ? undefined : refusal(where, "malformed", rule);
  }
  const optionOf = (name: string) => rule.options.find((option) => option.name === name)?.value;
  const sid = optionOf("sid");
  if (sid === undefined || !/^[1-9]\d{0,9}$/.test(sid)) {
    return isOff ? undefined : refusal(where, "malformed", "a rule needs a sid");
  }
  const id = `${optionOf("gid") ?? "1"}:${sid}:${optionOf("rev") ?? "0"}`;
  if (isOff) return refusal(id, "dead", "switched off by a #");
  if (rule.action === "pass") return refusal(id, "not.indicator", "a pass rule names what is no attack");
  const isSilent =
    optionOf("noalert") !== undefined ||
    rule.options.some(({ name, value }) => name === "flowbits" && value === "noalert");
  if (isSilent) return refusal(id, "dead", "noalert: it never says anything by itself");
  if (bare.length > MAX_SOURCE)
    return refusal(id, "too.large", `${bare.length} characters, ${MAX_SOURCE} at most`);
  const metadata = rule.options.filter(({ name }) => name === "metadata").map(({ value }) => value);
  const attackIds = new Set(
    metadata
      .flatMap((value) => [...value.matchAll(/\bmitre_technique_id\s+(T\d{4}(?:[._]\d{3})?)\b/gi)])
      .map(([, technique]) => (technique as string).toUpperCase().replace("_", ".")),
  );
  return [
    {
      key: { patternType: "suricata", pattern: bare },
      form: null,
      name: (optionOf("msg") ?? `sid ${sid}`).slice(0, 512),
      confidence: null,
      attackIds: [...attackIds].slice(0, 32),
      tlp: "clear",
      origin: { format: "suricata", id, source: line },
    },
  ];
}

/** A rule, or what is wrong with it. */
function parseRule(text: string): Rule | string {
  const open = text.indexOf("(");
  if (open < 0 || !text.endsWith(")")) return "a rule's options stand in parentheses to its end";
  if (!HEADER.test(text.slice(0, open)))
    return `not an action, protocol and two ends: ${text.slice(0, open).trim()}`;
  const options = parseOptions(text.slice(open + 1, -1));
  if (typeof options === "string") return options;
  return { action: /^\w+/.exec(text)?.[0] ?? "", options };
}

/** Suricata ends an option at the first `;` that no backslash guards, inside quotations, too. */
function parseOptions(text: string): Rule["options"] | string {
  const options: { name: string; value: string }[] = [];
  const parts = text.match(/(?:[^;\\]|\\[\s\S])*;|(?:[^;\\]|\\[\s\S])+$/g) ?? [];
  for (const part of parts) {
    if (part.trim() === "") continue;
    if (!part.endsWith(";")) return `the last option does not end with ; (${part.trim().slice(0, 80)})`;
    const match = /^\s*([\w.-]+)\s*(?::([\s\S]*))?;$/.exec(part);
    if (match === null) return `not an option: ${part.trim().slice(0, 80)}`;
    const value = (match[2] ?? "").trim();
    const bare = /^"[\s\S]*"$/.test(value) ? value.slice(1, -1).replace(/\\(["\\;:])/g, "$1") : value;
    options.push({ name: (match[1] as string).toLowerCase(), value: bare });
  }
  return options;
}
