/** A wrong configuration is one line that names the setting and what is expected; a changed one is not obeyed. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import {
  readKeystore,
  readSecretFile,
  readTokens,
  writeKeystore,
} from "../../node/src/adapters/keys/keystore.ts";
import { writeSecret } from "../../node/src/adapters/keys/private-file.ts";
import { readConfig } from "../../node/src/config.ts";
import {
  askConfigSigner,
  configSigner,
  hasherOf,
  policyOf,
  readBlindingKey,
  readConsortium,
} from "../../node/src/plant.ts";
import type { Registry } from "../../node/src/state/registry.ts";

type Tree = { [key: string]: unknown };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-config-"));
});
afterEach(() => rm(directory, { recursive: true }));

const valid = (): Tree => ({
  plant: "D",
  environment: "lab",
  http: { port: 8080 },
  peers: { listen: "127.0.0.1:4001", dial: ["/ip4/127.0.0.1/tcp/4002"] },
  chain: { urls: ["http://127.0.0.1:8545"], consortium: "consortium.json", relayKey: "relay.key" },
  keystore: { path: "node.json", passwordFile: "password" },
  controls: [{ name: "edge", kind: "edl", level: 4, phase: "protecting", path: "edge.txt" }],
  standing: [
    {
      name: "drop writes",
      class: "modbus-write-by-non-writer",
      controls: ["edge"],
      action: "block",
      maxHours: 24,
      until: "2099-01-01T00:00:00Z",
    },
  ],
  lab: { public: ["203.0.113.0/24"] },
  self: {
    confirmedAt: "2026-03-01T00:00:00Z",
    assets: [{ name: "plc", addresses: ["10.2.2.10", "fd00::/8"] }],
  },
});

const ADDRESS = `0x${"11".repeat(20)}`;
const passwordIn = (file: string) => ({ file, variable: "NONE", setting: "keystore.passwordFile" });

/** Sets a value at a path; undefined removes it. */
function set(path: string, value: unknown): Tree {
  const tree = valid();
  const names = path.split(".");
  const last = names.pop()!;
  let at: Tree = tree;
  for (const name of names) {
    at[name] ??= {};
    at = at[name] as Tree;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
  return tree;
}

async function write(tree: Tree | string): Promise<string> {
  const path = join(directory, "plant.yaml");
  await writeFile(path, typeof tree === "string" ? tree : stringify(tree));
  return path;
}

async function refusal(task: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await task();
  } catch (error) {
    expect(isAnamnesisError(error), String(error)).toBe(true);
    return error as { code: string; message: string };
  }
  throw new Error("it was accepted");
}

test("a valid configuration is read, paths are absolute, and it is harmless until more is said", async () => {
  const config = readConfig(await write(valid()));
  expect(config).toMatchObject({ plant: "D", http: { host: "127.0.0.1", port: 8080 } });
  expect(config.data).toBe(join(directory, "store"));
  expect(config.release).toMatchObject({ automatic: [], tlp: "amber" });
  const { environment: _, lab: __, controls, ...rest } = valid();
  const plain = readConfig(
    await write({ ...rest, controls: [{ ...(controls as Tree[])[0], phase: undefined }] }),
  );
  expect(plain).toMatchObject({
    environment: "production",
    controls: [{ phase: "learning" }],
    lab: { public: [] },
  });
});

