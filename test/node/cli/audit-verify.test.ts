/** The auditor's command on good files, changed files and files that are no bundles. */
import { execFileSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBundle } from "@anamnesis/sdk/evidence/parse";
import type { Snapshot } from "@anamnesis/sdk/evidence/types";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeWorld, trustOf, type World } from "../../sdk/evidence/world.ts";
import { runInProcess } from "./in-process.ts";

let directory = "";
let world: World;
let unsealed: World;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-verify-"));
  world = await makeWorld();
  unsealed = await makeWorld({ unsealed: true });
  write("good.json", world.bytes);
  write("unsealed.json", unsealed.bytes);
  write("trust.json", JSON.stringify(world.trust));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
const write = (name: string, content: Uint8Array | string) => writeFileSync(at(name), content);
const verify = (file: string, trust = "trust.json", ...more: string[]) =>
  runInProcess(["audit", "verify", at(file), "--trust", at(trust), ...more]);

describe("immunity from a bundle", () => {
  test("is counted from the entries that it proves, and not at all when it is not verified", async () => {
    const many = await makeWorld({ indicators: 11 });
    write("many.json", many.bytes);
    write("many-trust.json", JSON.stringify(many.trust));
    const of = (file: string, trust: string) =>
      runInProcess(["audit", "immunity", at(file), "--trust", at(trust), "-o", "json"]);
    const good = await of("many.json", "many-trust.json");
    expect([good.code, good.err]).toEqual([0, ""]);
    const { records } = JSON.parse(good.out);
    expect(records.length).toBeGreaterThan(0);
    for (const { plants } of records) expect(plants).toMatchObject([{ member: 1 }]);
    const bad = await of("unsealed.json", "trust.json");
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.out)).toMatchObject({ verified: false });
  });
});

describe("a bundle", () => {
  test("is verified with 0, each check with its result, the conclusion in one sentence", async () => {
    const { code, out, err } = await verify("good.json");
    expect([code, err]).toEqual([0, ""]);
    for (const name of [
      "chain",
      "content",
      "attestations",
      "state",
      "registers",
      "status",
      "inclusion",
      "seals",
    ])
      expect(out).toMatch(new RegExp(`^passed +${name} `, "m"));
    expect(out).toMatch(/1 observed, 2 validated, 3 analyst/);
    expect(out.trimEnd().split("\n").at(-1)).toMatch(
      /^Verified: 2 records .* sealed by 3 of 4 validators\.$/,
    );
  });

  test("gives programs the verdict, and the sentence alone with -o raw", async () => {
    const json = JSON.parse((await verify("good.json", "trust.json", "-o", "json")).out);
    expect(json).toMatchObject({ verified: true, facts: [{ block: { number: 7528 } }] });
    expect((await verify("good.json", "trust.json", "-o", "raw")).out).toBe(`${json.conclusion}\n`);
  });

  test("that was touched is not verified, with 1, the record, the field and the cause", async () => {
    const text = Buffer.from(world.bytes).toString();
    const touched = text.replace(/("confidence":\d)(\d)/, (_, kept, digit) => `${kept}${9 - Number(digit)}`);
    write("touched.json", touched);
    const { code, out } = await verify("touched.json");
    expect(code).toBe(1);
    expect(out).toMatch(/^failed +attestations /m);
    expect(out).toMatch(
      /Not verified: record 0x[0-9a-f]{64}, snapshots\[0\]\.records\[\d\]\.attestations\[\d\]\.signature /,
    );
    const json = JSON.parse((await verify("touched.json", "trust.json", "-o", "json")).out);
    expect(json).toMatchObject({ verified: false, failure: { code: "evidence.attestation" } });
    expect(json).not.toHaveProperty("facts");
  });

  test("of a chain that nobody seals is refused unless the trust file allows it", async () => {
    const refused = await verify("unsealed.json");
    expect(refused.code).toBe(1);
    expect(refused.out).toContain("a chain that no validator seals");
    write("allows.json", JSON.stringify(trustOf({ allowUnsealed: true })));
    const allowed = await verify("unsealed.json", "allows.json");
    expect(allowed.code).toBe(0);
    expect(allowed.out).toContain("which nobody seals and the trust file allows");
  });

  test("in another order, or with other people's proofs, is not verified", async () => {
    const other = await makeWorld({ name: "[ipv4-addr:value = '198.51.100.9']" });
    const [mine, theirs] = [world.bundle.snapshots[0] as Snapshot, other.bundle.snapshots[0] as Snapshot];
    const parts: [string, Partial<Snapshot>, RegExp][] = [
      ["order", { records: mine.records.toReversed() }, /^Not verified: .*snapshots\[0\]\.records/m],
      ["proofs", { proof: theirs.proof }, /^Not verified: .*snapshots\[0\]\.proof\.\w+/m],
      ["words", { records: theirs.records }, /^Not verified: /m],
      ["feeds", { feeds: [...mine.feeds, ...mine.feeds] }, /^Not verified: .*snapshots\[0\]\.feeds/m],
    ];
    for (const [name, part, cause] of parts) {
      write(`${name}.json`, encodeBundle({ ...world.bundle, snapshots: [{ ...mine, ...part }] }));
      const { code, out } = await verify(`${name}.json`);
      expect(code, name).toBe(1);
      expect(out, name).toMatch(cause);
      expect(out, name).toMatch(/^failed /m);
    }
  });

  test("under another trust file is not verified", async () => {
    write("other.json", JSON.stringify(trustOf({ chainId: 1 })));
    expect(await verify("good.json", "other.json")).toMatchObject({
      code: 1,
      out: expect.stringContaining("chain.chainId is 20262; the trust file has 1"),
    });
  });
});

