import { BASELINE } from "./behaviours.ts";
import { canonicalText } from "./canonical.ts";
import { AnamnesisError } from "./errors.ts";
import { functionsOf, SEQUENCES } from "./sequences.ts";
import type { Behaviour, IndicatorForm, IndicatorKey, Observable, ObservableKind } from "./types.ts";

/** STIX object paths of observables (STIX 2.1 §6; JA3 and JA4 have no standard object and use ours). */
const PATHS: Readonly<Record<ObservableKind, string>> = {
  "ipv4-addr": "ipv4-addr:value",
  "ipv6-addr": "ipv6-addr:value",
  "domain-name": "domain-name:value",
  url: "url:value",
  file: "file:hashes.'SHA-256'",
  ja3: "x-ja3:value",
  ja4: "x-ja4:value",
};

const KINDS = new Map(Object.entries(PATHS).map(([kind, path]) => [path, kind as ObservableKind]));

/** The indicator of a form: what its id is computed from. Equal forms give equal bytes. */
export function toPattern(form: IndicatorForm): IndicatorKey {
  if (form.form === "behaviour") {
    return { patternType: "x-anamnesis-behaviour", pattern: canonicalText(form.behaviour) };
  }
  const { kind, value } = form.observable;
  const quoted = value.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return { patternType: "stix", pattern: `[${PATHS[kind]} = '${quoted}']` };
}

/**
 * What an indicator means to a control, or undefined when this version compiles nothing from it
 * (other pattern types, compound patterns): it is kept and shown, and never applied.
 */
export function parsePattern(key: IndicatorKey): IndicatorForm | undefined {
  if (key.patternType === "x-anamnesis-behaviour")
    return { form: "behaviour", behaviour: parseBehaviour(key.pattern) };
  if (key.patternType !== "stix") return undefined;
  const match = /^\[([a-z0-9-]+:[a-zA-Z0-9_.'-]+) = '((?:[^'\\]|\\['\\])*)'\]$/.exec(key.pattern);
  const kind = match === null ? undefined : KINDS.get(match[1] as string);
  if (match === null || kind === undefined) return undefined;
  const observable: Observable = { kind, value: (match[2] as string).replace(/\\(['\\])/g, "$1") };
  return { form: "observable", observable };
}

/** Checks a behaviour's canonical text. Throws `entry.malformed` when it is bare, unknown or not canonical. */
function parseBehaviour(text: string): Behaviour {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AnamnesisError("entry.malformed", "a behaviour's pattern is not JSON", { cause });
  }
  const b: Partial<Behaviour> & { table?: unknown; object?: unknown; sequence?: unknown } =
    typeof value === "object" && value !== null ? value : {};
  const baseline = BASELINE.find((each) => each.class === b.class && each.protocol === b.protocol);
  const functions = Array.isArray(b.functions) ? (b.functions as unknown[]) : [];
  const highest = baseline?.protocol === "modbus" ? 127 : 0xffff;
  const ascending = functions.every(
    (f, i) =>
      Number.isInteger(f) &&
      (f as number) >= (baseline?.protocol === "modbus" ? 1 : 0) &&
      (f as number) <= highest &&
      (i === 0 || (f as number) > (functions[i - 1] as number)),
  );
  const { object } = b;
  const sequence = SEQUENCES.find((each) => each.name === b.sequence && each.protocol === b.protocol);
  const discriminated =
    baseline?.protocol === "modbus"
      ? b.table === "coil" || b.table === "holding"
      : b.sequence !== undefined
        ? sequence !== undefined &&
          object === undefined &&
          canonicalText(functionsOf(sequence)) === canonicalText(functions)
        : object === undefined ||
          (b.protocol === "enip" &&
            Number.isInteger(object) &&
            (object as number) >= 0 &&
            (object as number) <= 0xffff);
  const known =
    baseline !== undefined &&
    functions.length > 0 &&
    ascending &&
    discriminated &&
    canonicalText(b.roles ?? null) === canonicalText(baseline.roles);
  const whole = {
    class: b.class,
    functions,
    protocol: b.protocol,
    roles: b.roles,
    ...(baseline?.protocol === "modbus" && { table: b.table }),
    ...(object !== undefined && { object }),
    ...(b.sequence !== undefined && { sequence: b.sequence }),
  };
  if (!known || canonicalText(whole) !== text) {
    throw new AnamnesisError(
      "entry.malformed",
      "a behaviour needs a known class, its discriminators and canonical form",
    );
  }
  return value as Behaviour;
}
