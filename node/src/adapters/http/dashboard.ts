/**
 * The dashboard: a few files of node/web, read once and served from memory. TypeScript is served with its types
 * stripped (by Node itself), so there is no build between the source and the page.
 */
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Express } from "express";

const ROOT = fileURLToPath(new URL("../../../web", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".ts": "text/javascript; charset=utf-8",
};

/** Scripts, styles and questions come from and go to this node only; nothing is inlined, nothing frames it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Asset {
  readonly type: string;
  readonly body: string;
}

let assets: ReadonlyMap<string, Asset> | undefined;

/** The page at `/`, its files below `/web/`. They hold no secrets: what they show is asked with a token. */
export function serveDashboard(app: Express): void {
  app.get(["/", /^\/web\//], (request, response, next) => {
    // Whoever asks without a browser gets the few lines of text that name the addresses.
    if (request.path === "/" && request.accepts(["text", "html"]) !== "html") return next();
    assets ??= readAssets();
    const asset = assets.get(request.path === "/" ? "/web/index.html" : request.path);
    if (asset === undefined) return next();
    response.set({ "content-security-policy": POLICY, "cache-control": "no-cache" });
    response.type(asset.type).send(asset.body);
  });
}

function readAssets(): ReadonlyMap<string, Asset> {
  const names = readdirSync(ROOT, { recursive: true, encoding: "utf8" });
  const entries = names.flatMap((name): [string, Asset][] => {
    const type = TYPES[extname(name)];
    if (type === undefined) return [];
    const text = readFileSync(join(ROOT, name), "utf8");
    const body = extname(name) === ".ts" ? stripTypeScriptTypes(text) : text;
    return [[`/web/${name}`, { type, body }]];
  });
  return new Map(entries);
}
