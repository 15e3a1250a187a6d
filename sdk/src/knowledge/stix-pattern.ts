/*
 * STIX patterns by the standard's grammar (STIX 2.1 §9, and 2.0's where it is wider): parsed into a
 * tree, so that what is refused is refused with its place, and nothing is read out of a text that no
 * other reader would accept.
 */
import { AnamnesisError } from "../core/errors.ts";
import { type Token, tokenize } from "./stix-tokens.ts";

/** A value a pattern compares with. */
export type Literal =
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "number"; readonly value: number }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "timestamp" | "hex" | "binary"; readonly value: string };

/** What is true of one object. */
export type Comparison =
  | { readonly node: "and" | "or"; readonly parts: readonly Comparison[] }
  | {
      readonly node: "test";
      /** `ipv4-addr:value`, as written; list steps as `[*]` or `[0]`. */
      readonly path: string;
      readonly operator: Operator;
      readonly isNegated: boolean;
      readonly values: readonly Literal[];
    }
  | { readonly node: "exists"; readonly path: string; readonly isNegated: boolean };

/** Comparison operators; `=` stands for `==`, too, and `!=` for `<>`. */
export type Operator =
  | "="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "IN"
  | "LIKE"
  | "MATCHES"
  | "ISSUBSET"
  | "ISSUPERSET";

/** How observations follow each other. */
export type Observation =
  | { readonly node: "observation"; readonly of: Comparison }
  | { readonly node: "all" | "any" | "followed"; readonly parts: readonly Observation[] }
  | { readonly node: "qualified"; readonly of: Observation; readonly qualifier: Qualifier };

/** START … STOP, WITHIN … SECONDS, REPEATS … TIMES. */
export type Qualifier =
  | { readonly by: "START"; readonly start: string; readonly stop: string }
  | { readonly by: "WITHIN"; readonly seconds: number }
  | { readonly by: "REPEATS"; readonly times: number };

/** Parentheses and brackets inside each other at most. */
const DEEPEST = 64;

const ORDERED: ReadonlySet<string> = new Set(["<", "<=", ">", ">="]);
const TEXT_ONLY: ReadonlySet<string> = new Set(["LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"]);

/** Hexadecimal digits of the hash algorithms of STIX's vocabulary (§10.9) that have one length. */
const HASH_DIGITS: Readonly<Record<string, number>> = {
  MD5: 32,
  "SHA-1": 40,
  "SHA-256": 64,
  "SHA-512": 128,
  "SHA3-256": 64,
  "SHA3-512": 128,
};

/**
 * Parses a pattern of at most 16,384 characters.
 * @throws AnamnesisError `input.invalid` with the column of what does not fit
 */
