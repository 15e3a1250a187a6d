/** The two parts of CEF and LEEF lines, by their own escapes, in one pass each. */
import { remember } from "../core/remember.ts";

const MOST_KEYS = 256;

/** Fields between bars from `start` on, with `\|` and `\\` undone; without a bar behind the last there are fewer. */
export interface HeaderFields {
  readonly fields: readonly string[];
  /** What follows the last bar. */
  readonly rest: string;
}

/** The first `count` fields. */
export function headerFields(line: string, start: number, count: number): HeaderFields {
  let bars = 0;
  for (let at = start; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === BAR && ++bars === count)
      return { fields: fieldsOf(line.slice(start, at)), rest: line.slice(at + 1) };
  }
  return { fields: fieldsOf(line.slice(start)), rest: "" };
}

const [BLANK, BACKSLASH, BAR] = [0x20, 0x5c, 0x7c];

/** The same header stands before all alerts of a rule. */
const fieldsOf = remember((header): readonly string[] => {
  const fields: string[] = [];
  let field = "";
  let from = 0;
  for (let at = 0; at < header.length; at++) {
    const code = header.charCodeAt(at);
    const next = header.charCodeAt(at + 1);
    if (code === BACKSLASH && (next === BAR || next === BACKSLASH)) {
      field += header.slice(from, at) + header[at + 1];
      at++;
      from = at + 1;
    } else if (code === BAR) {
      fields.push(field + header.slice(from, at));
      field = "";
      from = at + 1;
    }
  }
  return [...fields, field + header.slice(from)];
});

/** The members of an event in their order. */
export interface Members {
  readonly keys: readonly string[];
  readonly values: readonly string[];
}

/** The value of a key. Of equal keys the first counts: what comes later may be an attacker's text. */
export function memberOf({ keys, values }: Members, key: string): string | undefined {
  // A handful of keys is looked through faster than a table of them is made.
  for (let at = 0; at < keys.length; at++) if (keys[at] === key) return values[at];
  return undefined;
}

/**
 * The extension of a CEF event, up to 256 members. A key is a word of `A-Za-z0-9_.-` after a blank (or
 * first) and before an unescaped `=`; a value goes on to the next key.
 */
export function keyValues(text: string): Members {
  const keys: string[] = [];
  const values: string[] = [];
  let key: string | undefined;
  let from = 0;
  const keep = (end: number): void => {
    if (key === undefined || keys.length >= MOST_KEYS || keys.includes(key)) return;
    keys.push(key);
    values.push(unescapeValue(text.slice(from, end).trim()));
  };
  for (let equals = text.indexOf("="); equals >= 0; equals = text.indexOf("=", equals + 1)) {
    let start = equals;
    while (start > from && isKeyCharacter(text.charCodeAt(start - 1))) start--;
    if (start === equals || equals - start > 64 || (start > 0 && text.charCodeAt(start - 1) !== BLANK))
      continue;
    keep(start);
    key = text.slice(start, equals);
    from = equals + 1;
  }
  keep(text.length);
  return { keys, values };
}

function isKeyCharacter(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    code === 46 ||
    code === 45
  );
}

function unescapeValue(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([=\\nr|])/g, (_all, character: string) =>
    character === "n" ? "\n" : character === "r" ? "\r" : character,
  );
}
