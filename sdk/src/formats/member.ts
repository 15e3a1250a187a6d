/** One member of a JSON record by a path as `alert.src.ip`. */
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";

/** The value, or undefined. At every step a key with dots in it (`id.orig_h`) is found as well. */
export function memberOf(record: JsonRecord, path: string): unknown {
  if (Object.hasOwn(record, path)) return record[path];
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const key = path.slice(0, dot);
    const below = Object.hasOwn(record, key) ? record[key] : undefined;
    if (isRecord(below)) {
      const found = memberOf(below, path.slice(dot + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
