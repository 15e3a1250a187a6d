/** Lines seen lately, by digest: a re-sent file must not count twice. */
export interface RecentLines {
  /** Notes a SHA-256 (64 hexadecimal digits); true when it was among the last different ones. */
  seen(digest: string): boolean;
}

/**
 * Remembers at least the last `capacity` and at most the last 2 × `capacity` different digests.
 *
 * Two tables take turns: when one is full the older is emptied. 104 bits of a digest tell lines
 * apart; they lie in flat arrays, which the garbage collector need not walk.
 */
export function createRecentLines(capacity = 65_536): RecentLines {
  let younger = createTable(capacity);
  let older = createTable(capacity);
  return {
    seen(digest) {
      const high = hexNumber(digest, 0);
      const low = hexNumber(digest, 13);
      if (younger.has(high, low) || older.has(high, low)) return true;
      if (younger.size() >= capacity) {
        [younger, older] = [older, younger];
        younger.clear();
      }
      younger.add(high, low);
      return false;
    },
  };
}

/** An open-addressed set of pairs, half full at most. */
function createTable(capacity: number) {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(2, capacity * 2)));
  const mask = slots - 1;
  const pairs = new Float64Array(slots * 2);
  let size = 0;
  const find = (high: number, low: number): number => {
    let slot = high & mask;
    // An empty slot is (0, 0): a digest of 104 zero bits is not expected in this universe.
    while (pairs[2 * slot] !== 0 || pairs[2 * slot + 1] !== 0) {
      if (pairs[2 * slot] === high && pairs[2 * slot + 1] === low) return slot;
      slot = (slot + 1) & mask;
    }
    return -1 - slot;
  };
  return {
    size: () => size,
    has: (high: number, low: number) => find(high, low) >= 0,
    add(high: number, low: number): void {
      const slot = -1 - find(high, low);
      pairs[2 * slot] = high;
      pairs[2 * slot + 1] = low;
      size++;
    },
    clear(): void {
      pairs.fill(0);
      size = 0;
    },
  };
}

/** 13 hexadecimal digits as a number below 2^52. */
function hexNumber(text: string, start: number): number {
  return hexDigits(text, start, 6) * 0x1000_0000 + hexDigits(text, start + 6, 7);
}

function hexDigits(text: string, start: number, count: number): number {
  let value = 0;
  for (let i = start; i < start + count; i++) {
    const code = text.charCodeAt(i);
    value = (value << 4) | (code < 0x3a ? code - 0x30 : code - 0x57);
  }
  return value;
}
