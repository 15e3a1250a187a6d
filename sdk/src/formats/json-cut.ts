/** What can still be told of a JSON record whose end is missing. */

const DEEPEST = 64;

/**
 * The record closed after its last whole member, as JSON text, or undefined when it has none:
 * `{"a":{"b":1,"c":tr` gives `{"a":{"b":1}}`. Its members keep their places, so that a record inside
 * another is not taken for the outer one.
 */
export function closeCutRecord(text: string): string | undefined {
  const begin = text.indexOf("{");
  if (begin < 0 || text.slice(0, begin).trim().replace("[", "").trim() !== "") return undefined;
  const open: string[] = [];
  let whole = 0; // end of the last whole member, and what was open there
  let closers = "";
  for (let at = begin; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') {
      at = endOfString(text, at);
      if (at < 0) break;
    } else if (char === "{" || char === "[") {
      if (open.length >= DEEPEST) break;
      open.push(char === "{" ? "}" : "]");
    } else if (char === "}" || char === "]") {
      if (open.pop() !== char) break;
      whole = at + 1;
      closers = open.toReversed().join("");
      if (open.length === 0) break;
    } else if (char === ",") {
      whole = at;
      closers = open.toReversed().join("");
    }
  }
  return whole === 0 ? undefined : text.slice(begin, whole) + closers;
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return -1;
}
