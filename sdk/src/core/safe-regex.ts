/** Regular expressions from elsewhere: taken only when their cost is bounded by their own shape. */
import { AnamnesisError } from "./errors.ts";

/** Values longer than this are matched by their beginning, characters. */
export const LONGEST_MATCHED = 1024;

/** Steps a backtracking matcher may need for one value: about a quarter of a second at worst. */
const MOST_STEPS = 2 ** 26;

/**
 * Compiles a pattern, bare or as `/pattern/i`, case-insensitive; at most 500 characters.
 *
 * Refused with `input.invalid`: look-around, back-references, quantified groups, and whatever
 * could take more than 2^26 steps on 1,024 characters.
 */
export function compileSafeRegex(text: string): RegExp {
  const source = /^\/(.*)\/[a-z]*$/s.exec(text)?.[1] ?? text;
  const flaw = flawOf(source);
  if (flaw !== undefined) throw refusal(text, flaw);
  try {
    return new RegExp(source, "i");
  } catch (cause) {
    throw refusal(text, cause instanceof Error ? cause.message : "it is no regular expression");
  }
}

function flawOf(source: string): string | undefined {
  if (source === "") return "it is empty and would match everything";
  if (source.length > 500) return "it is longer than 500 characters";
  // What stands for one character is made one letter, so that only the operators are left to read.
  if (/\\(?:[1-9]|k)/.test(source.replace(/\\\\/g, ""))) return "it has a back-reference";
  const bare = source.replace(/\\./gs, "x").replace(/\[\^?\]?[^\]]*\]/g, "x");
  if (/\(\?(?!:)/.test(bare)) return "it has look-around or a named group";
  if (/\)\s*[*+{?]/.test(bare)) return "it repeats a group";
  const starts = bare.startsWith("^") && !bare.includes("|") ? 0 : 1;
  const endless = (bare.replace(/\{\d+\}/g, "").match(/[*+]|\{\d+,\d*\}/g) ?? []).length;
  const choices = (bare.replace(/\(\?:/g, "(").match(/[?|]/g) ?? []).length;
  const counted = [...bare.matchAll(/\{(\d+)\}/g)].reduce((sum, [, times]) => sum + Number(times), 0);
  const steps = LONGEST_MATCHED ** (endless + starts) * 2 ** choices * (bare.length + counted);
  return steps > MOST_STEPS ? `it may take ${steps.toExponential(0)} steps for one value` : undefined;
}

function refusal(text: string, flaw: string): AnamnesisError {
  return new AnamnesisError(
    "input.invalid",
    `the pattern ${JSON.stringify(text.slice(0, 80))} is refused: ${flaw}`,
  );
}
