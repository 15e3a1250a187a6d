/** Local times of a named zone to UTC. */

const formats = new Map<string, Intl.DateTimeFormat>();
const known = new Map<string, number>();

/** Whether this is `UTC`, an IANA name or an offset as `+02:00`. */
export function isZone(zone: string): boolean {
  if (fixedMinutes(zone) !== undefined) return true;
  try {
    formatFor(zone);
    return true;
  } catch {
    return false;
  }
}

/**
 * ms since the epoch of a local time given as if it were UTC. An hour that a change of clocks leaves
 * out or gives twice is read by the offset before the change.
 */
export function localToUtc(localMs: number, zone: string): number {
  if (zone === "UTC") return localMs;
  const fixed = fixedMinutes(zone);
  if (fixed !== undefined) return localMs - fixed * 60_000;
  const first = localMs - offsetAt(zone, localMs - 86_400_000);
  const second = localMs - offsetAt(zone, first);
  return localMs - offsetAt(zone, Math.min(first, second));
}

function fixedMinutes(zone: string): number | undefined {
  if (zone === "UTC" || zone === "Z") return 0;
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (match === null || Number(match[2]) > 14 || Number(match[3]) > 59) return undefined;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

/** The zone's offset at an instant in ms; asked for each quarter of an hour once. */
function offsetAt(zone: string, utcMs: number): number {
  const quarter = Math.floor(utcMs / 900_000);
  const key = `${zone}/${quarter}`;
  let offset = known.get(key);
  if (offset === undefined) {
    const at = quarter * 900_000;
    const parts: Record<string, number> = {};
    for (const { type, value } of formatFor(zone).formatToParts(at)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    offset = Date.UTC(year, month - 1, day, hour, minute, second) - at;
    if (known.size >= 4096) known.clear();
    known.set(key, offset);
  }
  return offset;
}

function formatFor(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  return format;
}
