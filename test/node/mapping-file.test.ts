import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadMapping } from "../../node/src/mapping-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "anamnesis-mapping-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(text: string) {
  const file = join(folder, "map.yaml");
  await writeFile(file, text);
  return loadMapping(file).mapping;
}

test("places, constants and tables", async () => {
  const text = `
when: { path: /kind, equals: alarm }
time: /meta/at
rule: { const: historian }
severity: { value: { path: /level, values: { high: 80, 3: 60 }, otherwise: 20 } }
attacker: { address: /who/ip, port: /who/port }
`;
  expect(await load(text)).toEqual({
    when: [{ path: "/kind", equals: ["alarm"] }],
    time: "/meta/at",
    rule: { const: "historian" },
    severity: { value: { path: "/level", values: { high: 80, 3: 60 }, otherwise: 20 } },
    attacker: { address: "/who/ip", port: "/who/port" },
  });
});

test.each<[string, string, RegExp]>([
  ["no rule", "time: /at\n", /line 1: \/rule: /],
  ["a path that is no pointer", "rule: /id\ntime: meta.at\n", /line 2: \/time: expected a JSON pointer/],
  ["a wrong escape", "rule: /a~2b\n", /line 1: \/rule: /],
  ["a setting that there is not", "rule: /id\n\nattackr:\n  address: /a\n", /line 3: .*attackr/],
  [
    "a table without its place",
    "rule: /id\nseverity:\n  value:\n    values: { a: 1 }\n",
    /line 3: \/severity\/value/,
  ],
  ["a scale of nothing", "rule: /id\nseverity:\n  value: /l\n  scale: 0\n", /line 4: \/severity\/scale/],
  ["an end without its address", "rule: /id\nvictim:\n  port: /p\n", /line 2: \/victim\/address/],
  ["half a line", "rule: [\n", /line \d: the file: /],
  ["a list", "- 1\n", /line 1: the file: /],
])("%s is refused with its line", async (_what, text, expected) => {
  await expect(load(text)).rejects.toMatchObject({ code: "config.invalid" });
  await expect(load(text)).rejects.toThrow(expected);
});

test("a file that is not there is named", () => {
  expect(() => loadMapping(join(folder, "none.yaml"))).toThrow(/none\.yaml cannot be read/);
});
