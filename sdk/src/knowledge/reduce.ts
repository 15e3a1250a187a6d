/** What a control could apply of a STIX pattern: single values, each of which alone means the attack. */
import { canonicalAddress } from "../core/address.ts";
import { addressObservable, canonicalName } from "../core/eve-observables.ts";
import { parsePattern, toPattern } from "../core/pattern.ts";
import type { IndicatorForm, IndicatorKey, Observable } from "../core/types.ts";
import { type Comparison, type Observation, parseStixPattern } from "./stix-pattern.ts";

/** One indicator of a pattern. */
export interface Reduced {
  readonly key: IndicatorKey;
  readonly form: IndicatorForm | null;
}

/** Values of one pattern taken apart at most; a longer list stays one pattern. */
const MOST = 1000;

/**
 * The indicators of a STIX pattern: of alternatives each by itself, of everything else the pattern as
 * it is, without a form. What needs two things at once, an order, a count, an absence or a range is
 * never made simpler than it is: a part of it may be innocent.
 * @throws AnamnesisError `input.invalid` when the grammar refuses it
 */
export function reducePattern(pattern: string): readonly Reduced[] {
  const observables = alternatives(parseStixPattern(pattern));
  if (observables === undefined || observables.length > MOST)
    return [{ key: { patternType: "stix", pattern: pattern.trim() }, form: null }];
  const found = new Map<string, Reduced>();
  for (const observable of observables) {
    const form = { form: "observable", observable } as const;
    const key = toPattern(form);
    found.set(key.pattern, { key, form: parsePattern(key) ?? null });
  }
  return [...found.values()];
}

function alternatives(tree: Observation): readonly Observable[] | undefined {
  if (tree.node === "observation") return valuesOf(tree.of);
  return tree.node === "any" ? all(tree.parts.map(alternatives)) : undefined;
}

function valuesOf(comparison: Comparison): readonly Observable[] | undefined {
  if (comparison.node === "or") return all(comparison.parts.map(valuesOf));
  if (comparison.node !== "test" || comparison.isNegated) return undefined;
  if (comparison.operator !== "=" && comparison.operator !== "IN") return undefined;
  const { path, values } = comparison;
  return all(
    values.map((value) => {
      const observable = value.type === "text" ? observableOf(path, value.value) : undefined;
      return observable && [observable];
    }),
  );
}

/** All lists as one, or nothing when one of them is missing: half of the alternatives is another pattern. */
function all(lists: readonly (readonly Observable[] | undefined)[]): readonly Observable[] | undefined {
  return lists.includes(undefined) ? undefined : (lists as readonly (readonly Observable[])[]).flat();
}

/** The observable of one comparison in normal form, or undefined when it is none that this version applies. */
function observableOf(path: string, value: string): Observable | undefined {
  switch (path) {
    case "ipv4-addr:value":
    case "ipv6-addr:value": {
      // `=` with a range means that it contains; a range of one is an address.
      const address = canonicalAddress(value.replace(path.startsWith("ipv4") ? /\/32$/ : /\/128$/, ""));
      return address === undefined ? undefined : addressObservable(address);
    }
    case "domain-name:value": {
      const name = canonicalName(value);
      return name === undefined ? undefined : { kind: "domain-name", value: name };
    }
    case "url:value":
      return urlObservable(value);
    case "file:hashes.'SHA-256'":
    case "file:hashes.SHA256":
      return /^[0-9a-f]{64}$/i.test(value) ? { kind: "file", value: value.toLowerCase() } : undefined;
    case "x-ja3:value":
      return /^[0-9a-f]{32}$/i.test(value) ? { kind: "ja3", value: value.toLowerCase() } : undefined;
    case "x-ja4:value":
      return /^[a-z0-9_]{1,64}$/i.test(value) ? { kind: "ja4", value: value.toLowerCase() } : undefined;
    default:
      return undefined;
  }
}

/**
 * A URL as a sensor sees it: plain HTTP, with a path, without user, query and fragment. Any other says
 * more or less than a sensor could match, and is kept as it is.
 */
function urlObservable(text: string): Observable | undefined {
  if (!/^http:\/\/[^/?#@\s]+\/[^?#\s]+$/i.test(text) || text.length > 2_048 || !URL.canParse(text))
    return undefined;
  const { host, pathname } = new URL(text);
  return { kind: "url", value: `http://${host}${pathname.replaceAll("'", "%27")}` };
}
