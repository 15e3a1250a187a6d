import canonicalize from "canonicalize";
import { utf8 } from "./bytes.ts";
import { AnamnesisError } from "./errors.ts";

/** Objects nested deeper go the long way, which needs no stack. */
const MAX_DEPTH = 64;

/** Not expressible by ordering keys alone. */
const OTHER = Symbol();

/** Canonical JSON text of a value (RFC 8785, JCS). Throws `input.invalid` for NaN, Infinity or undefined. */
export function canonicalText(value: unknown): string {
  // Numbers and strings of JCS are those of JSON.stringify: where ordered keys are all it takes, it is quicker.
  const ordered = orderKeys(value, MAX_DEPTH);
  if (ordered !== OTHER) {
    const quick = JSON.stringify(ordered);
    if (!/\\ud[89a-f]/.test(quick)) return quick; // a lone surrogate, perhaps
  }
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new AnamnesisError(
      "input.invalid",
      "a value that JSON cannot hold (NaN, Infinity, a cycle) has no canonical form",
      { cause },
    );
  }
  if (text === undefined)
    throw new AnamnesisError("input.invalid", "undefined has no canonical form; leave the key out");
  return text;
}

/** Canonical JSON bytes of a value (RFC 8785). Throws `input.invalid`. */
export function canonicalBytes(value: unknown): Uint8Array {
  return utf8(canonicalText(value));
}

/** The value with the keys of all its objects in order, itself where they are; or `OTHER`. */
function orderKeys(value: unknown, depth: number): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : OTHER;
  if (typeof value !== "object" || depth === 0) return OTHER;
  return Array.isArray(value) ? orderItems(value, depth) : orderMembers(value, depth);
}

function orderItems(items: readonly unknown[], depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const ordered = orderKeys(items[i], depth - 1);
    if (ordered === OTHER) return OTHER;
    if (ordered === items[i]) continue;
    copy ??= [...items];
    copy[i] = ordered;
  }
  return copy ?? items;
}

function orderMembers(value: object, depth: number): unknown {
  if (Object.getPrototypeOf(value) !== Object.prototype || "toJSON" in value) return OTHER;
  const keys = Object.keys(value);
  let isOrdered = true;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    // Engines put whole numbers first whatever the order of writing, and `__proto__` is no plain member.
    if (/^(?:\d|__proto__$)/.test(key)) return OTHER;
    if (i > 0 && (keys[i - 1] as string) > key) isOrdered = false;
  }
  const members = value as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  let isSame = isOrdered;
  for (const key of isOrdered ? keys : keys.sort()) {
    if (members[key] === undefined) continue; // left out, as JSON does
    const ordered = orderKeys(members[key], depth - 1);
    if (ordered === OTHER) return OTHER;
    if (ordered !== members[key]) isSame = false;
    copy[key] = ordered;
  }
  return isSame ? value : copy;
}
