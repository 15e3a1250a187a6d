/** Benign traffic from Suricata's EVE files, a line at a time, into the index validation runs against. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { formatAddress, parseRange } from "@anamnesis/sdk/core/address-set";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { type BenignIndex, type BenignRecord, createIndexBuilder } from "@anamnesis/sdk/core/validation";

/** What was read and what was not usable. */
export interface BenignLoad {
  readonly index: BenignIndex;
  readonly lines: number;
  readonly skipped: number;
}

/** Longer lines are skipped: memory stays bounded whatever a file holds. */
const MAX_LINE_BYTES = 1 << 20;

/**
 * Reads `.json` and `.json.gz` EVE files (modbus, flow, dns, http, tls, fileinfo).
 *
 * An alert in a benign file is skipped and counted, like every line that cannot be read.
 * @param options.realTime false when the traffic was made faster than real
 * @throws AnamnesisError `detector.io` with the path
 */
export async function loadBenign(
  paths: readonly string[],
  options: { readonly realTime?: boolean; readonly signal?: AbortSignal } = {},
): Promise<BenignLoad> {
  const builder = createIndexBuilder(options);
  let lines = 0;
  let skipped = 0;
  for (const path of paths) {
    try {
      for await (const line of linesOf(path, options.signal)) {
        lines++;
        const record = line === undefined ? undefined : toBenignRecord(line);
        if (record === undefined) skipped++;
        else builder.add(record);
      }
    } catch (cause) {
      const message = `cannot read the benign records ${path}; check the path under validation.benign`;
      throw new AnamnesisError("detector.io", message, { details: { path }, cause });
    }
  }
  return { index: builder.build(), lines, skipped };
}

/** Lines of a file; undefined for one that is too long. */
export async function* linesOf(path: string, signal?: AbortSignal): AsyncGenerator<string | undefined> {
  const file = createReadStream(path, signal === undefined ? {} : { signal });
  const bytes = path.endsWith(".gz") ? pipeline(file, createGunzip(), () => undefined) : file;
  const decoder = new TextDecoder();
  let rest = "";
  let isTooLong = false;
  for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      yield isTooLong ? undefined : part;
      isTooLong = false;
    }
    if (rest.length > MAX_LINE_BYTES) {
      isTooLong = true;
      rest = "";
    }
  }
  if (rest.trim() !== "" || isTooLong) yield isTooLong ? undefined : rest;
}

interface EveEvent {
  readonly timestamp?: unknown;
  readonly event_type?: unknown;
  readonly src_ip?: unknown;
  readonly dest_ip?: unknown;
  readonly dest_port?: unknown;
  readonly modbus?: { readonly request?: { readonly function_raw?: unknown } };
  readonly dns?: { readonly rrname?: unknown; readonly queries?: readonly { readonly rrname?: unknown }[] };
  readonly http?: { readonly hostname?: unknown; readonly url?: unknown };
  readonly tls?: {
    readonly sni?: unknown;
    readonly ja3?: { readonly hash?: unknown };
    readonly ja4?: unknown;
  };
  readonly fileinfo?: { readonly sha256?: unknown };
  readonly flow?: { readonly start?: unknown };
}

const PROTOCOLS = new Set(["modbus", "flow", "dns", "http", "tls", "fileinfo"]);

/** A benign record from one EVE line, or undefined when it is none. */
export function toBenignRecord(line: string): BenignRecord | undefined {
  let event: EveEvent;
  try {
    event = JSON.parse(line) as EveEvent;
  } catch {
    return undefined;
  }
  const { event_type: type, src_ip: source, dest_ip: destination, dest_port: port } = event ?? {};
  if (typeof type !== "string" || !PROTOCOLS.has(type)) return undefined;
  if (typeof source !== "string" || typeof destination !== "string") return undefined;
  const atMs = Date.parse(String(type === "flow" ? event.flow?.start : event.timestamp));
  if (Number.isNaN(atMs)) return undefined;
  const code = event.modbus?.request?.function_raw;
  const name = event.dns?.rrname ?? event.dns?.queries?.[0]?.rrname ?? event.http?.hostname ?? event.tls?.sni;
  const { hostname, url } = event.http ?? {};
  return {
    atMs,
    source: canonicalAddress(source),
    destination: canonicalAddress(destination),
    port: typeof port === "number" ? port : 0,
    protocol: type,
    ...(typeof code === "number" ? { function: code } : {}),
    ...text("name", name),
    ...(typeof hostname === "string" && typeof url === "string" && url.startsWith("/")
      ? { url: `http://${hostname.toLowerCase()}${url}` }
      : {}),
    ...text("hash", event.fileinfo?.sha256),
    ...text("ja3", event.tls?.ja3?.hash),
    ...text("ja4", event.tls?.ja4),
  };
}

function text<Key extends string>(key: Key, value: unknown): { readonly [K in Key]?: string } {
  if (typeof value !== "string" || value === "") return {};
  return { [key]: value.toLowerCase() } as { readonly [K in Key]: string };
}

/** Suricata writes IPv6 with leading zeros; records are compared in canonical form. */
function canonicalAddress(address: string): string {
  const range = parseRange(address);
  return range === undefined ? address : formatAddress(range.family, range.first);
}