describe("what is no bundle is unreadable, with 2 and the cause", () => {
  const unreadable = async (name: string, cause: RegExp, trust = "trust.json") => {
    const { code, out, err } = await verify(name, trust);
    expect([code, err]).toEqual([2, ""]);
    expect(out).toMatch(/^Unreadable: /);
    expect(out).toMatch(cause);
  };

  test("cut, empty, foreign, with something added, deeply nested", async () => {
    write("cut.json", world.bytes.subarray(0, world.bytes.length - 100));
    await unreadable("cut.json", /JSON|ends|cut/);
    write("empty.json", "");
    await unreadable("empty.json", /JSON|ends|cut/);
    write("foreign.json", '{"format":"other"}');
    await unreadable("foreign.json", /evidence\.unreadable/);
    write("added.json", Buffer.concat([world.bytes, Buffer.from("\n")]));
    await unreadable("added.json", /evidence\.unreadable/);
    const text = Buffer.from(world.bytes).toString();
    write("more.json", text.replace('"memberCount":', '"member":1,"memberCount":'));
    await unreadable("more.json", /evidence\.unreadable/);
    write("turned.json", text.replace(/^\{("chain":\{[^}]*\}),("format":"[^"]*")/, "{$2,$1"));
    await unreadable("turned.json", /evidence\.unreadable/);
    write("deep.json", "[".repeat(1_000_000));
    await unreadable("deep.json", /evidence\.unreadable/);
  });

  test("of 1 GB: its size is looked at and nothing is read", async () => {
    write("huge.json", "{");
    truncateSync(at("huge.json"), 1_000_000_000);
    await unreadable("huge.json", /has 1000000000 bytes; at most 134217728 are read/);
  });

  test("a folder, a pipe, nothing", async () => {
    mkdirSync(at("folder"));
    await unreadable("folder", /is no file/);
    execFileSync("mkfifo", [at("pipe")]);
    await unreadable("pipe", /is no file/);
    await unreadable("nothing.json", /cannot be opened \(ENOENT\)/);
  });

  test("a trust file that is none", async () => {
    write("none.json", "{}");
    await unreadable("good.json", /trust file.*evidence\.trust/, "none.json");
    write("large.json", " ".repeat(2_000_000));
    await unreadable("good.json", /has 2000000 bytes/, "large.json");
    const json = await verify("good.json", "none.json", "-o", "json");
    expect(JSON.parse(json.out)).toMatchObject({ verified: false, unreadable: { code: "evidence.trust" } });
  });
});
