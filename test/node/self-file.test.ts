/** Self in a file of its own, its conduits and warninglists, what the signature covers, and `self check`. */
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPlan } from "@anamnesis/sdk/check/plan";
import { compileBehaviour, matchesBehaviour, selfHit } from "@anamnesis/sdk/core/compile";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { indexSelf } from "@anamnesis/sdk/core/self-index";
import type { Self } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { readConfig } from "../../node/src/config.ts";
import { runInProcess } from "./cli/in-process.ts";
import { BEHAVIOUR } from "./support/plant.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-self-"));
});
afterEach(() => rm(directory, { recursive: true }));

const HASH = "ab".repeat(32);
const SELF = {
  confirmedAt: "2026-03-01T00:00:00Z",
  assets: [
    { name: "plc", addresses: ["10.2.2.10"], macs: ["00-1B-1B-00-00-0A"], comment: "hall 2, drawing 17" },
    { name: "hmi", addresses: ["10.2.2.20"], domains: ["hmi.plant.example"], files: [HASH] },
    { name: "sis", addresses: ["10.2.3.5"] },
  ],
  domains: ["plant.example"],
  roles: {
    otNetwork: ["10.2.2.0/24"],
    writers: [{ value: "10.2.2.30", comment: "batch server" }],
    controllers: ["10.2.2.10"],
    engineeringStations: ["45.60.1.7"],
    safetySystems: ["45.60.2.0/30"],
  },
  conduits: [
    {
      name: "hmi writes plc",
      from: ["hmi"],
      to: ["plc"],
      protocol: "modbus",
      functions: [6],
      comment: "set points",
    },
    { name: "historian reads plc", from: ["10.2.2.40"], to: ["plc"], protocol: "modbus", functions: [3, 4] },
  ],
  services: [{ name: "vendor", addresses: ["198.51.100.10"], domains: ["vendor.example"] }],
};
const LIST = {
  name: "Networks of a CDN",
  type: "cidr",
  version: 20260101,
  list: ["104.24.0.0/14", "104.16.0.0/13"],
  matching_attributes: ["ip-dst"],
};

async function write(self: unknown = { file: "self.yaml" }, file: unknown = SELF): Promise<string> {
  const path = join(directory, "plant.yaml");
  await writeFile(join(directory, "self.yaml"), stringify(file));
  await writeFile(
    path,
    stringify({
      plant: "D",
      http: { port: 8080 },
      peers: { listen: "127.0.0.1:4001" },
      chain: { urls: ["http://127.0.0.1:8545"], consortium: "consortium.json", relayKey: "relay.key" },
      keystore: { path: "node.json" },
      self,
    }),
  );
  return path;
}

async function writeList(list: unknown = LIST, name = "cdn.json"): Promise<string> {
  const path = join(directory, "lists", name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, JSON.stringify(list));
  return path;
}

function refusal(path: string): string {
  try {
    readConfig(path);
  } catch (error) {
    if (isAnamnesisError(error, "config.invalid")) return error.message;
    throw error;
  }
  return "it was accepted";
}

describe("self.yaml", () => {
  test("says what the same lines in plant.yaml say", async () => {
    const apart = readConfig(await write()).self;
    expect(readConfig(await write(SELF)).self).toEqual(apart);
    expect(apart.assets[0]).toEqual({ name: "plc", addresses: ["10.2.2.10"], macs: ["00:1b:1b:00:00:0a"] });
    expect(apart.domains).toContain("hmi.plant.example");
    expect(apart.files).toEqual([HASH]);
  });

  test("is under the configuration's signature: neither file can change alone", async () => {
    const path = await write();
    const { digest } = readConfig(path);
    expect(readConfig(path).digest).toBe(digest);
    await writeFile(join(directory, "self.yaml"), stringify({ ...SELF, domains: [] }));
    expect(readConfig(path).digest).not.toBe(digest);
    await writeFile(join(directory, "self.yaml"), stringify(SELF));
    expect(readConfig(path).digest).toBe(digest);
    await writeFile(path, `# edited\n${await readFile(path, "utf8")}`);
    expect(readConfig(path).digest).not.toBe(digest);
  });

  test.each<[string, unknown, RegExp]>([
    ["self.yaml", { ...SELF, confirmedAt: undefined }, /self\.yaml: confirmedAt: expected when/],
    ["self.yaml", { ...SELF, assest: [] }, /self\.yaml: .*assest/],
    [
      "self.yaml",
      { ...SELF, assets: [{ name: "x", addresses: ["10.0.0.1/8"] }] },
      /assets\.0\.addresses\.0.*: expected an address or a CIDR/,
    ],
    ["self.yaml", { ...SELF, assets: [{ name: "x", macs: ["1"] }] }, /assets\.0\.macs\.0: expected a MAC/],
    [
      "self.yaml",
      { ...SELF, conduits: [{ name: "c", from: ["nobody"], to: ["plc"], protocol: "modbus" }] },
      /conduits\.0\.from\.0: "nobody" is no address and no asset/,
    ],
    [
      "self.yaml",
      { ...SELF, conduits: [{ name: "c", from: ["hmi"], to: ["plc"], protocol: "s7" }] },
      /conduits\.0\.protocol: expected modbus/,
    ],
    ["self.yaml", { ...SELF, warninglists: ["nowhere"] }, /warninglists\.0: .*nowhere cannot be read/],
  ])("%s with a mistake is refused in one line", async (_, file, message) => {
    const line = refusal(await write(undefined, file));
    expect(line).toMatch(message);
    expect(line).not.toContain("\n");
  });

  test("a file beside other settings, or none at all, is refused", async () => {
    expect(refusal(await write({ file: "self.yaml", domains: [] }))).toMatch(/self\.file: .*nothing else/);
    expect(refusal(await write({ file: "other.yaml" }))).toMatch(/self\.file: .*other\.yaml cannot be read/);
    expect(refusal(await write({ ...SELF, roles: { writers: ["x"] } }))).toMatch(/self\.roles\.writers\.0/);
  });
});

