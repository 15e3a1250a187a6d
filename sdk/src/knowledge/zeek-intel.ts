/** Zeek's intelligence files: tab-separated, with a header of field names (Zeek's Intel framework). */
import { isAnamnesisError } from "../core/errors.ts";
import { type Knowledge, knowledgeOf, type Reading, refusal } from "./knowledge.ts";
import { quoted } from "./misp.ts";
import { reducePattern } from "./reduce.ts";

const HEADER = /^#fields\tindicator\tindicator_type(?:\t|$)/m;

/** Whether a text has the header that Zeek demands. */
export function isZeekIntel(text: string): boolean {
  return HEADER.test(text);
}

/** Reads a file; its lines are named by their numbers. */
export function readZeekIntel(text: string): Knowledge {
  const readings: Reading[] = [];
  let header: readonly string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const where = `line ${index + 1}`;
    if (line.startsWith("#fields\t")) header = line.split("\t").slice(1);
    if (line.trim() === "" || line.startsWith("#")) continue;
    const values = line.split("\t");
    if (header.length === 0) readings.push(refusal(where, "malformed", "a row before any #fields header"));
    else if (values.length !== header.length)
      readings.push(
        refusal(where, "malformed", `${values.length} columns, the header names ${header.length}`),
      );
    else readings.push(readRow(where, header, values));
  }
  return knowledgeOf("zeek-intel", readings);
}

function readRow(where: string, header: readonly string[], values: readonly string[]): Reading {
  const row = new Map(header.map((name, i) => [name, values[i] as string]));
  const indicator = (row.get("indicator") ?? "").trim();
  const type = (row.get("indicator_type") ?? "").trim();
  const pattern = patternOf(type, indicator);
  if (pattern === undefined) return refusal(where, "not.indicator", `indicator_type ${type}`);
  try {
    const author = setOf(row.get("meta.source"));
    return reducePattern(pattern).map(({ key, form }) => ({
      key,
      form,
      name: (setOf(row.get("meta.desc")) ?? indicator).slice(0, 512),
      confidence: null,
      attackIds: [],
      tlp: "clear",
      origin: {
        format: "zeek-intel",
        id: `${type} ${indicator}`.slice(0, 128),
        ...(author !== undefined && { author: author.slice(0, 256) }),
        source: `#fields\t${header.join("\t")}\n${values.join("\t")}`,
      },
    }));
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    return refusal(where, "malformed", error.message);
  }
}

/** Zeek writes `-` for what is not set. */
const setOf = (text: string | undefined): string | undefined =>
  text === undefined || text === "-" || text.trim() === "" ? undefined : text;

function patternOf(type: string, value: string): string | undefined {
  const family = value.includes(":") ? "ipv6-addr" : "ipv4-addr";
  switch (type) {
    case "Intel::ADDR":
      return `[${family}:value = ${quoted(value)}]`;
    case "Intel::SUBNET":
      return `[${family}:value ISSUBSET ${quoted(value)}]`;
    case "Intel::DOMAIN":
      return `[domain-name:value = ${quoted(value)}]`;
    case "Intel::URL": // Zeek's have no scheme
      return `[url:value LIKE ${quoted(`%://${value}`)}]`;
    case "Intel::FILE_NAME":
      return `[file:name = ${quoted(value)}]`;
    case "Intel::EMAIL":
      return `[email-addr:value = ${quoted(value)}]`;
    case "Intel::SOFTWARE":
      return `[software:name = ${quoted(value)}]`;
    case "Intel::USER_NAME":
      return `[user-account:account_login = ${quoted(value)}]`;
    case "Intel::CERT_HASH":
      return `[x509-certificate:hashes.'SHA-1' = ${quoted(value)}]`;
    case "Intel::FILE_HASH":
      return (
        { 32: `[file:hashes.MD5 = ${quoted(value)}]`, 40: `[file:hashes.'SHA-1' = ${quoted(value)}]` }[
          value.length
        ] ?? `[file:hashes.'SHA-256' = ${quoted(value)}]`
      );
    default:
      return undefined;
  }
}
