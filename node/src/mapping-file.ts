/** A mapping in a YAML file of its own. Errors name the file, the line and the place. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import { parsePointer } from "@anamnesis/sdk/formats/pointer";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { readBytes } from "./config-file.ts";

const path = z
  .string()
  .refine(
    (text) => text.startsWith("/") && parsePointer(text) !== undefined,
    "expected a JSON pointer as /alert/src/ip",
  );
const constant = z.union([z.string().max(512), z.number()], { error: "expected a text or a number" });
const table = z.record(z.string().max(512), constant);
const value = z.union(
  [
    path,
    z.strictObject({ const: constant }),
    z.strictObject({ path, values: table, otherwise: constant.optional() }),
  ],
  { error: "expected a JSON pointer as /alert/src/ip, {const: …} or {path: …, values: {…}, otherwise: …}" },
);
const end = z.strictObject({ address: value, port: value.optional() });
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const condition = z.strictObject({
  path,
  equals: z.union([scalar.transform((one) => [one]), z.array(scalar).min(1).max(256)]),
});

const schema = z.strictObject({
  when: z.union([condition.transform((one) => [one]), z.array(condition).min(1).max(32)]).optional(),
  time: value.optional(),
  rule: value,
  name: value.optional(),
  category: value.optional(),
  severity: z.strictObject({ value, scale: z.number().positive().optional() }).optional(),
  action: value.optional(),
  attacker: end.optional(),
  victim: end.optional(),
  source: end.optional(),
  destination: end.optional(),
  transport: value.optional(),
  appProtocol: value.optional(),
  attackIds: value.optional(),
});

/**
 * Reads a mapping and gives the bytes it was read from, which the configuration's signature covers.
 * @throws AnamnesisError `config.invalid` that names file, line and place
 */
export function loadMapping(file: string): { readonly mapping: Mapping; readonly bytes: Uint8Array } {
  const bytes = readBytes(file, "the mapping", "give the path of a YAML file");
  const lines = new LineCounter();
  const document = parseDocument(Buffer.from(bytes).toString("utf8"), { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined)
    throw invalid(file, lines.linePos(broken.pos[0]).line, "the file", broken.message.split("\n")[0] ?? "");
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (parsed.success) return { mapping: parsed.data as Mapping, bytes };
  const issue = deepest(parsed.error.issues[0] as z.core.$ZodIssue);
  const where = issue.path.map(String);
  throw invalid(
    file,
    lineOf(document, lines, issue),
    where.length === 0 ? "the file" : `/${where.join("/")}`,
    issue.message,
  );
}

function invalid(file: string, line: number, place: string, message: string): AnamnesisError {
  return new AnamnesisError("config.invalid", `${file}: line ${line}: ${place}: ${message}`);
}

/** Of the alternatives that all failed, the one that got furthest says what is wrong. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors
    .flatMap((issues) => issues.slice(0, 1))
    .filter(({ path: below }) => below.length > 0)
    .sort((a, b) => b.path.length - a.path.length)[0];
  return inner === undefined ? issue : deepest({ ...inner, path: [...issue.path, ...inner.path] });
}

/** The line of what an issue is about, or of the nearest thing around it that is there. */
function lineOf(document: Document, lines: LineCounter, issue: z.core.$ZodIssue): number {
  const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const steps = [...issue.path.map((step) => step as string | number), ...unknown];
  for (; steps.length > 0; steps.pop()) {
    const around = document.getIn(steps.slice(0, -1), true);
    const key = isMap(around)
      ? around.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(steps.at(-1)))
          ?.key
      : undefined;
    const node = key ?? document.getIn(steps, true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
