/** Reads canonical JSON of a known form from its bytes: each thing has one spelling, and nothing is made twice. */
import { asciiOf } from "#platform";
import { utf8 } from "../core/bytes.ts";

/** Thrown for whatever is not as it must be; what it is, the slow way tells. */
export const NOT_CANONICAL = new Error("not canonical");

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST, COMMA] = [0x5b, 0x5d, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];
const [ZERO, NINE, DOT] = [0x30, 0x39, 0x2e];

/** Digits by their character; 255 for what is no lower-case hexadecimal digit. */
const DIGITS = new Uint8Array(256).fill(255);
for (const [value, digit] of utf8("0123456789abcdef").entries()) DIGITS[digit] = value;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A place in a JSON text, moved on by everything that is read. Each method throws `NOT_CANONICAL`. */
export interface Cursor {
  /** These bytes, as `utf8` gives them. */
  expect(literal: Uint8Array): void;
  /** Whether these bytes come next; they are passed over if so. */
  skip(literal: Uint8Array): boolean;
  /** A whole number in decimal digits, from `least` to `most`. */
  whole(least: number, most: number): number;
  /** `"0x…"` of `least` to `most` bytes. */
  hex(least: number, most?: number): Uint8Array;
  /** The same of exactly `length` bytes, as text. */
  hexText(length: number): string;
  /** Whatever JSON text comes next, a string or an object, of at most so many bytes. */
  json(mostBytes: number): { readonly text: string; readonly bytes: Uint8Array };
  /** A list of at least `least` items. */
  list<T>(item: () => T, least?: number): T[];
  /** A number ≥ 0 in digits, with or without a fraction. */
  number(): number;
  /** A string of at most so many printable ASCII characters without escapes. */
  plain(mostCharacters: number): string;
  /** One of these strings, of at most 16 characters each. */
  word<T extends string>(words: readonly T[]): T;
  /** Where reading has come to. */
  place(): number;
  /** The bytes from a place on. */
  since(place: number): Uint8Array;
  /** Goes back to a place. */
  back(place: number): void;
  /** Nothing is left. */
  end(): void;
}

