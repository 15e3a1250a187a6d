/** One member of a JSON record by a path as `alert.src.ip`. */
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import { remember } from "../core/remember.ts";

/** The value, or undefined. At every step a key with dots in it (`id.orig_h`) is found as well. */
export function memberOf(record: JsonRecord, path: string): unknown {
  const whole = record[path];
  if (whole !== undefined && Object.hasOwn(record, path)) return whole;
  for (const [key, rest] of splitsOf(path)) {
    const below = record[key];
    if (below === undefined || !isRecord(below) || !Object.hasOwn(record, key)) continue;
    const found = memberOf(below, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A path cut at each of its dots, the last first; paths are few and asked for again and again. */
const splitsOf = remember((path) => {
  const cut: (readonly [key: string, rest: string])[] = [];
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1))
    cut.push([path.slice(0, dot), path.slice(dot + 1)]);
  return cut;
});
