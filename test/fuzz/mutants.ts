/** What becomes of lines on bad disks and in the hands of an attacker, by a seed: what fails once fails again. */

/** Numbers in [0, 1). */
export type Random = () => number;

/** mulberry32: 32 bits of state are enough to choose mutations by. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts that readers look for, where nobody expects them. */
const PIECES: readonly string[] = [
  ...'NaN|-Infinity|1e999|-0|9223372036854775808|18446744073709551616|9007199254740993|1E-400|0x10|""|null|{}|[]|true'.split(
    "|",
  ),
  ...[
    '"src_ip":"10.20.0.10",',
    '"src_ip":{},',
    '"__proto__":{"a":1},',
    '"timestamp":1,',
    '{"',
    '"}',
    "[{",
    "}]",
    "},{",
    '\\"',
    '{"toString":1}',
    "{},",
    "[",
    "[{},",
    "\\u0000",
    "\\ud800",
  ],
  ...[
    " src=10.20.0.10",
    " dst=45.60.0.9",
    " act=blocked",
    " rt=0",
    "CEF:0|a|b|c|d|e|9|",
    "LEEF:2.0|",
    "\\|",
    "\\=",
    "|",
    "=",
  ],
  ...[
    "[**] ",
    " [1:1:1] ",
    "{TCP} ",
    " -> ",
    "#fields\t",
    "#separator \\x0",
    "\t",
    "\\x",
    "(empty)",
    "-",
    "#012<1>",
    "<191>1 ",
    "<999>",
  ],
  ...[
    "message repeated 999999999 times: [",
    " fail2ban.actions [1]: NOTICE [x] Ban 10.20.0.10",
    " SRC=10.20.0.10 DST=45.60.0.9 ",
    "T0855",
    "T1059.001",
  ],
  ...[
    "::ffff:10.20.0.10",
    "fe80::1%25",
    "1.2.3.4.5",
    "010.020.000.010",
    "[::1]:65536",
    ":99999",
    "2001:db8::/32",
  ],
  ...[
    "\u0000",
    "\u001b[2J",
    "\r",
    "\u2028",
    "\u202e",
    "\ufeff",
    "é",
    "😀",
    "İ",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:60.999999999+14:00",
  ],
];

/** Bytes that are no UTF-8: a lone one, an overlong zero, a surrogate, beyond Unicode, a head without its tail. */
const BROKEN: readonly string[] = ["ff", "c080", "eda080", "f4908080", "e282", "fffe", "feff"];

type Mutation = (line: Buffer, random: Random, other: Buffer) => Buffer;

const upTo = (random: Random, below: number): number => Math.floor(random() * below);
const pick = <T>(random: Random, list: readonly T[]): T => list[upTo(random, list.length)] as T;

function splice(line: Buffer, at: number, removed: number, added: Uint8Array | string): Buffer {
  const piece = typeof added === "string" ? Buffer.from(added) : added;
  return Buffer.concat([line.subarray(0, at), piece, line.subarray(at + removed)]);
}

/** Changes one match of a pattern, or nothing when there is none. */
function change(line: Buffer, random: Random, pattern: RegExp, to: (found: string) => string): Buffer {
  const text = line.toString("latin1");
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return line;
  const match = pick(random, found);
  return splice(line, match.index, match[0].length, Buffer.from(to(match[0]), "latin1"));
}

const MUTATIONS: readonly Mutation[] = [
  // cut, lost, doubled
  (line, random) => line.subarray(0, upTo(random, line.length)),
  (line, random) => splice(line, upTo(random, line.length), 1 + upTo(random, 20), ""),
  (line, random) => {
    const at = upTo(random, line.length);
    return splice(line, at, 0, line.subarray(at, at + 1 + upTo(random, 40)));
  },
  // another byte, bytes that are no text, a text that means something
  (line, random) => splice(line, upTo(random, line.length), 1, Uint8Array.of(upTo(random, 256))),
  (line, random) =>
    splice(line, upTo(random, line.length), upTo(random, 2), Buffer.from(pick(random, BROKEN), "hex")),
  (line, random) => splice(line, upTo(random, line.length), 0, pick(random, PIECES)),
  // the tail of another line
  (line, random, other) =>
    Buffer.concat([line.subarray(0, upTo(random, line.length)), other.subarray(upTo(random, other.length))]),
  // values: of any kind in the place of a number or a text
  (line, random) => change(line, random, /-?\d+(?:\.\d+)?/g, () => pick(random, PIECES)),
  (line, random) => change(line, random, /(?<=[:=]\s*)"[^"]*"/g, () => pick(random, PIECES)),
  // a key twice, with another value
  (line, random) =>
    change(
      line,
      random,
      /"[\w.@]+":(?:"[^"]*"|\d+),/g,
      (found) => found + found.replace(/:.*/, `:${pick(random, PIECES)},`),
    ),
  (line, random) =>
    change(line, random, / [\w.]+=\S+/g, (found) => found + found.replace(/=.*/, `=${pick(random, PIECES)}`)),
  // clocks ten years off, lines without a date
  (line, random) =>
    change(line, random, /\b20\d\d\b|\b17\d{8}(?=\D|\d{3}\b)/g, (found) =>
      found.length === 4
        ? String(Number(found) + pick(random, [-10, 10]))
        : String(Number(found) + pick(random, [-3e8, 3e8])),
    ),
  (line, random) =>
    change(line, random, /\d{4}-\d\d-\d\d|\d\d\/\d\d\/\d{4}|[A-Z][a-z]{2} {1,2}\d{1,2}/g, () => ""),
];

/** A line after one to four mutations. */
export function mutate(line: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let mutant = line;
  for (let left = 1 + upTo(random, 4); left > 0; left--)
    mutant = pick(random, MUTATIONS)(mutant, random, pick(random, others));
  return mutant;
}

/** A line with a megabyte of a text in it. */
export function lengthen(line: Buffer, random: Random): Buffer {
  const piece = pick(random, PIECES);
  return splice(line, upTo(random, line.length + 1), 0, piece.repeat(Math.ceil(1_048_576 / piece.length)));
}
