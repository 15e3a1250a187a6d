/**
 * Makes the branches of a Solidity source visible to a tool that counts statements: each arm of a condition gets a
 * line of its own that does nothing, also where the source has no `else`, and the conditions of `?:` and the left
 * sides of `&&` and `||` are asked by functions that have both arms. What the source does stays the same.
 */
import { createRequire } from "node:module";

/** One arm of a condition. */
export interface BranchArm {
  /** Line of the marked source, from 1, that is run when this arm is taken. */
  readonly markedLine: number;
  /** Line of the original source where its condition begins, from 1. */
  readonly line: number;
  readonly when: "true" | "false";
}

/** A source with its branches marked. */
export interface MarkedSource {
  readonly text: string;
  readonly arms: readonly BranchArm[];
}

interface AstNode {
  readonly nodeType: string;
  readonly src: string;
  readonly operator?: string;
  readonly condition?: AstNode;
  readonly leftExpression?: AstNode;
  readonly trueBody?: AstNode;
  readonly falseBody?: AstNode | null;
  /** Of a loop. */
  readonly body?: AstNode;
}

interface Insertion {
  readonly at: number;
  /** What closes comes before what opens; of two that close the inner first, of two that open the outer. */
  readonly rank: number;
  readonly text: string;
}

interface Compiler {
  compile(input: string): string;
}

const MARK = "assert(true); // arm";

/**
 * Marks the branches of a source.
 * @param name of the file without its ending; the functions that are added are called after it
 * @throws Error in the compiler's words when it cannot be parsed
 */
export function markBranches(name: string, source: string): MarkedSource {
  const bytes = Buffer.from(source);
  const insertions: Insertion[] = [];
  const asked: string[] = [];
  /** By the number in a mark's comment. */
  const found: Omit<BranchArm, "markedLine">[] = [];

  const lineAt = (offset: number) => bytes.subarray(0, offset).toString().split("\n").length;
  const mark = (line: number, when: BranchArm["when"]) => `\n${MARK} ${found.push({ line, when }) - 1}\n`;
  const insert = (at: number, rank: number, text: string) => insertions.push({ at, rank, text });

  function wrap(condition: AstNode, depth: number): void {
    const [start, end] = rangeOf(condition);
    const line = lineAt(start);
    const called = `__${name}${asked.length}`;
    asked.push(
      `function ${called}(bool c) pure returns (bool) {\nif (c) {${mark(line, "true")}return true;\n}${mark(line, "false")}return false;\n}\n`,
    );
    insert(start, depth, `${called}(`);
    insert(end, -depth, ")");
  }

  /** Behind a statement; the compiler leaves the semicolon out. */
  function endOf(statement: AstNode): number {
    const last = statement.falseBody ?? statement.trueBody ?? statement.body;
    if (last) return endOf(last);
    const [, end] = rangeOf(statement);
    return statement.nodeType.endsWith("Block") ? end : bytes.indexOf(";", end) + 1;
  }

  function wrapBody(body: AstNode, depth: number, text: string): void {
    const [start] = rangeOf(body);
    if (body.nodeType === "Block") insert(start + 1, depth, text);
    else {
      insert(start, depth, `{${text}`);
      insert(endOf(body), -depth, "\n}");
    }
  }

  function visitIf(node: AstNode, depth: number): void {
    const line = lineAt(rangeOf(node)[0]);
    const body = node.trueBody as AstNode;
    wrapBody(body, depth + 1, mark(line, "true"));
    const missing = mark(line, "false");
    if (node.falseBody) wrapBody(node.falseBody, depth + 1, missing);
    else insert(endOf(body), -depth, ` else {${missing}}`);
  }

  function visit(value: unknown, depth: number): void {
    if (Array.isArray(value)) for (const each of value) visit(each, depth);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    const node = value as AstNode;
    if (node.nodeType === "IfStatement") visitIf(node, depth);
    else if (node.nodeType === "Conditional") wrap(node.condition as AstNode, depth);
    else if (node.nodeType === "BinaryOperation" && /^(&&|\|\|)$/.test(node.operator ?? ""))
      wrap(node.leftExpression as AstNode, depth);
    for (const child of Object.values(node)) visit(child, depth + 2);
  }

  visit(parse(source), 1);
  insertions.sort((a, b) => a.at - b.at || a.rank - b.rank);
  let text = "";
  let at = 0;
  for (const insertion of insertions) {
    text += bytes.subarray(at, insertion.at).toString() + insertion.text;
    at = insertion.at;
  }
  text += bytes.subarray(at).toString() + asked.join("");
  const arms = text.split("\n").flatMap((content, index): BranchArm[] => {
    const number = content.startsWith(MARK) ? Number(content.slice(MARK.length)) : undefined;
    return number === undefined
      ? []
      : [{ markedLine: index + 1, ...(found[number] as (typeof found)[number]) }];
  });
  return { text, arms };
}

/** Start and end, in bytes. */
function rangeOf({ src }: AstNode): readonly [number, number] {
  const [start, length] = src.split(":").map(Number) as [number, number];
  return [start, start + length];
}

function parse(source: string): unknown {
  const compiler = createRequire(import.meta.url)("solc") as Compiler;
  const output = JSON.parse(
    compiler.compile(
      JSON.stringify({
        language: "Solidity",
        sources: { source: { content: source } },
        settings: { stopAfter: "parsing", outputSelection: { "*": { "": ["ast"] } } },
      }),
    ),
  ) as { errors?: { severity: string; formattedMessage: string }[]; sources: { source: { ast: unknown } } };
  const error = output.errors?.find(({ severity }) => severity === "error");
  if (error !== undefined) throw new Error(error.formattedMessage);
  return output.sources.source.ast;
}
