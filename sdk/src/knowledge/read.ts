/** Any file of knowledge: told apart, and read by its format's reader. */
import { AnamnesisError } from "../core/errors.ts";
import type { KnowledgeFormat } from "../core/types.ts";
import { type Knowledge, MAX_FILE } from "./knowledge.ts";
import { isMisp, readMisp } from "./misp.ts";
import { isSigma, readSigma } from "./sigma.ts";
import { isBundle, readStix } from "./stix.ts";
import { isSuricata, readSuricata } from "./suricata.ts";
import { isYara, readYara } from "./yara.ts";
import { isZeekIntel, readZeekIntel } from "./zeek-intel.ts";

/** The formats, for help texts and errors. */
export const KNOWLEDGE_FORMATS: readonly KnowledgeFormat[] = [
  "stix",
  "misp",
  "zeek-intel",
  "suricata",
  "sigma",
  "yara",
];

/**
 * Reads a file of at most 16 MiB. The format is recognised unless it is named; `nowMs` decides what has expired.
 * @throws AnamnesisError `input.tooLarge`, `input.invalid` when it is none of the formats or not what it is said to be
 */
export function readKnowledge(text: string, nowMs: number, named?: KnowledgeFormat): Knowledge {
  if (text.length > MAX_FILE)
    throw new AnamnesisError(
      "input.tooLarge",
      `${text.length} characters; split the file, ${MAX_FILE} at most`,
    );
  const plain = text.startsWith("\ufeff") ? text.slice(1) : text;
  const format = named ?? recognise(plain);
  switch (format) {
    case "stix":
      return readStix(jsonOf(plain), nowMs);
    case "misp":
      return readMisp(jsonOf(plain));
    case "zeek-intel":
      return readZeekIntel(plain);
    case "suricata":
      return readSuricata(plain);
    case "sigma":
      return readSigma(plain);
    case "yara":
      return readYara(plain);
    case undefined:
      throw new AnamnesisError(
        "input.invalid",
        `neither ${KNOWLEDGE_FORMATS.join(" nor ")}; name the format if it is one of these`,
      );
  }
}

function recognise(text: string): KnowledgeFormat | undefined {
  if (/^\s*[[{]/.test(text)) {
    const value = jsonOf(text);
    if (isBundle(value)) return "stix";
    return isMisp(value) ? "misp" : undefined;
  }
  if (isZeekIntel(text)) return "zeek-intel";
  if (isSuricata(text)) return "suricata";
  if (isYara(text)) return "yara";
  return isSigma(text) ? "sigma" : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AnamnesisError("input.invalid", `not JSON: ${String(cause)}`, { cause });
  }
}
