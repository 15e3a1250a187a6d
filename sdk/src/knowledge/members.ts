/** JSON as it comes: members by name, read without trusting their types. */

/** An object's members. */
export type Members = Readonly<Record<string, unknown>>;

/** Whether a value is an object and no list. */
export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text, or the empty one. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** A list's objects; what is none of them, or no list, is left out. */
export function objectsOf(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.filter(isMembers) : [];
}

/** A list, or the empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
