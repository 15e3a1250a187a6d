/*
 * TAXII 2.1 (OASIS) beside the node's API: one API root, two collections to read and one to write. Nothing is
 * kept here but the statuses of what was written; what is served is decided where TLP is (flows/answer-knowledge.ts).
 */
import { randomUUID } from "node:crypto";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Mounted, MountedAnswer, MountedRequest, PlantApi } from "../../api.ts";
import type { Clock, Log } from "../../ports.ts";
import { COLLECTIONS, type Collection } from "./collections.ts";
import { nextAfter, type ObjectsQuery, parseQuery, writeTime } from "./filter.ts";
import { requireAccept, requireContentType, STIX, TAXII, Unsuited } from "./media.ts";
import { type Dated, type Page, pageOf } from "./objects.ts";
import { type WriteStatus, writeObjects } from "./write.ts";

/** What the server needs. */
export interface TaxiiOptions {
  readonly api: Pick<PlantApi, "shared" | "propose">;
  readonly clock: Clock;
  readonly log: Log;
  /** The plant's name. */
  readonly plant: string;
}

/** The path of the discovery resource and of the API root below it. */
const DISCOVERY = "/taxii2";
const ROOT = "consortium";
/** The most bytes of an envelope, as the API reads them. */
const MAX_CONTENT = 1_048_576;
/** Statuses kept for clients that ask for them again. */
const STATUSES = 1000;

/** Creates the server, to be mounted beside the API. */
export function createTaxii({ api, clock, log, plant }: TaxiiOptions): Mounted {
  const statuses = new Map<string, WriteStatus>();

  async function route(request: MountedRequest): Promise<MountedAnswer> {
    const { method, path } = request;
    const [root, resource, id, part, object, versions, ...rest] = path
      .split("/")
      .filter((each) => each !== "");
    request.authorize("read");
    requireAccept(request.header("accept"));
    if (rest.length > 0) throw missing(path);
    if (root === undefined) return get(method, discovery(request));
    if (root !== ROOT) throw missing(path);
    if (resource === undefined) return get(method, apiRoot());
    if (resource === "status" && id !== undefined && part === undefined)
      return get(method, statusOf(request, id));
    if (resource !== "collections") throw missing(path);
    if (id === undefined)
      return get(method, { collections: COLLECTIONS.map((each) => describe(each, request)) });
    const collection = COLLECTIONS.find((each) => each.id === id.toLowerCase() || each.alias === id);
    if (collection === undefined) throw missing(path);
    if (part === undefined) return get(method, describe(collection, request));
    if (part === "objects" && object === undefined && method === "POST") return write(request, collection);
    requireGet(method);
    if (collection.use !== "read")
      throw new AnamnesisError("api.forbidden", `collection ${collection.alias} is written, not read`);
    const query = parseQuery(request.query);
    if (part === "manifest" && object === undefined)
      return list(await pageOf(api, collection, query), manifestOf);
    if (part !== "objects") throw missing(path);
    if (object === undefined) return list(await pageOf(api, collection, query), ({ object: each }) => each);
    const one = await pageOf(api, collection, { ...query, ids: [object] });
    if (one.objects.length === 0 && !(await exists(collection, object))) throw missing(path);
    if (versions === undefined) return list(one, ({ object: each }) => each);
    if (versions !== "versions") throw missing(path);
    return list(one, ({ version }) => version, "versions");
  }

  async function exists(collection: Collection, id: string): Promise<boolean> {
    const all: ObjectsQuery = { afterUs: 0, limit: 1, isOurs: true };
    return (await pageOf(api, collection, { ...all, ids: [id] })).objects.length > 0;
  }

  function discovery(request: MountedRequest): object {
    const url = `http://${request.header("host")}${DISCOVERY}/${ROOT}/`;
    return {
      title: `Anamnesis at plant ${plant}`,
      description: "The shared immune memory of a consortium of industrial plants.",
      default: url,
      api_roots: [url],
    };
  }

  function apiRoot(): object {
    const title = "The consortium's memory";
    return { title, versions: [TAXII], max_content_length: MAX_CONTENT };
  }

  function describe({ id, alias, title, description, use }: Collection, request: MountedRequest): object {
    const can_write = use === "write" && mayCommand(request);
    return { id, title, description, alias, can_read: use === "read", can_write, media_types: [STIX] };
  }

  function statusOf(request: MountedRequest, id: string): WriteStatus {
    request.authorize("command");
    const status = statuses.get(id);
    if (status === undefined)
      throw new AnamnesisError("api.notFound", `no status ${id.slice(0, 40)} is kept here`);
    return status;
  }

  async function write(request: MountedRequest, { use, alias }: Collection): Promise<MountedAnswer> {
    request.authorize("command");
    if (use !== "write")
      throw new AnamnesisError("api.forbidden", `collection ${alias} is read; write to proposals`);
    requireContentType(request.header("content-type"));
    const status = await writeObjects(api, await request.json(), clock.nowMs(), randomUUID());
    statuses.set(status.id, status);
    for (const old of statuses.keys()) if (statuses.size > STATUSES) statuses.delete(old);
    const { success_count, failure_count } = status;
    log.info("taxii.written", { status: status.id, taken: success_count, refused: failure_count });
    return answer(202, status);
  }

  return {
    path: DISCOVERY,
    async answer(request, statusOfError) {
      try {
        return await route(request);
      } catch (thrown) {
        if (!isAnamnesisError(thrown)) log.error("taxii.failed", { message: String(thrown) });
        const error = isAnamnesisError(thrown)
          ? thrown
          : new AnamnesisError("api.internal", "the node met a fault of its own; its log has the details");
        const status = error instanceof Unsuited ? error.status : statusOfError(error);
        log.debug("taxii.refused", { code: error.code, status });
        return {
          ...answer(status, {
            title: error.code,
            description: error.message,
            error_code: error.code,
            http_status: String(status),
          }),
          headers: {
            "content-type": TAXII,
            ...(status === 401 && {
              "www-authenticate": 'Basic realm="anamnesis", Bearer realm="anamnesis"',
            }),
            ...(status === 405 && { allow: "GET" }),
          },
        };
      }
    },
  };
}

