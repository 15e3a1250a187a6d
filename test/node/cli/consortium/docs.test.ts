import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { initConsortium } from "../../../../node/src/cli/consortium/init.ts";
import { createProgram } from "../../../../node/src/cli/program.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const TEXT = readFileSync(join(ROOT, "docs/consortium.md"), "utf8");
const blocks = (language: string) =>
  [...TEXT.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(([, body]) => body!);
const lines = blocks("sh").flatMap((body) => body.trim().split("\n"));

type Command = ReturnType<typeof createProgram>;

/** Words of a command line, quotes respected. */
const wordsOf = (line: string) =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);

it.each(lines.filter((line) => line.startsWith("anamnesis ")))("docs/consortium.md: %s", (line) => {
  let command: Command = createProgram(() => undefined);
  const chain = [command];
  const rest: string[] = [];
  const words = wordsOf(line).slice(1);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const option = chain
      .flatMap((each) => each.options)
      .find(({ long, short }) => long === word || short === word);
    if (word.startsWith("-")) {
      expect(option, `${word} is an option of ${command.name()}`).toBeDefined();
      if (option!.required || option!.optional) i++;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) rest.push(word);
    else {
      chain.push(next);
      command = next;
    }
  }
  expect(command.commands, `${line} names a command to its end`).toEqual([]);
  const needed = command.registeredArguments.filter(({ required }) => required).length;
  const isVariadic = command.registeredArguments.some(({ variadic }) => variadic);
  expect(rest.length).toBeGreaterThanOrEqual(needed);
  if (!isVariadic) expect(rest.length).toBeLessThanOrEqual(command.registeredArguments.length);
  for (const option of command.options.filter(({ mandatory }) => mandatory))
    expect(words).toContain(option.long);
});

it("docs/consortium.md names scripts that exist", () => {
  for (const line of lines.filter((each) => each.startsWith("node ")))
    expect(existsSync(join(ROOT, wordsOf(line)[1]!)), line).toBe(true);
  expect(lines.filter((line) => !/^(anamnesis|node|curl) /.test(line))).toEqual([]);
});

it("docs/consortium.md shows a plan that init takes", () => {
  const plan = parse(blocks("yaml")[0]!);
  const [acme] = plan.companies;
  plan.companies = ["acme", "bolt", "cog", "dyne"].map((name, i) => ({
    name,
    account: acme.account.replace(/..$/, `${i}0`),
    nodes: [{ ...acme.nodes[0], name: `${name}-1`, ip: `10.20.0.1${i}`, request: undefined }],
    plants: [
      {
        name: `plant-${i}`,
        peer: { ip: `10.20.1.1${i}` },
        relay: acme.plants[0].relay.replace(/..$/, `${i}1`),
      },
    ],
  }));
  const directory = mkdtempSync(join(tmpdir(), "anamnesis-docs-"));
  try {
    writeFileSync(join(directory, "plan.yaml"), stringify(plan));
    const result = initConsortium({ config: join(directory, "plan.yaml"), out: join(directory, "out") }, 0);
    const { files } = result.json as { files: string[] };
    for (const name of ["besu.toml", "permissions.toml", "compose.yaml", "besu.service"])
      expect(files).toContain(`acme/acme-1/${name}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
