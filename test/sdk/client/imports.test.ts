import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the client imports nothing of Node", () => {
  const folder = new URL("../../../sdk/src/client/", import.meta.url);
  const files = readdirSync(folder);
  expect(files).toContain("client.ts");
  for (const file of files) {
    const source = readFileSync(new URL(file, folder), "utf8");
    const imports = [...source.matchAll(/from "([^"]+)"/g)].map((match) => match[1] as string);
    for (const path of imports) expect(path, file).toMatch(/^\.\.?\//);
    expect(source, file).not.toMatch(/\b(process|Buffer|require)\b[.(]/);
  }
});
