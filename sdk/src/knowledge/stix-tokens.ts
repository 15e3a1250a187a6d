/** Words, signs and values of a STIX pattern (STIX 2.1 §9.1–9.6). */
import { AnamnesisError } from "../core/errors.ts";

/** One token. `text` is a literal's value without its quotes and escapes. */
export interface Token {
  readonly kind: "symbol" | "name" | "text" | "number" | "timestamp" | "hex" | "binary" | "end";
  readonly text: string;
  /** Counted from 1. */
  readonly column: number;
}

/** Longest pattern read, characters: what an entry may carry. */
const LONGEST = 16_384;

const KEYWORDS: ReadonlySet<string> = new Set([
  ...["AND", "OR", "NOT", "FOLLOWEDBY", "LIKE", "MATCHES", "ISSUPERSET", "ISSUBSET", "EXISTS", "IN"],
  ...["START", "STOP", "SECONDS", "WITHIN", "REPEATS", "TIMES", "true", "false"],
]);

/** Tried in turn at every place; each is anchored by the sticky flag and cannot backtrack far. */
const SPACE = /(?:\s|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/|\/\/[^\n]*)+/y;
const QUOTED = /([thb]?)'((?:[^'\\]|\\['\\])*)'/y;
const NUMBER = /[+-]?(?:\d+\.\d*|\.\d+|\d+)/y;
const NAME = /[A-Za-z_][A-Za-z0-9_-]*/y;
const SIGN = /==|<>|!=|<=|>=|[=<>()[\]:.,*]/y;

const TIMESTAMP =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?Z$/;
const HEX = /^(?:[0-9a-fA-F]{2})*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Splits a pattern; the last token is the end.
 * @throws AnamnesisError `input.invalid` with the column
 */
export function tokenize(text: string): readonly Token[] {
  if (text.length > LONGEST) throw invalid(LONGEST, `longer than ${LONGEST} characters`);
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  for (;;) {
    at += match(SPACE)?.[0].length ?? 0;
    if (at >= text.length) break;
    const column = at + 1;
    const quoted = match(QUOTED);
    const found = quoted ?? match(NUMBER) ?? match(NAME) ?? match(SIGN);
    if (found === null) throw invalid(column, `${text.slice(at, at + 1)} has no place here`);
    at += found[0].length;
    tokens.push(quoted === null ? plain(found[0], column) : literal(quoted, column));
  }
  tokens.push({ kind: "end", text: "", column: text.length + 1 });
  return tokens;
}

function plain(word: string, column: number): Token {
  if (/^[+\-.\d]/.test(word) && /\d/.test(word)) return { kind: "number", text: word, column };
  const isSymbol = KEYWORDS.has(word) || !/^[A-Za-z_]/.test(word);
  return { kind: isSymbol ? "symbol" : "name", text: word, column };
}

function literal([, prefix = "", body = ""]: RegExpExecArray, column: number): Token {
  const value = body.replace(/\\(['\\])/g, "$1");
  switch (prefix) {
    case "t":
      if (!TIMESTAMP.test(value)) throw invalid(column, `t'${value}' is no timestamp in UTC`);
      return { kind: "timestamp", text: value, column };
    case "h":
      if (!HEX.test(value)) throw invalid(column, "h'…' needs pairs of hexadecimal digits");
      return { kind: "hex", text: value, column };
    case "b":
      if (!BASE64.test(value)) throw invalid(column, "b'…' needs base64");
      return { kind: "binary", text: value, column };
    default:
      return { kind: "text", text: value, column };
  }
}

function invalid(column: number, message: string): AnamnesisError {
  return new AnamnesisError("input.invalid", `not a STIX pattern: column ${column}: ${message}`);
}
