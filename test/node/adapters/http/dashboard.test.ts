import { afterAll, beforeAll, expect, test } from "vitest";
import { type Started, startHttp } from "./start.ts";

let started: Started;
let close: () => Promise<void>;
beforeAll(async () => {
  [started, close] = await startHttp();
});
afterAll(() => close());

const get = (path: string, accept = "text/html,*/*;q=0.8") =>
  fetch(`${started.url}${path}`, { headers: { accept } });

test("a browser gets the page under a policy without exceptions, and others the lines of text", async () => {
  const page = await get("/");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toMatch(/^default-src 'none'; script-src 'self';/);
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
  const html = await page.text();
  expect(html).not.toMatch(/<script(?![^>]*\bsrc="\/web\/)|<style|\son\w+=|https?:/);
  for (const [, path = ""] of html.matchAll(/(?:href|src)="(\/web\/[^"]+)"/g))
    expect((await get(path)).status, path).toBe(200);
  expect(await (await get("/", "*/*")).text()).toMatch(/^Anamnesis: /);
});

test("scripts come as JavaScript, with everything they import", async () => {
  const seen = new Set<string>();
  const follow = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const answer = await get(path);
    expect([answer.status, answer.headers.get("content-type")], path).toEqual([
      200,
      "text/javascript; charset=utf-8",
    ]);
    const text = await answer.text();
    expect(text).not.toMatch(/^\s*(?:import|export) type|^interface /m);
    for (const [, other = ""] of text.matchAll(/from "(\.[^"]+)"/g))
      await follow(new URL(other, `http://x${path}`).pathname);
  };
  await follow("/web/app.ts");
  expect(seen.size).toBeGreaterThan(6);
});

test.each([
  "/web/",
  "/web/none.ts",
  "/web/tsconfig.json",
  "/web/../package.json",
  "/web/%2e%2e/package.json",
  "/web/..%2fsrc%2fmain.ts",
])("%s is not there", async (path) => {
  expect((await get(path)).status).toBe(404);
});