function mayCommand(request: MountedRequest): boolean {
  try {
    request.authorize("command");
    return true;
  } catch {
    return false;
  }
}

function manifestOf({ object, version, addedUs }: Dated): object {
  return { id: object.id, date_added: writeTime(addedUs), version, media_type: STIX };
}

/** An answer with the first and last time of its objects in the headers (TAXII 2.1 §1.6.6). */
function list(
  { objects, more }: Page,
  write: (one: Dated) => unknown,
  name: "objects" | "versions" = "objects",
): MountedAnswer {
  const [first, last] = [objects[0], objects.at(-1)];
  if (first === undefined || last === undefined) return answer(200, {});
  const body = { more, ...(more && { next: nextAfter(last.addedUs) }), [name]: objects.map(write) };
  return {
    ...answer(200, body),
    headers: {
      "content-type": TAXII,
      "x-taxii-date-added-first": writeTime(first.addedUs),
      "x-taxii-date-added-last": writeTime(last.addedUs),
    },
  };
}

function answer(status: number, body: object): MountedAnswer {
  return { status, headers: { "content-type": TAXII }, body: JSON.stringify(body) };
}

function get(method: string, body: object): MountedAnswer {
  requireGet(method);
  return answer(200, body);
}

function requireGet(method: string): void {
  if (method !== "GET" && method !== "HEAD")
    throw new Unsuited(
      405,
      `${method.slice(0, 16)} is not done here; records are taken back by refuting them`,
    );
}

function missing(path: string): AnamnesisError {
  return new AnamnesisError(
    "api.notFound",
    `there is no ${path.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 120)} here`,
  );
}