/** Starts reading at the first byte. Throws `NOT_CANONICAL` for bytes that are no UTF-8. */
export function createCursor(bytes: Uint8Array): Cursor {
  let at = 0;
  const whole = decode(bytes);
  // Where all is ASCII, places in the text are places in the bytes.
  const isAscii = whole.length === bytes.length;
  const slice = (from: number, to: number): string =>
    isAscii ? whole.slice(from, to) : decode(bytes.subarray(from, to));

  // All that is decoded shares one place: it is many, small, and stays as long as the bundle.
  const room = new Uint8Array(bytes.length >> 1);
  let roomUsed = 0;

  const startsWith = (literal: Uint8Array): boolean => {
    const from = at;
    for (let i = 0; i < literal.length; i++) if (bytes[from + i] !== literal[i]) return false;
    return true;
  };
  const expect = (literal: Uint8Array): void => {
    if (!startsWith(literal)) throw NOT_CANONICAL;
    at += literal.length;
  };
  const byte = (value: number): void => {
    if (bytes[at] !== value) throw NOT_CANONICAL;
    at++;
  };
  /** From an opening quotation mark to behind the closing one. */
  const endOfText = (from: number): number => {
    let end = from + 1;
    while (bytes[end] !== QUOTE) {
      if (end >= bytes.length) throw NOT_CANONICAL;
      end += bytes[end] === BACKSLASH ? 2 : 1;
    }
    return end + 1;
  };
  const endOfObject = (from: number): number => {
    let depth = 0;
    let end = from;
    while (end < bytes.length) {
      const value = bytes[end];
      if (value === QUOTE) end = endOfText(end);
      else {
        end++;
        if (value === OPEN_OBJECT) depth++;
        else if (value === CLOSE_OBJECT && --depth === 0) return end;
      }
    }
    throw NOT_CANONICAL;
  };
  const digits = (length: number): Uint8Array => {
    if (at + 2 * length > bytes.length) throw NOT_CANONICAL;
    const start = roomUsed;
    let seen = 0;
    let from = at;
    for (const end = start + length; roomUsed < end; roomUsed++, from += 2) {
      const high = DIGITS[bytes[from] as number] as number;
      const low = DIGITS[bytes[from + 1] as number] as number;
      seen |= high | low;
      room[roomUsed] = (high << 4) | low;
    }
    if (seen > 15) throw NOT_CANONICAL;
    at = from;
    return room.subarray(start, roomUsed);
  };
  const plain = (mostCharacters: number): string => {
    const from = at + 1;
    let end = from;
    byte(QUOTE);
    for (let next = bytes[end] as number; next !== QUOTE; next = bytes[++end] as number)
      if (!(next >= 0x20 && next < 0x7f) || next === BACKSLASH || end - from >= mostCharacters)
        throw NOT_CANONICAL;
    at = end + 1;
    return slice(from, end);
  };

  return {
    expect,
    skip(literal) {
      if (!startsWith(literal)) return false;
      at += literal.length;
      return true;
    },
    whole(least, most) {
      const from = at;
      let value = 0;
      for (let next = bytes[at]; next !== undefined && next >= ZERO && next <= NINE; next = bytes[at]) {
        value = value * 10 + (next - ZERO);
        at++;
      }
      const isShortest = at - from === 1 || (at > from && at - from <= 16 && bytes[from] !== ZERO);
      if (!isShortest || value < least || value > most) throw NOT_CANONICAL;
      return value;
    },
    hex(least, most = least) {
      expect(HEX_PREFIX);
      const length = least === most ? least : (bytes.indexOf(QUOTE, at) - at) / 2;
      if (!Number.isInteger(length) || length < least || length > most) throw NOT_CANONICAL;
      const decoded = digits(length);
      byte(QUOTE);
      return decoded;
    },
    hexText(length) {
      const from = at + 1;
      expect(HEX_PREFIX);
      const end = at + 2 * length;
      if (end > bytes.length) throw NOT_CANONICAL;
      let seen = 0;
      for (let next = at; next < end; next++) seen |= DIGITS[bytes[next] as number] as number;
      if (seen > 15) throw NOT_CANONICAL;
      at = end;
      byte(QUOTE);
      return asciiOf(bytes.subarray(from, end)); // kept and looked up: no slice of a text that is a file long
    },
    json(mostBytes) {
      const from = at;
      at = bytes[from] === OPEN_OBJECT ? endOfObject(from) : bytes[from] === QUOTE ? endOfText(from) : from;
      if (at === from || at > bytes.length || at - from > mostBytes) throw NOT_CANONICAL;
      return { text: slice(from, at), bytes: bytes.subarray(from, at) };
    },
    list(item, least = 0) {
      byte(OPEN_LIST);
      const items: ReturnType<typeof item>[] = [];
      if (bytes[at] !== CLOSE_LIST) {
        items.push(item());
        while (bytes[at] === COMMA) {
          at++;
          items.push(item());
        }
      }
      byte(CLOSE_LIST);
      if (items.length < least) throw NOT_CANONICAL;
      return items;
    },
    number() {
      const from = at;
      while (isNumeric(bytes[at])) at++;
      const text = slice(from, at);
      const value = Number(text);
      // The shortest spelling is the only one (RFC 8785 §3.2.2.3); exponents take the long way.
      if (text === "" || at - from > 24 || String(value) !== text) throw NOT_CANONICAL;
      return value;
    },
    plain,
    word<T extends string>(words: readonly T[]): T {
      const found = plain(16) as T;
      if (!words.includes(found)) throw NOT_CANONICAL;
      return found;
    },
    place: () => at,
    since: (place) => bytes.subarray(place, at),
    back(place) {
      at = place;
    },
    end() {
      if (at !== bytes.length) throw NOT_CANONICAL;
    },
  };
}

function isNumeric(character: number | undefined): boolean {
  return character !== undefined && ((character >= ZERO && character <= NINE) || character === DOT);
}

const HEX_PREFIX = utf8('"0x');

/** The value of a JSON text. Throws `NOT_CANONICAL`. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw NOT_CANONICAL;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw NOT_CANONICAL;
  }
}
