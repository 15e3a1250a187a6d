/** Lines seen lately, by digest: a re-sent file must not count twice. */
export interface RecentLines {
  /** Notes a digest; true when it was among the last `capacity` different ones. */
  seen(digest: string): boolean;
}

/** Remembers the last `capacity` different digests of one stream, oldest forgotten first. */
export function createRecentLines(capacity = 65_536): RecentLines {
  const known = new Set<string>();
  const ring = new Array<string>(capacity);
  let at = 0;
  return {
    seen(digest) {
      if (known.has(digest)) return true;
      if (known.size >= capacity) known.delete(ring[at] as string);
      known.add(digest);
      ring[at] = digest;
      at = at + 1 === capacity ? 0 : at + 1;
      return false;
    },
  };
}
