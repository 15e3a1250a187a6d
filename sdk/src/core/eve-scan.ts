/**
 * A faster way to the few members of an EVE record that matter: checks the whole line as JSON and
 * builds only these.
 *
 * Whatever is not plain (white space, bytes above ASCII, escaped keys, odd numbers) is left to
 * JSON.parse; what this accepts JSON.parse accepts with the same values, which a test holds it to.
 */
import type { JsonRecord } from "./eve-fields.ts";

/** Keys of interest of one object. */
interface KeyTable {
  readonly names: readonly string[];
  /** By hash of the key; collisions are resolved when the table is made. */
  readonly slots: readonly (number | undefined)[];
  readonly bytes: readonly Uint8Array[];
  /** Keys whose object is scanned by a table of its own. */
  readonly nested: readonly (KeyTable | undefined)[];
  /** The object from the values of its keys, in the order of `names`. */
  readonly make: (values: readonly unknown[]) => unknown;
}

const SLOTS = 1024;
const DEEPEST = 64;

function keyTable(
  names: readonly string[],
  make: KeyTable["make"],
  nested: { readonly [name: string]: KeyTable } = {},
): KeyTable {
  const bytes = names.map((name) => new TextEncoder().encode(name));
  const slots = new Array<number | undefined>(SLOTS).fill(undefined);
  for (const [index, key] of bytes.entries()) {
    let hash = 0;
    for (const byte of key) hash = (Math.imul(hash, 31) + byte) | 0;
    const slot = hash & (SLOTS - 1);
    if (slots[slot] !== undefined)
      throw new Error(`the keys ${names[slots[slot]]} and ${names[index]} share a slot`);
    slots[slot] = index;
  }
  return { names, slots, bytes, nested: names.map((name) => nested[name]), make };
}

const ENDPOINT = keyTable(["ip", "port"], ([ip, port]) => ({ ip, port }));
const ALERT = keyTable(
  [
    "action",
    "gid",
    "signature_id",
    "rev",
    "signature",
    "category",
    "severity",
    "source",
    "target",
    "metadata",
  ],
  (values) => ({
    action: values[0],
    gid: values[1],
    signature_id: values[2],
    rev: values[3],
    signature: values[4],
    category: values[5],
    severity: values[6],
    source: values[7],
    target: values[8],
    metadata: values[9],
  }),
  { source: ENDPOINT, target: ENDPOINT },
);
const REQUEST = keyTable(["function_raw", "function_code"], ([function_raw, function_code]) => ({
  function_raw,
  function_code,
}));
const MODBUS = keyTable(["request"], ([request]) => ({ request }), { request: REQUEST });
const EVENT = keyTable(
  [
    ...[
      "timestamp",
      "event_type",
      "src_ip",
      "src_port",
      "dest_ip",
      "dest_port",
      "proto",
      "app_proto",
      "direction",
    ],
    ...[
      "community_id",
      "flow_id",
      "alert",
      "modbus",
      "flow",
      "dns",
      "http",
      "tls",
      "files",
      "fileinfo",
      "dnp3",
    ],
  ],
  (values) => new ScannedEvent(values),
  { alert: ALERT, modbus: MODBUS },
);
/** Members from here on are parsed when somebody asks. */
const FIRST_LAZY = EVENT.names.indexOf("flow");
const FLOW_ID = EVENT.names.indexOf("flow_id");
const SIGNATURE_ID = ALERT.names.indexOf("signature_id");
const METADATA = ALERT.names.indexOf("metadata");

/** A value that was checked and is parsed when somebody asks for it. */
class Unparsed {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An EVE record of which the large members are parsed on demand. */
class ScannedEvent {
  readonly timestamp: unknown;
  readonly event_type: unknown;
  readonly src_ip: unknown;
  readonly src_port: unknown;
  readonly dest_ip: unknown;
  readonly dest_port: unknown;
  readonly proto: unknown;
  readonly app_proto: unknown;
  readonly direction: unknown;
  readonly community_id: unknown;
  readonly flow_id: unknown;
  readonly alert: unknown;
  readonly modbus: unknown;
  readonly #lazy: unknown[];

