/** Reads a whole file the way a detector would, and says what every line became. */
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { cleanBytes, lineExample } from "@anamnesis/sdk/core/eve";
import type { Traffic } from "@anamnesis/sdk/core/traffic";
import type { Detection, LineOutcome, LineReason, Self } from "@anamnesis/sdk/core/types";
import type { LineAt, Reader } from "@anamnesis/sdk/formats/format";
import { detectFormats, formatNamed, type Guess } from "@anamnesis/sdk/formats/formats";
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import { createLineSplitter, type Line } from "./lines.ts";

/** How a file is read. */
export interface InspectOptions {
  /** A format's name; found out when absent. */
  readonly format?: string;
  readonly zone?: string;
  readonly mapping?: Mapping;
  readonly self: Self;
  /** ms since the epoch. */
  readonly readAtMs: number;
  /** Of the unpacked stream at most this much is read. Default 256 MiB. */
  readonly mostBytes?: number;
  /** Detections to keep. Default 5. */
  readonly examples?: number;
  readonly onOutcome?: (outcome: LineOutcome, line: number) => void;
  /** Connections and requests in records that are no alerts; lines count from 1. */
  readonly onTraffic?: (traffic: Traffic, line: number) => void;
}

/** What a file is and what its lines became. */
export interface Inspection {
  readonly path: string;
  /** Null: no format fits. */
  readonly format: string | null;
  readonly title: string;
  readonly score: number;
  readonly why: string;
  /** Other formats that it could be, with their scores. */
  readonly others: Readonly<Record<string, number>>;
  readonly encoding: "utf-8" | "utf-8 with byte order mark" | "utf-16le" | "utf-16be";
  readonly packed: boolean;
  /** Bytes of text that were read, and whether there are more; or what ended the reading. */
  readonly bytes: number;
  readonly complete: boolean;
  readonly damage: string | null;
  readonly lines: number;
  readonly detections: number;
  readonly attackers: number;
  /** Counts of what is understood and no alert, by its kind. */
  readonly context: Readonly<Record<string, number>>;
  readonly rejected: Readonly<Partial<Record<LineReason, number>>>;
  /** One example of each reason. */
  readonly rejectedExamples: Readonly<Partial<Record<LineReason, string>>>;
  readonly examples: readonly Detection[];
}

const SAMPLE_BYTES = 65_536;
const MOST_BYTES = 256 << 20;
const MOST_KINDS = 200;

/** Reads a file or a stream; I/O errors are thrown as Node gives them. Memory stays below a few lines' worth. */
export async function inspectFile(input: string | Readable, options: InspectOptions): Promise<Inspection> {
  const { onTraffic } = options;
  const path = typeof input === "string" ? input : "-";
  const fileMs = typeof input === "string" ? Math.floor(statSync(input).mtimeMs) : options.readAtMs;
  const text = openText(input, options.mostBytes ?? MOST_BYTES);
  const head: Buffer[] = [];
  let headBytes = 0;
  let reader: Reader | undefined;
  let guesses: readonly Guess[] = [];
  const tally = createTally(options);
  const splitter = createLineSplitter(0);
  let lines = 0;
  let last: LineAt | undefined;

  const decide = (): void => {
    guesses = detectFormats({ path, head: Buffer.concat(head).toString("utf8", 0, SAMPLE_BYTES) });
    const format = options.format === undefined ? guesses[0]?.format : formatNamed(options.format);
    reader = format?.createReader({
      detector: "file",
      path,
      ...(options.zone !== undefined && { zone: options.zone }),
      ...(options.mapping !== undefined && { mapping: options.mapping }),
      ...(onTraffic !== undefined && { onTraffic: (traffic: Traffic) => onTraffic(traffic, lines) }),
    });
    for (const chunk of head.splice(0)) feed(chunk);
  };

  const take = (line: Line, isLast: boolean): void => {
    lines++;
    const reason = line.tooLong ? "line.tooLong" : reader === undefined ? "line.unknownFormat" : undefined;
    if (reason !== undefined || reader === undefined) {
      const example = lineExample(line.bytes.toString());
      tally.add({ kind: "rejected", reason: reason ?? "line.unknownFormat", example }, lines);
      return;
    }
    last = { offset: line.offset, stream: path, readAtMs: options.readAtMs, fileMs, self: options.self };
    for (const outcome of reader.push(cleanBytes(line.bytes), last)) {
      // Without its newline the last line may still be being written.
      const half = isLast && outcome.kind === "rejected";
      tally.add(half ? { ...outcome, reason: "line.unfinished" } : outcome, lines);
    }
  };

  const feed = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(splitter.room(), 0, at);
      splitter.added(copied);
      at += copied;
      for (let line = splitter.next(); line !== undefined; line = splitter.next()) take(line, false);
    }
  };

  for await (const chunk of text.chunks()) {
    if (headBytes >= SAMPLE_BYTES) feed(chunk);
    else {
      head.push(chunk);
      headBytes += chunk.length;
      if (headBytes >= SAMPLE_BYTES) decide();
    }
  }
  if (headBytes < SAMPLE_BYTES) decide();
  const rest = splitter.rest();
  if (rest !== undefined) take(rest, true);
  if (reader !== undefined && last !== undefined)
    for (const outcome of reader.end(last)) tally.add(outcome, lines);

  const chosen =
    options.format === undefined ? guesses[0] : guesses.find(({ format }) => format.name === options.format);
  return {
    path,
    format: chosen?.format.name ?? options.format ?? null,
    title:
      chosen?.format.title ?? (options.format === undefined ? "unknown" : formatNamed(options.format).title),
    score: chosen?.score ?? 0,
    why:
      chosen?.why ??
      (options.format === undefined ? "no format fits its first lines" : "as it was asked for"),
    others: Object.fromEntries(
      guesses.filter((guess) => guess !== chosen).map(({ format, score }) => [format.name, score]),
    ),
    ...text.facts(),
    lines,
    ...tally.result(),
  };
}