describe("conduits and roles", () => {
  let self: Self;
  beforeEach(async () => {
    ({ self } = readConfig(await write()));
  });

  test("whom a conduit lets write is a writer, whom it lets read is none", () => {
    const predicate = compileBehaviour(BEHAVIOUR, self);
    if ("refused" in predicate) throw new Error(predicate.reason);
    const writes = (source: string) =>
      matchesBehaviour(predicate, { source, destination: "10.2.2.10", port: 502, function: 6 });
    expect(writes("10.2.2.20")).toBe(false);
    expect(writes("10.2.2.30")).toBe(false);
    expect(writes("10.2.2.40")).toBe(true);
    expect(indexSelf(self).writer("10.2.2.20")).toBe(
      "self.conduits: hmi writes plc, from (10.2.2.20); noted: set points",
    );
  });

  test("stations and safety systems are the plant's own for selection, compiling and the checker", () => {
    for (const value of ["45.60.1.7", "45.60.2.1"]) {
      expect(selfHit({ kind: "ipv4-addr", value }, self)).toBeDefined();
      const set = { sources: [value], destinations: ["any"], ports: [], functions: [] };
      expect(checkPlan([set], self)).toMatchObject({ ok: false, code: "plan.self" });
    }
    expect(indexSelf(self).isOwn("45.60.2.1")).toBe(true);
  });
});

describe("warninglists", () => {
  test("are read from files and from directories as MISP's repository has them", async () => {
    await writeList();
    const path = await writeList({ ...LIST, name: "Another" }, "another/list.json");
    await utimes(path, 1_767_225_600, 1_767_225_600);
    const { self } = readConfig(await write({ ...SELF, warninglists: ["lists"] }));
    expect(self.warninglists?.map(({ name, entries }) => [name, entries.length])).toEqual([
      ["Another", 2],
      ["Networks of a CDN", 2],
    ]);
    expect(self.warninglists?.[0]?.modifiedAtMs).toBe(1_767_225_600_000);
  });

  test("with a mistake are refused by file and entry", async () => {
    await writeList({ ...LIST, list: ["104.16.0.0/13", "104.16.0.1/13"] });
    expect(refusal(await write({ ...SELF, warninglists: ["lists/cdn.json"] }))).toMatch(
      /lists\/cdn\.json: entry 2: 104\.16\.0\.1\/13 is no address/,
    );
  });
});

describe("anamnesis self check", () => {
  const check = async (...args: readonly string[]) => {
    await writeList();
    const path = await write(undefined, { ...SELF, warninglists: ["lists"] });
    return runInProcess(["self", "check", "--config", path, ...args]);
  };
  const cdn = "warninglist Networks of a CDN";

  test.each([
    ["10.2.2.10", "self.assets: plc (10.2.2.10); noted: hall 2, drawing 17"],
    ["::ffff:10.2.2.10", "self.assets: plc (10.2.2.10)"],
    ["10.2.0.0/16", "self.assets: plc (10.2.2.10)"],
    ["00:1b:1b:00:00:0a", "self.assets: plc (00:1b:1b:00:00:0a); noted: hall 2"],
    ["plc", "self.assets: plc (10.2.2.10)"],
    ["hmi writes plc", "self.conduits: hmi writes plc (10.2.2.20 to 10.2.2.10)"],
    ["10.2.2.30", "self.roles.writers: 10.2.2.30; noted: batch server"],
    ["45.60.2.2", "self.roles.safetySystems: 45.60.2.0/30"],
    ["www.Vendor.Example.", "self.services: vendor (vendor.example)"],
    ["https://vendor.example:8443/x", "self.services: vendor (vendor.example)"],
    [HASH, `self.assets: hmi (${HASH})`],
    ["104.17.1.1", cdn],
    ["8.8.8.8", "public resolvers"],
    ["0.0.0.0/0", "self.assets"],
    ["co.uk", "public suffix list: co.uk"],
  ])("%s is named as %s", async (value, entry) => {
    const { code, out } = await check(value);
    expect(out).toContain(entry);
    expect(code).toBe(0);
  });

  test("nothing is an answer, too: exit code 1", async () => {
    expect(await check("45.61.70.80")).toMatchObject({ code: 1, out: expect.stringContaining("nothing") });
  });

  test("a file has one value a line, JSON has every entry, and a bad line is named", async () => {
    const file = join(directory, "values.txt");
    await writeFile(file, "# feed\n104.17.1.1\r\n\n45.61.70.80\n");
    const { code, out } = await check(file, "-o", "json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      checks: [
        {
          value: "104.17.1.1",
          kind: "ipv4-addr",
          code: "candidate.allowlisted",
          entries: [expect.stringContaining("entry 2")],
        },
        { value: "45.61.70.80", code: null, entries: [] },
      ],
    });
    await writeFile(file, "10.2.2.10\n!?\n");
    const bad = await check(file);
    expect(bad.code).toBe(2);
    expect(bad.err).toContain("values.txt:2:");
  });
});