  constructor(values: readonly unknown[]) {
    this.timestamp = values[0];
    this.event_type = values[1];
    this.src_ip = values[2];
    this.src_port = values[3];
    this.dest_ip = values[4];
    this.dest_port = values[5];
    this.proto = values[6];
    this.app_proto = values[7];
    this.direction = values[8];
    this.community_id = values[9];
    this.flow_id = values[10];
    this.alert = values[11];
    this.modbus = values[12];
    this.#lazy = values.slice(FIRST_LAZY);
  }

  get flow(): unknown {
    return this.#parsed(0);
  }
  get dns(): unknown {
    return this.#parsed(1);
  }
  get http(): unknown {
    return this.#parsed(2);
  }
  get tls(): unknown {
    return this.#parsed(3);
  }
  get files(): unknown {
    return this.#parsed(4);
  }
  get fileinfo(): unknown {
    return this.#parsed(5);
  }
  get dnp3(): unknown {
    return this.#parsed(6);
  }

  #parsed(index: number): unknown {
    const value = this.#lazy[index];
    if (!(value instanceof Unparsed)) return value;
    const parsed = JSON.parse(value.text) as unknown;
    this.#lazy[index] = parsed;
    return parsed;
  }
}

// The line being scanned: one at a time, never across a call from outside.
let bytes: Uint8Array = new Uint8Array(0);
let text = "";
let at = 0;

/** The metadata of rules as it was last seen, by signature_id: the same text in millions of lines. */
const metadataSeen = new Map<unknown, { readonly source: string; readonly parsed: unknown }>();
const METADATA_KEPT = 4096;

/**
 * The members of an EVE record that `parseEveLine` reads, or undefined when the line is not plain.
 *
 * @param line - the bytes of a line without byte order mark and line end
 * @param decoded - the same as text
 */
export function scanEve(line: Uint8Array, decoded: string): JsonRecord | undefined {
  bytes = line;
  text = decoded;
  at = 0;
  const values = scanObject(EVENT, 0);
  if (values === undefined || at !== line.length || values[1] === undefined) return undefined;
  return EVENT.make(values) as JsonRecord;
}

/** Scans the object at `at`; undefined when it is not plain. */
function scanObject(table: KeyTable, depth: number): unknown[] | undefined {
  const values = new Array<unknown>(table.names.length);
  if (bytes[at] !== 0x7b || depth > DEEPEST) return undefined;
  at++;
  if (bytes[at] === 0x7d) {
    at++;
    return values;
  }
  for (;;) {
    const index = scanKey(table);
    if (index === NOT_PLAIN) return undefined;
    if (index === OTHER_KEY) {
      if (!skipValue(depth + 1)) return undefined;
    } else {
      const value = scanValue(table, index, values, depth + 1);
      if (value === FAILED) return undefined;
      values[index] = value;
    }
    const next = bytes[at++];
    if (next === 0x7d) return values;
    if (next !== 0x2c) return undefined;
  }
}

const NOT_PLAIN = -1;
const OTHER_KEY = -2;
const FAILED = Symbol("not plain");

