import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { rolesFor } from "./auth.ts";
import type { Route } from "./route.ts";
import { problemSchema } from "./schemas.ts";

/** The OpenAPI 3.1 document of the routes, generated from their schemas. */
export function describeRoutes(routes: readonly Route[]): object {
  const paths: Record<string, ZodOpenApiPathsObject[string]> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Anamnesis",
      version: "1",
      description: "What one plant's node answers. Errors are problem details (RFC 9457) with a code.",
    },
    paths,
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  });
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { params, query, headers, body, lines } = route.request;
  const problem = {
    description: "A problem",
    content: { "application/problem+json": { schema: problemSchema } },
  };
  return {
    operationId: `${route.method}${route.path.replaceAll(/\W+(\w)?/g, (_, c?: string) => c?.toUpperCase() ?? "")}`,
    summary: route.summary,
    ...(route.access === "open"
      ? {}
      : { security: [{ token: [] }], description: `Roles: ${rolesFor(route.access).join(", ")}.` }),
    requestParams: {
      ...(params && { path: params }),
      ...(query && Object.keys(query.shape).length > 0 && { query }),
      ...(headers && { header: headers }),
    },
    ...(body && {
      requestBody: {
        required: true,
        content: {
          "application/json": { schema: body },
          ...(lines && { "application/x-ndjson": { schema: { type: "string" as const } } }),
        },
      },
    }),
    responses: { "200": { description: "The answer", content: answer(route) }, default: problem },
  };
}

function answer(route: Route) {
  if (route.response === "openapi") return { "application/json": { schema: { type: "object" as const } } };
  if (route.response === "bundle") return { "application/json": { schema: { type: "object" as const } } };
  if (typeof route.response === "string")
    return { [route.response]: { schema: { type: "string" as const } } };
  return { "application/json": { schema: route.response } };
}