export function parseStixPattern(text: string): Observation {
  const tokens = tokenize(text);
  let at = 0;
  let depth = 0;

  const peek = (): Token => tokens[at] as Token; // the last one is the end
  const fail = (expected: string): never => {
    const { kind, text: found, column } = peek();
    throw invalid(`column ${column}: expected ${expected}, found ${kind === "end" ? "the end" : found}`);
  };
  const is = (text_: string): boolean => peek().kind === "symbol" && peek().text === text_;
  const take = (): Token => tokens[at++] as Token;
  const takeIf = (symbol: string): boolean => {
    if (!is(symbol)) return false;
    at++;
    return true;
  };
  const expect = (symbol: string): void => {
    if (!takeIf(symbol)) fail(`"${symbol}"`);
  };

  function deeper<T>(read: () => T): T {
    if (++depth > DEEPEST) throw invalid(`column ${peek().column}: nested deeper than ${DEEPEST}`);
    const result = read();
    depth--;
    return result;
  }

  /** Operands joined by one operator; a single one stands for itself. */
  function joined<T>(operator: string, read: () => T, join: (parts: readonly T[]) => T): T {
    const parts = [read()];
    while (takeIf(operator)) parts.push(read());
    return parts.length === 1 ? (parts[0] as T) : join(parts);
  }

  const observations = (): Observation =>
    joined("FOLLOWEDBY", anyOf, (parts) => ({ node: "followed", parts }));
  const anyOf = (): Observation => joined("OR", allOf, (parts) => ({ node: "any", parts }));
  const allOf = (): Observation => joined("AND", qualified, (parts) => ({ node: "all", parts }));

  function qualified(): Observation {
    let one: Observation;
    const isGroup = is("(");
    if (takeIf("(")) {
      one = deeper(observations);
      expect(")");
    } else {
      expect("[");
      one = { node: "observation", of: deeper(comparison) };
      expect("]");
    }
    const seen = new Set<string>();
    for (let next = qualifier(); next !== undefined; next = qualifier()) {
      if (seen.has(next.by) && !isGroup) throw invalid(`the qualifier ${next.by} stands twice`);
      seen.add(next.by);
      one = { node: "qualified", of: one, qualifier: next };
    }
    return one;
  }

  function qualifier(): Qualifier | undefined {
    if (takeIf("START")) {
      const start = timestamp();
      expect("STOP");
      return { by: "START", start, stop: timestamp() };
    }
    if (takeIf("WITHIN")) {
      const seconds = positive();
      expect("SECONDS");
      return { by: "WITHIN", seconds };
    }
    if (takeIf("REPEATS")) {
      const times = positive();
      if (!Number.isInteger(times)) throw invalid("REPEATS needs a whole number of times");
      expect("TIMES");
      return { by: "REPEATS", times };
    }
    return undefined;
  }

  function timestamp(): string {
    const token = peek();
    return token.kind === "timestamp" ? take().text : fail("a timestamp t'…'");
  }

  function positive(): number {
    const token = peek();
    if (token.kind !== "number" || !(Number(token.text) > 0)) return fail("a number above 0");
    return Number(take().text);
  }

  const comparison = (): Comparison => joined("OR", conjunction, (parts) => ({ node: "or", parts }));
  const conjunction = (): Comparison => joined("AND", test, (parts) => ({ node: "and", parts }));

  function test(): Comparison {
    if (takeIf("(")) {
      const inner = deeper(comparison);
      expect(")");
      return inner;
    }
    const isNegatedExists = is("NOT");
    if (isNegatedExists) at++;
    if (takeIf("EXISTS")) return { node: "exists", path: path(), isNegated: isNegatedExists };
    if (isNegatedExists) fail("EXISTS");
    const where = path();
    const isNegated = takeIf("NOT");
    const operator = readOperator();
    const values = operator === "IN" ? set() : [literal()];
    checkValues(where, operator, values);
    return { node: "test", path: where, operator, isNegated, values };
  }

  function path(): string {
    if (peek().kind !== "name") fail("an object type");
    let text_ = take().text;
    if (!takeIf(":")) fail(`":" after ${text_}`);
    text_ += `:${step()}`;
    for (;;) {
      if (takeIf(".")) text_ += `.${step()}`;
      else if (takeIf("[")) {
        const token = peek();
        const isIndex = token.kind === "number" && /^-?\d+$/.test(token.text);
        if (!isIndex && !is("*")) fail("an index or *");
        text_ += `[${take().text}]`;
        expect("]");
      } else return text_;
    }
  }

  function step(): string {
    const token = peek();
    if (token.kind === "text") return `'${take().text}'`;
    if (token.kind !== "name" || token.text.includes("-")) fail("a property");
    return take().text;
  }

  function readOperator(): Operator {
    const { kind, text: symbol } = peek();
    const operator = symbol === "==" ? "=" : symbol === "<>" ? "!=" : symbol;
    const isKnown =
      operator === "=" ||
      operator === "!=" ||
      operator === "IN" ||
      ORDERED.has(operator) ||
      TEXT_ONLY.has(operator);
    if (kind !== "symbol" || !isKnown) fail("a comparison operator");
    at++;
    return operator as Operator;
  }

  function set(): readonly Literal[] {
    expect("(");
    const values: Literal[] = [];
    while (!is(")")) {
      values.push(literal());
      if (!takeIf(",")) break;
    }
    expect(")");
    return values;
  }

  function literal(): Literal {
    const { kind, text: value } = peek();
    if (kind === "text" || kind === "timestamp" || kind === "hex" || kind === "binary") {
      at++;
      return { type: kind, value };
    }
    if (kind === "number") {
      at++;
      return { type: "number", value: Number(value) };
    }
    if (is("true") || is("false")) return { type: "boolean", value: take().text === "true" };
    return fail("a value");
  }

  const tree = observations();
  if (peek().kind !== "end") fail("the end");
  return tree;
}

function checkValues(path: string, operator: Operator, values: readonly Literal[]): void {
  const [first] = values;
  if (TEXT_ONLY.has(operator) && first?.type !== "text") throw invalid(`${operator} needs a text`);
  if (ORDERED.has(operator) && first?.type === "boolean") throw invalid(`${operator} needs an order`);
  const digits = HASH_DIGITS[/:.*hashes\.'?([A-Za-z0-9-]+)'?$/.exec(path)?.[1] ?? ""];
  if (digits === undefined || (operator !== "=" && operator !== "!=" && operator !== "IN")) return;
  for (const value of values) {
    if (value.type === "text" && !new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(value.value))
      throw invalid(`${value.value.slice(0, 80)} has not the ${digits} hexadecimal digits of ${path}`);
  }
}

function invalid(message: string): AnamnesisError {
  return new AnamnesisError("input.invalid", `not a STIX pattern: ${message}`);
}
