/** What a route is made of. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import type { PlantApi } from "../../api.ts";
import type { Access } from "./auth.ts";

/** What a handler gets beside its checked input. */
export interface Context {
  readonly api: PlantApi;
  /** The caller's detector name, for publishing. */
  readonly detector: string;
  /** Who asks, for what operators say: the token's name, or the beginning of its SHA-256. */
  readonly who: string;
  readonly streamChanges: (
    request: IncomingMessage,
    response: ServerResponse,
    after: number,
  ) => Promise<void>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** One route. `request` holds a schema per part of the request; parts without one have to be empty. */
export interface Route {
  readonly method: "get" | "post";
  /** Express path; `:name` is a parameter. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  readonly request: RequestSchemas;
  /** The JSON answer's schema, or the media type of another answer. */
  readonly response: z.ZodType | "text/event-stream" | "text/plain" | "openapi" | "bundle";
  /** Gives the answer, or nothing when it has answered by itself. */
  readonly handle: (context: Context, input: Input<RequestSchemas>) => unknown;
}

/** Schemas of the parts of a request. */
export interface RequestSchemas {
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Whether the body may also come as application/x-ndjson, one line each. */
  readonly lines?: boolean;
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
/** The checked parts of a request. */
export interface Input<R extends RequestSchemas> {
  readonly params: Parsed<R["params"]>;
  readonly query: Parsed<R["query"]>;
  readonly headers: Parsed<R["headers"]>;
  readonly body: Parsed<R["body"]>;
}

/** Ties a handler's input to its own schemas, then forgets them for the table. */
export function route<const R extends RequestSchemas>(
  definition: Omit<Route, "request" | "handle"> & {
    readonly request: R;
    readonly handle: (context: Context, input: Input<R>) => unknown;
  },
): Route {
  return definition as unknown as Route;
}
