/** The two parts of CEF and LEEF lines, by their own escapes, in one pass each. */

const MOST_KEYS = 256;

/** `count` fields between bars from `start` on, with `\|` and `\\` undone, and what follows the last bar. */
export function headerFields(
  line: string,
  start: number,
  count: number,
): { readonly fields: readonly string[]; readonly rest: string } {
  const fields: string[] = [];
  let field = "";
  let from = start;
  for (let at = start; at < line.length; at++) {
    const character = line[at];
    if (character === "\\" && (line[at + 1] === "|" || line[at + 1] === "\\")) {
      field += line.slice(from, at) + line[at + 1];
      at++;
      from = at + 1;
    } else if (character === "|") {
      fields.push(field + line.slice(from, at));
      field = "";
      from = at + 1;
      if (fields.length === count) return { fields, rest: line.slice(from) };
    }
  }
  fields.push(field + line.slice(from));
  return { fields, rest: "" };
}

/**
 * The extension of a CEF event. A key is a word of `A-Za-z0-9_.-` after a blank (or first) and before
 * an unescaped `=`; a value goes on to the next key. Of equal keys the first counts: what comes later
 * may be an attacker's text.
 */
export function keyValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let key: string | undefined;
  let from = 0;
  const keep = (end: number): void => {
    if (key !== undefined && !values.has(key) && values.size < MOST_KEYS)
      values.set(key, unescapeValue(text.slice(from, end).trim()));
  };
  for (let equals = text.indexOf("="); equals >= 0; equals = text.indexOf("=", equals + 1)) {
    let start = equals;
    while (start > from && isKeyCharacter(text.charCodeAt(start - 1))) start--;
    const isKey = start < equals && equals - start <= 64 && (start === 0 || text[start - 1] === " ");
    if (!isKey) continue;
    keep(start);
    key = text.slice(start, equals);
    from = equals + 1;
  }
  keep(text.length);
  return values;
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
