/*
 * A reader of other people's TAXII 2.1 servers. They are not believed: bounded answers, no redirects, no other
 * origin than the one named, pages that have to move on.
 */
import { AnamnesisError } from "../core/errors.ts";
import { isMembers, type Members } from "../knowledge/members.ts";
import type { Fetch } from "./request.ts";

/** Where a server is and how to speak to it. */
export interface TaxiiSource {
  /** Its discovery resource, or an API root. https, or http on this machine. */
  readonly url: string;
  /** Given as the bearer token, or as the password of `user`. */
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly fetch?: Fetch;
  /** The most one answer may take, ms, and its bytes. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

/** A collection as its server describes it. */
export interface TaxiiCollection {
  readonly id: string;
  readonly title: string;
  readonly alias?: string;
  readonly canRead: boolean;
  /** Ends with a slash. */
  readonly url: string;
}

/** A page of a collection. */
export interface TaxiiPage {
  readonly objects: readonly Members[];
  /** When the last of them was added there, as the server writes it; ask for what was added after. */
  readonly lastAdded: string | undefined;
}

const ACCEPT = "application/taxii+json;version=2.1";
const MAX_BYTES = 33_554_432;
const PAGE = 1000;
/** Objects asked for by their ids in one request. */
const IDS = 50;

/**
 * The collections of a server: of the API root that `url` is, or of the default one of its discovery resource.
 * @throws AnamnesisError `config.invalid` for a URL that may not be asked, `api.unavailable` for one that does not answer as TAXII does
 */
export async function listCollections(
  source: TaxiiSource,
  signal?: AbortSignal,
): Promise<readonly TaxiiCollection[]> {
  const base = checkedUrl(source.url);
  const { body } = await ask(source, base, signal);
  const named = [body.default, ...(Array.isArray(body.api_roots) ? body.api_roots : [])].find(
    (each) => typeof each === "string",
  );
  const root = typeof named === "string" ? slashed(new URL(named, base)) : base;
  if (root.origin !== base.origin)
    throw new AnamnesisError(
      "config.invalid",
      `${base.href} sends to ${root.origin}; give that URL yourself if you trust it with the token`,
    );
  const collections = new URL("collections/", root);
  const answer = await ask(source, collections, signal);
  const listed = Array.isArray(answer.body.collections) ? answer.body.collections.filter(isMembers) : [];
  return listed.flatMap((one) => {
    const { id, title, alias, can_read } = one;
    if (typeof id !== "string" || !/^[0-9a-f-]{36}$/i.test(id)) return [];
    return [
      {
        id,
        title: typeof title === "string" ? title : id,
        ...(typeof alias === "string" && { alias }),
        canRead: can_read === true,
        url: new URL(`${id}/`, collections).href,
      },
    ];
  });
}

/**
 * Pages of a collection in the order in which they were added, after a time as the server wrote it.
 * @throws AnamnesisError `api.unavailable`, `input.tooLarge` when a page exceeds its bounds, `input.invalid` when pages do not move on
 */
export async function* readCollection(
  source: TaxiiSource,
  collection: Pick<TaxiiCollection, "url">,
  addedAfter: string | undefined,
  signal?: AbortSignal,
): AsyncGenerator<TaxiiPage, void, undefined> {
  const seen = new Set<string>();
  for (let next: string | undefined; ; ) {
    const url = new URL("objects/", checkedUrl(collection.url));
    url.searchParams.set("limit", String(PAGE));
    if (addedAfter !== undefined) url.searchParams.set("added_after", addedAfter);
    if (next !== undefined) url.searchParams.set("next", next);
    const { body, lastAdded } = await ask(source, url, signal);
    const objects = Array.isArray(body.objects) ? body.objects.filter(isMembers) : [];
    yield { objects, lastAdded };
    if (body.more !== true) return;
    next = typeof body.next === "string" ? body.next : undefined;
    if (next === undefined || seen.has(next))
      throw new AnamnesisError(
        "input.invalid",
        `${url.origin} says that there is more and not where; ask its operator`,
      );
    seen.add(next);
  }
}

/** Objects of a collection by their ids; those it has. Throws as `readCollection` does. */
export async function readObjects(
  source: TaxiiSource,
  collection: Pick<TaxiiCollection, "url">,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<readonly Members[]> {
  const found: Members[] = [];
  for (let start = 0; start < ids.length; start += IDS) {
    const url = new URL("objects/", checkedUrl(collection.url));
    url.searchParams.set("match[id]", ids.slice(start, start + IDS).join(","));
    const { body } = await ask(source, url, signal);
    if (Array.isArray(body.objects)) found.push(...body.objects.filter(isMembers));
  }
  return found;
}

/** A token travels encrypted or not at all. */
function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHere = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url?.hostname ?? "");
  const isAllowed = url?.protocol === "https:" || (url?.protocol === "http:" && isHere);
  if (url === undefined || !isAllowed || url.username !== "" || url.password !== "")
    throw new AnamnesisError(
      "config.invalid",
      `${text.slice(0, 200)} is not asked; give an https URL without a password in it, or http on this machine`,
    );
  return slashed(url);
}

function slashed(url: URL): URL {
  const copy = new URL(url);
  if (!copy.pathname.endsWith("/")) copy.pathname += "/";
  return copy;
}

async function ask(
  source: TaxiiSource,
  url: URL,
  signal: AbortSignal | undefined,
): Promise<{ readonly body: Members; readonly lastAdded: string | undefined }> {
  const { token, user, fetch = globalThis.fetch, timeoutMs = 60_000, maxBytes = MAX_BYTES } = source;
  const timeout = AbortSignal.timeout(timeoutMs);
  const credentials = user === undefined ? `Bearer ${token}` : `Basic ${btoa(`${user}:${token ?? ""}`)}`;
  const away = (why: string, cause?: unknown) =>
    new AnamnesisError("api.unavailable", `${url.origin}${url.pathname}: ${why}`, { cause });
  try {
    const response = await fetch(url.href, {
      headers: { accept: ACCEPT, ...(token !== undefined && { authorization: credentials }) },
      redirect: "error",
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const text = await boundedText(response, maxBytes);
    if (!response.ok) throw away(`answered ${response.status} ${text.slice(0, 200)}`);
    const body: unknown = JSON.parse(text);
    if (!isMembers(body)) throw away("answered no object; is it TAXII 2.1?");
    return { body, lastAdded: timeOf(response.headers.get("x-taxii-date-added-last")) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AnamnesisError) throw error;
    throw away(`no answer that is TAXII (${error instanceof Error ? error.message : String(error)})`, error);
  }
}

async function boundedText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes)
      throw new AnamnesisError(
        "input.tooLarge",
        `an answer exceeds ${maxBytes} bytes; ask its operator for smaller pages`,
      );
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Servers write times in many ways; what is sent back is what came, if it is a time at all. */
function timeOf(text: string | null): string | undefined {
  return text !== null && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(text) ? text : undefined;
}
