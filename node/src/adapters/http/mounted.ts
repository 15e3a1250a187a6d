import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { RequestHandler } from "express";
import type { Mounted } from "../../api.ts";
import type { createAuthorizer } from "./auth.ts";
import { parseJsonBody, readBody } from "./body.ts";
import { PROBLEMS } from "./problem.ts";

/** Gives a service beside the API its requests, with the same tokens and the same bounds. */
export function serveMounted(
  mounted: Mounted,
  authorize: ReturnType<typeof createAuthorizer>,
): RequestHandler {
  return async (request, response) => {
    const [, query = ""] = request.url.split("?", 2);
    const answer = await mounted.answer(
      {
        method: request.method,
        path: request.path,
        query: new URLSearchParams(query),
        header(name) {
          const value = request.headers[name];
          return typeof value === "string" ? value : undefined;
        },
        authorize: (access) => void authorize(bearerOf(request.headers.authorization), access),
        json: async () => parseJsonBody(await readBody(request)),
      },
      (error) => PROBLEMS[error.code].status,
    );
    // What is left of a refused body is not read; the connection cannot be used again.
    if (!request.complete) response.set("connection", "close");
    response.status(answer.status).set(answer.headers).end(answer.body);
  };
}

/** Clients that know user names and passwords only (RFC 7617) give the token as the password. */
function bearerOf(header: string | undefined): string | undefined {
  const basic = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? "")?.[1];
  if (basic === undefined) return header;
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(basic, "base64").toString("utf8")) ?? [];
  if (password === undefined)
    throw new AnamnesisError("api.unauthorized", "the Basic credentials are not USER:TOKEN");
  return `Bearer ${password}`;
}