/** The text of a file in UTF-8, unpacked and decoded, up to a limit. */
function openText(input: string | Readable, mostBytes: number) {
  let bytes = 0;
  let complete = true;
  let packed = false;
  let damage: string | null = null;
  let encoding: Inspection["encoding"] = "utf-8";

  async function* unpacked(): AsyncGenerator<Buffer> {
    const [file, magic] = await begin(input);
    packed = magic;
    let source: Readable = file;
    if (packed) {
      const gunzip = createGunzip();
      file.on("error", (error) => gunzip.destroy(error));
      source = file.pipe(gunzip);
    }
    try {
      for await (const chunk of source) yield chunk as Buffer;
    } catch (error) {
      if (!packed) throw error;
      damage = `damaged archive: ${(error as Error).message}`;
    } finally {
      source.destroy();
      file.destroy();
    }
  }

  return {
    async *chunks(): AsyncGenerator<Buffer> {
      let decoder: InstanceType<typeof TextDecoder> | undefined;
      let first = true;
      for await (const chunk of unpacked()) {
        if (first) {
          first = false;
          encoding = encodingOf(chunk);
          if (encoding.startsWith("utf-16")) decoder = new TextDecoder(encoding);
        }
        const left = mostBytes - bytes;
        const taken = chunk.length > left ? chunk.subarray(0, left) : chunk;
        bytes += taken.length;
        yield decoder === undefined ? taken : Buffer.from(decoder.decode(taken, { stream: true }));
        if (taken.length < chunk.length) {
          complete = false;
          return;
        }
      }
    },
    facts: () => ({ encoding, packed, bytes, complete, damage }),
  };
}

/** The bytes, and whether they are packed (RFC 1952). */
async function begin(input: string | Readable): Promise<[bytes: Readable, packed: boolean]> {
  if (typeof input === "string") {
    const packed = isPacked(input);
    // zlib drops what it had unpacked of the piece in which it meets damage: keep the pieces small.
    return [createReadStream(input, { highWaterMark: packed ? 4096 : 262_144 }), packed];
  }
  const chunks = (input as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    for (;;) {
      const { value, done } = await chunks.next();
      if (done === true) return;
      yield value;
    }
  }
  return [Readable.from(all(), { objectMode: false }), head[0] === 0x1f && head[1] === 0x8b];
}

function isPacked(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(2);
    return readSync(fd, head, 0, 2, 0) === 2 && head[0] === 0x1f && head[1] === 0x8b;
  } finally {
    closeSync(fd);
  }
}

function encodingOf(head: Buffer): Inspection["encoding"] {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return "utf-8 with byte order mark";
  // Every second byte of ASCII in UTF-16 is zero.
  const most = Math.min(head.length, 64) & ~1;
  if (most < 8) return "utf-8";
  let [even, odd] = [0, 0];
  for (let i = 0; i < most; i += 2) {
    if (head[i] === 0) even++;
    if (head[i + 1] === 0) odd++;
  }
  if (odd * 2 > most * 0.9 && even === 0) return "utf-16le";
  return even * 2 > most * 0.9 && odd === 0 ? "utf-16be" : "utf-8";
}

/** Counts outcomes. */
function createTally(options: InspectOptions) {
  const context: Record<string, number> = {};
  const rejected: Partial<Record<LineReason, number>> = {};
  const rejectedExamples: Partial<Record<LineReason, string>> = {};
  const examples: Detection[] = [];
  let kinds = 0;
  let detections = 0;
  let attackers = 0;
  return {
    add(outcome: LineOutcome, line: number): void {
      options.onOutcome?.(outcome, line);
      if (outcome.kind === "detection") {
        detections++;
        if (outcome.detection.attacker !== undefined) attackers++;
        if (examples.length < (options.examples ?? 5)) examples.push(outcome.detection);
      } else if (outcome.kind === "context") {
        const known = Object.hasOwn(context, outcome.eventType);
        const kind = known || kinds < MOST_KINDS ? outcome.eventType : "other";
        if (!known) kinds++;
        context[kind] = (context[kind] ?? 0) + 1;
      } else if (outcome.kind === "rejected") {
        rejected[outcome.reason] = (rejected[outcome.reason] ?? 0) + 1;
        rejectedExamples[outcome.reason] ??= outcome.example;
      }
    },
    result: () => ({ detections, attackers, context, rejected, rejectedExamples, examples }),
  };
}