test.each<[string, unknown, RegExp]>([
  ["http.port", 99_999, /port from 1 to 65535/],
  ["http.port", 0, /port from 1 to 65535/],
  ["http.port", "8080", /expected number/],
  ["http.prot", 8080, /prot/],
  ["surprise", true, /surprise/],
  ["plant", undefined, /expected string/],
  ["peers.listen", "4001", /host:port/],
  ["peers.listen", "127.0.0.1:99999", /port/],
  ["chain.urls", ["somewhere"], /URL/],
  ["chain.urls", [], /1/],
  ["environment", "laboratory", /production.*lab/],
  ["release.tlp", "red", /clear.*green.*amber/],
  ["release.automatic", [{ class: "everything" }], /observable/],
  ["release.validityDays", -1, />0/],
  ["controls", [{ name: "edge", kind: "edl", level: 6, path: "x" }], /Purdue level/],
  ["controls", [{ name: "edge", kind: "edl", level: 4, path: "x", load: true }], /nftables only/],
  ["controls", [{ name: "edge", kind: "edl", level: 4, path: "x", helper: "s" }], /nftables only/],
  ["controls", [{ name: "edge", kind: "edl", level: 4, path: "x", socket: "s" }], /suricata only/],
  ["controls", [{ name: "ips", kind: "suricata", level: 2, path: "x", test: ["suricata"] }], /suricata.yaml/],
  ["controls", [{ name: "Edge list", kind: "edl", level: 4, path: "x" }], /short name/],
  ["controls", [{ name: "edge", kind: "iptables", level: 4, path: "x" }], /edl.*nftables.*suricata/],
  [
    "standing",
    [
      {
        name: "x",
        class: "observable",
        controls: [],
        action: "block",
        maxHours: 1,
        until: "2099-01-01T00:00:00Z",
      },
    ],
    /1/,
  ],
  ["controls", [1, 2].map(() => ({ name: "edge", kind: "edl", level: 4, path: "x" })), /name of its own/],
  ["detectors", [{ name: "ids", format: "nonsense", path: "x" }], /detectors\.0\.format/],
  ["detectors", [{ name: "ids", zone: "Mars", path: "x" }], /IANA name/],
  ["detectors", [{ name: "ids", format: "mapping", path: "x" }], /mapping/],
  ["detectors", [{ name: "ids", path: "x", mapping: "map.yaml" }], /mapping/],
  ["detectors", [{ name: "ids" }], /exactly one of path, directory, listen, http, mqtt/],
  ["detectors", [{ name: "ids", path: "x", listen: "udp://127.0.0.1:5514" }], /exactly one of/],
  ["detectors", [{ name: "ids", directory: "x" }], /files/],
  ["detectors", [{ name: "ids", directory: "x", files: "../*.log" }], /below the directory/],
  ["detectors", [{ name: "ids", listen: "http://127.0.0.1:1" }], /tcp:\/\//],
  ["detectors", [{ name: "ids", listen: "tcp://127.0.0.1:99999" }], /65535/],
  ["detectors", [{ name: "ids", listen: "udp://0.0.0.0:5514" }], /addresses that may send/],
  ["detectors", [{ name: "ids", listen: "tls://127.0.0.1:6514" }], /tls/],
  ["detectors", [{ name: "ids", listen: "udp://0.0.0.0:5514", from: ["somebody"] }], /address or a range/],
  ["detectors", [{ name: "ids", mqtt: { url: "http://broker", topics: ["a"] } }], /mqtt:\/\//],
  ["detectors", [1, 2].map(() => ({ name: "ids", format: "eve", path: "x" })), /name of its own/],
  ["self.confirmedAt", "yesterday", /2026-11-25T03:00:00Z/],
  ["self.assets", [{ name: "plc", addresses: ["10.0.0.0/99"] }], /address or a CIDR range/],
  ["self.assets", [{ name: "plc", addresses: ["999.1.1.1"] }], /address or a CIDR range/],
  ["self.assets", [{ name: "plc", addresses: ["plc-1"] }], /address or a CIDR range/],
  ["self.assets", [{ name: "net", addresses: ["10.2.2.10/24"] }], /without host bits/],
  ["self.roles.writers", ["10.2.2.10/"], /address or a CIDR range/],
  ["self.files", ["abc"], /SHA-256/],
  ["lab.public", ["203.0.113.0/240"], /address or a CIDR range/],
])("%s: %j is refused in one line that names it", async (path, value, expected) => {
  const file = await write(set(path, value));
  const { code, message } = await refusal(() => readConfig(file));
  expect(code).toBe("config.invalid");
  expect(message).toMatch(expected);
  expect(message).toContain(path === "http.prot" ? "http" : path === "surprise" ? "surprise" : path);
  expect(message).not.toContain("\n");
});

test("a production configuration may not declare documentation addresses public", async () => {
  const file = await write(set("environment", "production"));
  expect((await refusal(() => readConfig(file))).message).toMatch(/lab\.public: .*environment: lab/);
});

test.each([
  ["a list", "- 1"],
  ["nothing", ""],
  ["half a line", "plant: ["],
  ["a text", "plant"],
])("a file that holds %s is refused in one line", async (_name, text) => {
  const file = await write(text);
  const { code, message } = await refusal(() => readConfig(file));
  expect(code).toBe("config.invalid");
  expect(message).not.toContain("\n");
  expect(message).toContain(file);
});

test("missing files are named with their setting and what to do", async () => {
  const at = (name: string) => join(directory, name);
  expect(await refusal(() => readConfig(at("none.yaml")))).toMatchObject({ code: "config.invalid" });
  const consortium = await refusal(() => readConsortium(at("consortium.json")));
  expect(consortium).toMatchObject({ code: "config.invalid" });
  expect(consortium.message).toContain("chain.consortium");
  const keystore = await refusal(() => readKeystore(at("node.json"), passwordIn(at("password"))));
  expect(keystore).toMatchObject({ code: "keystore.missing" });
  expect(keystore.message).toMatch(/keystore\.path.*anamnesis node init/);
  expect(readSecretFile(at("blinding.key"), "blindingKey")).toBeUndefined();
  expect(readTokens(at("tokens.json"))).toEqual([]);
});

test("a keystore without a password file, and where the member account is", async () => {
  const path = await write({
    ...set("keystore.passwordFile", undefined),
    member: { keystore: "member.json", passwordFile: "member.password" },
  });
  const config = readConfig(path);
  expect(config.keystore).toEqual({ path: join(directory, "node.json") });
  expect(config.member).toEqual({
    keystore: join(directory, "member.json"),
    passwordFile: join(directory, "member.password"),
  });
  for (const [member, words] of [
    [{ signer: "http://127.0.0.1:9000" }, /member\.account: expected the account that the signer holds/],
    [{ signer: "http://127.0.0.1:9000", account: ADDRESS, keystore: "k" }, /member\.signer: .* not both/],
    [{ account: "0x12" }, /member\.account/],
    [{ signer: "nowhere", account: ADDRESS }, /member\.signer: expected the URL of a signer/],
    [{ password: "hunter2" }, /member: /],
  ] as const) {
    const file = await write({ ...valid(), member });
    const { code, message } = await refusal(() => readConfig(file));
    expect([code, message]).toEqual(["config.invalid", expect.stringMatching(words)]);
    expect(message).not.toContain("hunter2");
  }
});

test("a wrong password, a wrong file and a file of another consortium are told apart", async () => {
  const at = (name: string) => join(directory, name);
  const key = sha256(Buffer.from("node"));
  writeKeystore(at("node.json"), key, "right", { N: 1024 });
  writeSecret(at("password"), "wrong\n");
  const wrong = await refusal(() => readKeystore(at("node.json"), passwordIn(at("password"))));
  expect(wrong).toMatchObject({ code: "keystore.password" });
  expect(wrong.message).toContain("keystore.passwordFile");
  writeSecret(at("password"), "right\n");
  expect(toHex(await readKeystore(at("node.json"), passwordIn(at("password"))))).toBe(toHex(key));
  writeSecret(at("node.json"), "{}");
  expect(await refusal(() => readKeystore(at("node.json"), passwordIn(at("password"))))).toMatchObject({
    code: "config.invalid",
  });

  writeSecret(at("relay.key"), "0x12");
  expect((await refusal(() => readSecretFile(at("relay.key"), "chain.relayKey"))).message).toContain(
    "chain.relayKey",
  );
  writeSecret(at("blinding.key"), `0x${"11".repeat(32)}\n`);
  const other = await refusal(() => readBlindingKey(at("blinding.key"), `0x${"22".repeat(32)}` as Bytes32));
  expect(other).toMatchObject({ code: "blindingKey.mismatch" });
  await writeFile(at("tokens.json"), "[{}]");
  expect(await refusal(() => readTokens(at("tokens.json")))).toMatchObject({ code: "config.invalid" });
  await writeFile(at("consortium.json"), '{"chainId":1}');
  expect((await refusal(() => readConsortium(at("consortium.json")))).message).toContain("chain.consortium");
});

const ACCOUNT = sha256(Buffer.from("account"));
const NODE = addressOfPrivateKey(sha256(Buffer.from("node")));
const HASHER = hasherOf({ chainId: 1, registry: `0x${"a1".repeat(20)}` as Address } as never);
const REGISTRY = {
  key: (key: Address) => (key === NODE ? { member: 1 } : undefined),
  members: () => [{ number: 1, account: addressOfPrivateKey(ACCOUNT), active: true }],
} as unknown as Registry;

async function sign(file: string, key = ACCOUNT): Promise<void> {
  const { digest } = readConfig(file);
  const signature = signDigest(HASHER.configuration(digest), key);
  await writeFile(`${file}.sig`, JSON.stringify({ signer: addressOfPrivateKey(key), signature }));
}
const signer = (file: string) => configSigner(readConfig(file), HASHER, REGISTRY, NODE);

test("only what the member's account signed may act above alert", async () => {
  const file = await write(valid());
  expect(signer(file)).toBeUndefined();
  await sign(file);
  expect(signer(file)).toBe(addressOfPrivateKey(ACCOUNT));
  const signed = policyOf(readConfig(file), signer(file) !== undefined);
  expect(signed.phases).toEqual({ edge: "protecting" });
  expect(signed.standing).toHaveLength(1);

  // Somebody edits the file: one more hour is enough.
  const standing = (valid().standing as Tree[]).map((change) => ({ ...change, maxHours: 25 }));
  await write({ ...valid(), standing });
  expect(signer(file)).toBeUndefined();
  const changed = policyOf(readConfig(file), signer(file) !== undefined);
  expect(changed.phases).toEqual({ edge: "shadow" });
  expect(changed.standing).toEqual([]);
});

test("a contract that is the member's account is asked for its word, at the indexed block", async () => {
  const contract = `0x${"c1".repeat(20)}` as Address;
  const registry = {
    key: REGISTRY.key,
    members: () => [{ number: 1, account: contract, active: true }],
    recordedAt: () => ({ number: 42, hash: "0x", timestamp: 0 }),
  } as unknown as Registry;
  const file = await write(valid());
  const digest = toHex(HASHER.configuration(readConfig(file).digest)) as Bytes32;
  const warned: unknown[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (...line: unknown[]) => void warned.push(line) };
  const asked: unknown[] = [];
  let answer = async () => true;
  const ask = (from: Registry = registry) =>
    askConfigSigner(readConfig(file), HASHER, from, NODE, {
      log,
      chain: {
        isSignedByContract(...question) {
          asked.push(question);
          return answer();
        },
      },
    });
  const put = (signer: Address, signature: string) =>
    writeFile(`${file}.sig`, JSON.stringify({ signer, signature }));

  expect(await ask()).toBeUndefined(); // nobody signed
  await put(contract, "0xABCD");
  expect(await ask()).toBe(contract);
  expect(asked).toEqual([[contract, digest, "0xabcd", 42]]);
  answer = async () => false;
  expect(await ask()).toBeUndefined();
  expect(warned).toEqual([]);
  answer = () => Promise.reject(new AnamnesisError("chain.unreachable", "away"));
  expect(await ask()).toBeUndefined();
  expect(warned).toHaveLength(1);
  // Nobody else's word is asked for, nor anything that is no signature.
  answer = async () => true;
  asked.length = 0;
  await put(contract, "0xabc");
  expect(await ask()).toBeUndefined();
  await put(`0x${"c2".repeat(20)}` as Address, "0xabcd");
  expect(await ask()).toBeUndefined();
  await sign(file);
  expect(await ask({ ...REGISTRY, recordedAt: registry.recordedAt } as Registry)).toBe(
    addressOfPrivateKey(ACCOUNT),
  );
  expect(asked).toEqual([]);
});

test("another account's signature, a garbled one and an unreadable file", async () => {
  const file = await write(valid());
  await sign(file, sha256(Buffer.from("somebody else")));
  expect(signer(file)).toBeUndefined();
  for (const signature of ["", "0x", `0x${"zz".repeat(65)}`, `0x${"00".repeat(65)}`]) {
    await writeFile(`${file}.sig`, JSON.stringify({ signer: addressOfPrivateKey(ACCOUNT), signature }));
    expect(signer(file)).toBeUndefined();
  }
  await writeFile(`${file}.sig`, "{");
  const { code, message } = await refusal(() => readConfig(file));
  expect(code).toBe("config.invalid");
  expect(message).toContain("plant.yaml.sig");
});
