/** What DESIGN §8 and the house style promise of every file, checked on the files that are tracked. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const FILES = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
  maxBuffer: 1 << 24,
})
  .split("\n")
  .filter((file) => file !== "");
const CODE = FILES.filter((file) => /^(sdk|node)\/src\/.*\.ts$/.test(file));

const read = (file: string): string => {
  try {
    return readFileSync(join(ROOT, file), "utf8");
  } catch {
    return ""; // removed and not committed yet
  }
};

/** Files of ours that a file imports, as paths from the root; packages by their name. */
function importsOf(file: string): string[] {
  const specifiers = [...read(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map(
    ([, name]) => name!,
  );
  return specifiers.map((name) => {
    if (name.startsWith(".")) return normalize(join(dirname(file), name));
    const core = /^@anamnesis\/sdk\/(.+)$/.exec(name);
    return core ? `sdk/src/${core[1]}.ts` : name === "@anamnesis/sdk" ? "sdk/src/index.ts" : name;
  });
}

const isOurs = (target: string) => /^(sdk|node|test|scripts|contracts)\//.test(target);
const adapterOf = (file: string) => /^node\/src\/adapters\/([^/]+)/.exec(file)?.[1];

/** For each room: the files it may import. A room is found by the first rule that fits. */
const ROOMS: readonly { readonly room: RegExp; readonly may: readonly RegExp[]; readonly why: string }[] = [
  {
    room: /^sdk\/src\/core\//,
    may: [/^sdk\/src\/core\//],
    why: "the core imports nothing of ours but the core",
  },
  {
    room: /^sdk\/src\/check\//,
    may: [/^sdk\/src\/check\//, /^sdk\/src\/core\/types\.ts$/],
    why: "the checker shares no code with what it checks",
  },
  {
    room: /^sdk\/src\/formats\//,
    may: [/^sdk\/src\/core\//, /^sdk\/src\/formats\//],
    why: "formats import the core and each other",
  },
  {
    room: /^sdk\/src\/learn\//,
    may: [/^sdk\/src\/core\//, /^sdk\/src\/learn\//],
    why: "learning imports the core and itself",
  },
  {
    room: /^sdk\/src\/knowledge\//,
    may: [/^sdk\/src\/core\//, /^sdk\/src\/knowledge\//],
    why: "knowledge imports the core and itself",
  },
  { room: /^sdk\//, may: [/^sdk\/src\//], why: "the SDK never imports the node" },
  {
    room: /^node\/src\/ports(-chain)?\.ts$/,
    may: [/^sdk\/src\/core\//, /^node\/src\/ports-chain\.ts$/],
    why: "ports know the core only",
  },
  {
    room: /^node\/src\/(flows|state)\//,
    may: [
      /^sdk\/src\/(core|check|evidence)\//,
      /^node\/src\/(ports|api|rooms|config)\.ts$/,
      /^node\/src\/(flows|state)\//,
    ],
    why: "flows and state import core, the checker, evidence, ports, and each other",
  },
  {
    room: /^node\/src\/adapters\//,
    may: [/^sdk\/src\/(core|evidence|formats|knowledge|learn)\//, /^node\/src\/(ports|api)\.ts$/],
    why: "adapters import core, evidence, formats and ports, never each other",
  },
  {
    room: /^node\/src\/helper\//,
    may: [/^sdk\/src\/(core|check)\//, /^node\/src\/ports\.ts$/],
    why: "what has rights knows the core and the checker, and nothing of the node",
  },
  {
    room: /^node\/src\/cli\//,
    may: [/^sdk\/src\//, /^node\/src\//],
    why: "the command line may open anything of the node",
  },
  {
    room: /^node\/src\/(main|plant|offline)\.ts$/,
    may: [/^sdk\/src\//, /^node\/src\/(?!cli\/)/],
    why: "these join the adapters",
  },
  {
    room: /^node\/src\/[^/]+\.ts$/,
    may: [/^sdk\/src\/(core|formats)\//, /^node\/src\/[^/]+\.ts$/, /^node\/src\/(flows|state)\//],
    why: "only main, plant and offline know adapters",
  },
];

/** Adapters may read the types of what they show (the HTTP API shows state). */
const TYPES_OF_STATE = /^node\/src\/state\//;

test.each(CODE)("%s imports in one direction", (file) => {
  const rule = ROOMS.find(({ room }) => room.test(file));
  expect(rule, "every file belongs to a room").toBeDefined();
  const wrong = importsOf(file).filter((target) => {
    if (!isOurs(target)) return false;
    const own = adapterOf(file);
    if (own !== undefined && adapterOf(target) === own) return false;
    if (own === "http" && TYPES_OF_STATE.test(target)) return false;
    return !rule!.may.some((pattern) => pattern.test(target));
  });
  expect(wrong, rule!.why).toEqual([]);
});

test("no state file imports what runs in flows, and flows reach the configuration by type only", () => {
  for (const file of CODE.filter((each) => /^node\/src\/(state|flows)\//.test(each))) {
    const values = [...read(file).matchAll(/^import (?!type\b)([^;]*?) from "([^"]+)"/gms)]
      .filter(([, names]) => !/^\{(\s*type [^,}]+,?)+\s*\}$/.test(names!))
      .map(([, , name]) => name!);
    const wrong = values.filter((name) => /config\.ts$|main\.ts$|plant\.ts$/.test(name));
    expect(wrong, file).toEqual([]);
    if (file.startsWith("node/src/state/"))
      expect(
        values.filter((name) => name.includes("/flows/")),
        file,
      ).toEqual([]);
  }
});

test("the checker is small, pure, and takes nothing of the core but types", () => {
  const room = CODE.filter((each) => each.startsWith("sdk/src/check/"));
  const lines = room.reduce((sum, file) => sum + read(file).split("\n").length - 1, 0);
  expect(lines).toBeLessThanOrEqual(300);
  for (const file of room) {
    const values = [...read(file).matchAll(/^import (?!type\b)[^;]*? from "([^"]+)"/gms)].map(
      ([, name]) => name!,
    );
    expect(
      values.filter((name) => !name.startsWith("./")),
      file,
    ).toEqual([]);
  }
});

test("the core has no clock, no chance, no environment and no input or output", () => {
  for (const file of CODE.filter((each) => /^sdk\/src\/(core|check)\//.test(each))) {
    const text = read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    expect(text, file).not.toMatch(
      /\bDate\.now\b|new Date\(\)|Math\.random|process\.|\bfetch\(|setTimeout|setInterval/,
    );
    expect(
      importsOf(file).filter((name) => /^node:(?!crypto$)/.test(name)),
      file,
    ).toEqual([]);
  }
});

test("imports of the core make no circle", () => {
  const core = CODE.filter((each) => each.startsWith("sdk/src/core/"));
  const open = new Set<string>();
  const closed = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (closed.has(file)) return;
    if (open.has(file)) throw new Error(`a circle: ${[...path, file].join(" → ")}`);
    open.add(file);
    for (const target of importsOf(file)) if (core.includes(target)) visit(target, [...path, file]);
    open.delete(file);
    closed.add(file);
  };
  for (const file of core) visit(file, []);
});

/** Longer than a room should be, each for a reason. */
const LONG: Readonly<Record<string, string>> = {
  "sdk/src/core/types.ts": "the nouns, in one place",
  "sdk/src/core/eve-scan.ts": "a scanner's states belong together",
  "node/src/node.ts": "the joints of all flows, in the order of the walk",
};

test("no file of the product is longer than a room", () => {
  const long = CODE.filter((file) => read(file).split("\n").length > 321 && LONG[file] === undefined);
  expect(long).toEqual([]);
});

test("no default exports", () => {
  const wrong = FILES.filter(
    (file) => /^(sdk|node|scripts|test)\/.*\.ts$/.test(file) && /^export default\b/m.test(read(file)),
  );
  expect(wrong).toEqual([]);
});

test("no tracked file names a place on somebody's machine", () => {
  const text = FILES.filter(
    (file) => /\.(ts|mjs|js|json|sol|md|sh|yaml|yml|html|css)$/.test(file) || !file.includes("."),
  );
  const place = /(?:^|[\s"'`(=:])\/(?:home|Users|root|work)\/[A-Za-z0-9_.-]{2,}/m;
  expect(text.filter((file) => file !== "test/node/architecture.test.ts" && place.test(read(file)))).toEqual(
    [],
  );
});
