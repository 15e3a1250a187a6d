/** What of an EVE alert belongs to the attacker and can be seen again elsewhere. */
import { canonicalAddress } from "./address.ts";
import type { Ends } from "./direction.ts";
import { isRecord, type JsonRecord } from "./eve-fields.ts";
import { plainName } from "./self-index.ts";
import type { Observable, ObservableKind } from "./types.ts";

/** An alert about more values than this is kept, and the rest of them is not offered. */
const MAX_OBSERVABLES = 32;

/**
 * The attacker's observables, before negative selection, in a fixed order.
 *
 * The attacker's address; when the victim is the client: the name it looked up, the HTTP host and
 * URL, the TLS server name; when the attacker is the client: its JA3 and JA4; and the SHA-256 of
 * files that the attacker sent (not of its requests' bodies). Never the victim's own names, files or fingerprints.
 */
export function eveObservables(event: JsonRecord, ends: Ends): readonly Observable[] {
  const { attacker, attackerIsClient, attackerSent } = ends;
  if (attacker === undefined) return [];
  const found: Observable[] = [];
  found.push(addressObservable(attacker.address));
  if (attackerIsClient === false) {
    if (isRecord(event.dns)) for (const name of lookedUp(event.dns)) addName(found, name);
    if (isRecord(event.http)) addHttp(found, event.http);
    if (isRecord(event.tls)) addName(found, event.tls.sni);
  }
  if (attackerIsClient === true && isRecord(event.tls)) {
    const { ja3, ja4 } = event.tls;
    add(found, "ja3", isRecord(ja3) ? ja3.hash : undefined, /^[0-9a-f]{32}$/);
    add(found, "ja4", ja4, /^[a-z]\d{2}[di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/);
  }
  if (attackerSent === true) {
    const files = Array.isArray(event.files) ? event.files : [event.fileinfo];
    for (const file of files as readonly unknown[]) {
      // A hash of half a file is the hash of something else.
      if (!isRecord(file) || file.state === "TRUNCATED") continue;
      if (attackerIsClient === true && isRequestBody(file, event.http)) continue;
      add(found, "file", file.sha256, /^[0-9a-f]{64}$/);
    }
  }
  return found.length > MAX_OBSERVABLES ? found.slice(0, MAX_OBSERVABLES) : found;
}

/** An address as an observable of its family. `address` is canonical. */
export function addressObservable(address: string): Observable {
  return { kind: address.includes(":") ? "ipv6-addr" : "ipv4-addr", value: address };
}

/** Suricata names the body of a request after its URL: a form that was sent is no file that could be met again. */
function isRequestBody(file: JsonRecord, http: unknown): boolean {
  if (!isRecord(http) || typeof http.url !== "string" || typeof file.filename !== "string") return false;
  return http.url.replace(/[?#].*$/s, "").endsWith(file.filename);
}

function add(found: Observable[], kind: ObservableKind, value: unknown, form: RegExp): void {
  if (typeof value !== "string") return;
  const normal = value.toLowerCase();
  if (!form.test(normal)) return;
  if (!found.some((one) => one.kind === kind && one.value === normal)) found.push({ kind, value: normal });
}

function addName(found: Observable[], value: unknown): void {
  const name = typeof value === "string" ? canonicalName(value) : undefined;
  if (name === undefined) return;
  if (!found.some((one) => one.kind === "domain-name" && one.value === name)) {
    found.push({ kind: "domain-name", value: name });
  }
}

/** The names of a DNS record in any of its shapes: v1 `rrname`, v2 `query: [{rrname}]`, v3 `queries: [{rrname}]`. */
function lookedUp(dns: JsonRecord): readonly unknown[] {
  const names: unknown[] = [];
  for (const shape of [dns.query, dns.queries]) {
    if (!Array.isArray(shape)) continue;
    for (const item of shape as readonly unknown[]) if (isRecord(item)) names.push(item.rrname);
  }
  if (isRecord(dns.query)) names.push(dns.query.rrname);
  if (names.length === 0) names.push(isRecord(dns.answer) ? dns.answer.rrname : dns.rrname);
  return names;
}

/**
 * The host as a name and the URL without user, query and fragment: what a client asks for in a
 * query is the victim's, and it differs at every plant.
 */
function addHttp(found: Observable[], http: JsonRecord): void {
  if (typeof http.hostname !== "string") return;
  const match = /^(\[[^\]]+\]|[^:/?#@]+)(?::(\d{1,5}))?$/.exec(http.hostname.trim());
  if (match === null) return;
  const bare = (match[1] as string).replace(/^\[|\]$/g, "");
  const address = canonicalAddress(bare);
  const name = address === undefined ? canonicalName(bare) : undefined;
  if (address === undefined && name === undefined) return;
  addName(found, name);
  const url = canonicalUrl(address ?? (name as string), Number(match[2] ?? http.http_port ?? 80), http.url);
  if (url !== undefined) found.push({ kind: "url", value: url });
}

function canonicalUrl(host: string, port: number, path: unknown): string | undefined {
  if (typeof path !== "string" || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  // A proxy is asked with the whole URL.
  const own = path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  // The root of a host says no more than its name; a path that is none was never sent as one.
  if (!own.startsWith("/") || own === "/" || own.length > 2_048) return undefined;
  const escaped = own.replace(/[^\x21-\x7e]|['"\\<>^`{|}]/gu, (character) => encodeCharacter(character));
  const shown = host.includes(":") ? `[${host}]` : host;
  return `http://${shown}${port === 80 ? "" : `:${port}`}${escaped}`;
}

function encodeCharacter(character: string): string {
  return character.isWellFormed()
    ? encodeURIComponent(character).replace("'", "%27")
    : encodeURIComponent("\ufffd");
}

/** A domain name in lower case, ASCII form, without its last dot, or undefined when it is none (RFC 1035, RFC 5890). */
export function canonicalName(text: string): string | undefined {
  let name = plainName(text.trim());
  if (name.length > 253) return undefined;
  if (/[^\x20-\x7e]/.test(name)) {
    if (!URL.canParse(`http://${name}`)) return undefined;
    name = new URL(`http://${name}`).hostname;
  }
  const labels = name.split(".");
  if (!labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) return undefined;
  return canonicalAddress(name) === undefined && !/^\d+$/.test(labels.at(-1) as string) ? name : undefined;
}