/** Passes a key and its colon; the key's index in the table. */
function scanKey(table: KeyTable): number {
  const line = bytes;
  if (line[at] !== 0x22) return NOT_PLAIN;
  const start = at + 1;
  const length = line.length;
  let hash = 0;
  let end = start;
  for (; end < length; end++) {
    const byte = line[end] as number;
    if (PLAIN[byte] !== 1) break;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (line[end] !== 0x22 || line[end + 1] !== 0x3a) return NOT_PLAIN;
  at = end + 2;
  const index = table.slots[hash & (SLOTS - 1)];
  if (index === undefined) return OTHER_KEY;
  const key = table.bytes[index] as Uint8Array;
  if (key.length !== end - start) return OTHER_KEY;
  for (let i = 0; i < key.length; i++) if (key[i] !== line[start + i]) return OTHER_KEY;
  return index;
}

function scanValue(table: KeyTable, index: number, values: readonly unknown[], depth: number): unknown {
  const first = bytes[at] as number;
  const start = at;
  if (first === 0x22) {
    const escaped = skipString();
    if (escaped === undefined) return FAILED;
    return escaped ? JSON.parse(text.slice(start, at)) : text.slice(start + 1, at - 1);
  }
  if (first >= 0x30 && first <= 0x39) {
    let value = 0;
    let digit = first;
    while (digit >= 0x30 && digit <= 0x39) {
      value = value * 10 + digit - 0x30;
      digit = bytes[++at] as number;
    }
    const digits = at - start;
    if (digit === 0x2e || digit === 0x65 || digit === 0x45 || (first === 0x30 && digits > 1)) return FAILED;
    // Numbers lose the digits of a flow id; its text keeps them.
    if (table === EVENT && index === FLOW_ID) return text.slice(start, at);
    return digits > 15 ? FAILED : value;
  }
  if (first === 0x7b) {
    const nested = table.nested[index];
    if (nested !== undefined) {
      const members = scanObject(nested, depth);
      return members === undefined ? FAILED : nested.make(members);
    }
    if (table === ALERT && index === METADATA) return scanMetadata(values[SIGNATURE_ID], depth);
  }
  if (!skipValue(depth)) return FAILED;
  return first === 0x7b || first === 0x5b
    ? new Unparsed(text.slice(start, at))
    : JSON.parse(text.slice(start, at));
}

/** A rule's metadata: text that was parsed once is known to be an object and to end where it ends. */
function scanMetadata(signatureId: unknown, depth: number): unknown {
  const start = at;
  const brace = text.indexOf("}", start);
  const known = metadataSeen.get(signatureId);
  if (known !== undefined && known.source === text.slice(start, brace + 1)) {
    at = brace + 1;
    return known.parsed;
  }
  if (!skipValue(depth)) return FAILED;
  const source = text.slice(start, at);
  const parsed = JSON.parse(source) as unknown;
  if (metadataSeen.size >= METADATA_KEPT) metadataSeen.clear();
  metadataSeen.set(signatureId, { source, parsed });
  return parsed;
}

/** Passes any value; false when it is not plain. */
function skipValue(depth: number): boolean {
  const first = bytes[at];
  if (first === 0x22) return skipString() !== undefined;
  if (first === 0x7b) return skipMembers(depth, true);
  if (first === 0x5b) return skipMembers(depth, false);
  if (first === 0x74) return skipWord("true");
  if (first === 0x66) return skipWord("false");
  if (first === 0x6e) return skipWord("null");
  return skipNumber();
}

function skipMembers(depth: number, isObject: boolean): boolean {
  if (depth > DEEPEST) return false;
  const close = isObject ? 0x7d : 0x5d;
  at++;
  if (bytes[at] === close) {
    at++;
    return true;
  }
  for (;;) {
    if (isObject) {
      if (bytes[at] !== 0x22 || skipString() === undefined || bytes[at] !== 0x3a) return false;
      at++;
    }
    if (!skipValue(depth + 1)) return false;
    const next = bytes[at++];
    if (next === close) return true;
    if (next !== 0x2c) return false;
  }
}

/** 1 for what may stand in a string as itself: printable ASCII but the quote and the backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte <= 0x7e && byte !== 0x22 && byte !== 0x5c ? 1 : 0,
);

/** Passes a string of ASCII; true when it holds escapes, undefined when it is not plain. */
function skipString(): boolean | undefined {
  const line = bytes;
  const length = line.length;
  let i = at + 1;
  while (i < length && PLAIN[line[i] as number] === 1) i++;
  if (line[i] === 0x22) {
    at = i + 1;
    return false;
  }
  for (; i < length; i++) {
    const byte = line[i] as number;
    if (PLAIN[byte] === 1) continue;
    if (byte === 0x22) {
      at = i + 1;
      return true;
    }
    if (byte !== 0x5c) return undefined;
    const kind = line[++i];
    if (kind === 0x75) {
      for (let digit = 0; digit < 4; digit++) if (!isHex(line[++i])) return undefined;
    } else if (kind === undefined || !SIMPLE_ESCAPES.has(kind)) return undefined;
  }
  return undefined;
}

/** `" \ / b f n r t` (RFC 8259 §7). */
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74]);

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function skipWord(word: string): boolean {
  if (!text.startsWith(word, at)) return false;
  at += word.length;
  return true;
}

/** `-? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?` (RFC 8259 §6). */
function skipNumber(): boolean {
  if (bytes[at] === 0x2d) at++;
  if (bytes[at] === 0x30) at++;
  else if (skipDigits() === 0) return false;
  if (bytes[at] === 0x2e) {
    at++;
    if (skipDigits() === 0) return false;
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
    if (skipDigits() === 0) return false;
  }
  return true;
}

function skipDigits(): number {
  const start = at;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined || byte < 0x30 || byte > 0x39) return at - start;
    at++;
  }
}
