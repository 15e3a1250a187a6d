/** JSON pointers (RFC 6901). */
import { isRecord } from "../core/eve-fields.ts";

const POINTER = /^(?:\/(?:[^~/]|~[01])*)*$/;

/** The steps of a pointer, or undefined when it is none: it is empty or begins with `/`. */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text.length > 1024 || !POINTER.test(text)) return undefined;
  return text
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What stands at the end of the steps, or undefined. */
export function valueAt(value: unknown, steps: readonly string[]): unknown {
  let at = value;
  for (const step of steps) {
    if (Array.isArray(at)) at = /^(?:0|[1-9]\d{0,8})$/.test(step) ? at[Number(step)] : undefined;
    else if (isRecord(at)) at = Object.hasOwn(at, step) ? at[step] : undefined;
    else return undefined;
  }
  return at;
}
