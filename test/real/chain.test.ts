/**
 * A consortium on a real BFT network: four QBFT validators and four nodes, each a process, on loopback.
 *
 * The tests are one story, told in order.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Address } from "@anamnesis/sdk/core/types";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import type { Verdict } from "@anamnesis/sdk/evidence/types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MEMORY, REGISTRY } from "../../node/src/adapters/chain/abi.ts";
import { makeChainKey } from "../../node/src/cli/consortium/chain-key.ts";
import { checkChain, readExpected, readTrust } from "../../node/src/cli/consortium/check.ts";
import { ROOT } from "../../scripts/consortium/consortium.ts";
import { callRpc } from "../../scripts/consortium/rpc.ts";
import { compileLondon } from "../../scripts/qbft/compile.ts";
import { openQbftConsortium, type QbftConsortium } from "../../scripts/qbft/consortium.ts";
import {
  type Attack,
  cli,
  driveConsortium,
  type Ended,
  PATIENCE_MS,
  run,
  type TestConsortium,
  until,
} from "../e2e/support.ts";

const GETH = process.env.QUORUM_GETH ?? "";
const ARTIFACTS = process.env.LONDON_ARTIFACTS ?? "";
const ASKED = process.env.ANAMNESIS_TEST_REAL === "1" && GETH !== "";
/** EIP-170. */
const MAX_CODE_BYTES = 24_576;
const TIMEOUT = { timeout: 3 * PATIENCE_MS };

describe.skipIf(!ASKED)("a consortium on four QBFT validators", TIMEOUT, () => {
  let directory = "";
  let local: QbftConsortium;
  let c: TestConsortium<QbftConsortium>;
  const attacks: Attack[] = [];
  /** Attacks and waits until everybody is immune and the chain holds all of it. */
  const attackAndRecord = async (count: number) => {
    const made = await c.attack(count);
    attacks.push(...made);
    await untilSeen("all plants are immune and the chain has it", () => c.isImmune(attacks));
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "anamnesis-qbft-"));
    local = await openQbftConsortium({
      directory,
      geth: GETH,
      artifacts: ARTIFACTS,
      labPublic: ["203.0.113.0/24", "2001:db8::/32"],
    });
    c = await driveConsortium(local);
    await c.start(0, 1, 2, 3);
  }, 3 * PATIENCE_MS);
  afterAll(async () => {
    await local?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const file = (name: string) => join(local.toolkit, name);
  const height = () => local.network.height();
  const validator = (index: number) => local.network.validators[index]!;
  const check = (blocks = 20) =>
    checkChain({
      blocks,
      urls: local.network.urls,
      key: makeChainKey(),
      waitMs: PATIENCE_MS,
      consortium: readExpected(file("consortium.json")),
      trust: readTrust(file("trust.json")),
    });

  it("has contracts that fit the older engine's limit", async () => {
    const sizes = await compileLondon(ARTIFACTS);
    expect(Object.keys(sizes)).toEqual(
      expect.arrayContaining(["MemberRegistry", "ImmuneMemory", "ConsortiumGovernor"]),
    );
    for (const [name, bytes] of Object.entries(sizes))
      expect(bytes, name).toBeLessThanOrEqual(MAX_CODE_BYTES);
  });

  it("is founded once: asked again, the same contracts are compared", async () => {
    const before = await readFile(file("consortium.json"), "utf8");
    const trusted = await readFile(file("trust.json"), "utf8");
    const again = await run("scripts/toolkit/found.ts", [
      "--dir",
      local.toolkit,
      "--chain",
      local.network.urls[1]!,
      "--artifacts",
      ARTIFACTS,
    ]).ended;
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(again.stdout).toContain(`governor ${local.consortium.governor}`);
    expect(await readFile(file("consortium.json"), "utf8")).toBe(before);
    expect(await readFile(file("trust.json"), "utf8")).toBe(trusted);
  });

  it("records an attack of plant A at every plant", async () => {
    await attackAndRecord(3);
    await untilSeen("all plants have read the same", () => c.isAlike());
  });

  it("passes the toolkit's check at every validator, its seals held against the trust file", async () => {
    for (const { url, findings } of await check()) {
      expect(
        findings.filter(({ result }) => result === "failed"),
        url,
      ).toEqual([]);
      expect(findings).toContainEqual({
        check: "seals",
        result: "passed",
        detail: expect.stringMatching(
          /^blocks \d+ to \d+ follow each other, each sealed by at least [34] of 4 validators, trusted ones$/,
        ),
      });
      for (const name of ["registry code", "memory code", "governor code", "canary", "history", "log range"])
        expect(findings).toContainEqual(expect.objectContaining({ check: name, result: "passed" }));
    }
  });

  it("refuses the same chain under other trusted validators", async () => {
    const trust = parseTrust(await readFile(file("trust.json"), "utf8"));
    const [a, b, ...others] = trust.validators[0]!.addresses as [Address, Address, ...Address[]];
    const strangers = ["8", "9"].map((digit) => `0x${digit.repeat(40)}` as Address);
    // Two in common of four are never more than two thirds.
    for (const addresses of [[a, b, ...strangers], strangers]) {
      const [report] = await checkChain({
        urls: [local.network.urls[0]!],
        key: makeChainKey(),
        waitMs: PATIENCE_MS,
        trust: { ...trust, validators: [{ block: 0, addresses }] },
      });
      const seals = report!.findings.find(({ check: name }) => name === "seals");
      expect(seals?.result).toBe("failed");
      expect(seals?.detail).toMatch(/other validators than those trusted/);
    }
    expect(others).toHaveLength(2);
  });

  /** Fails with the state of the validators. */
  const untilSeen = (what: string, question: () => Promise<boolean | string>) =>
    until(what, question, () => local.network.tell());
  /** One that was started again is no help yet when the next is stopped. */
  const whole = () => untilSeen("every validator takes part", () => local.network.whole());

  it("goes on with one validator killed", async () => {
    await whole();
    await validator(3).kill();
    await attackAndRecord(2);
  });

  it("halts with two killed, says so, and keeps everything", async () => {
    await validator(2).kill();
    const halted = await height();
    const made = await c.attack(3);
    attacks.push(...made);
    await untilSeen("every plant is protected before anything is recorded", async () => {
      for (const index of [0, 1, 2, 3]) {
        for (const { id } of made) {
          const view = await c.view(index, id);
          if (view?.state !== "protected" || view.recorded)
            return `plant ${index}: ${view?.state} ${view?.recorded}`;
        }
      }
      return true;
    });
    await untilSeen("every plant's alarm says that the chain stands still", async () => {
      const all = await Promise.all([0, 1, 2, 3].map((index) => c.ask(index).health()));
      const quiet = all.find(({ alarms }) => !alarms.some(({ code }) => code === "chain.stalled"));
      return quiet === undefined || `plant ${quiet.plant}: ${JSON.stringify(quiet.alarms)}`;
    });
    expect(await height()).toBeLessThanOrEqual(halted + 1); // one may have been under way
    expect((await c.ask(0).health()).chain.reachable).toBe(true);
  });

  it("drains when they are back: nothing lost, nothing doubled", async () => {
    await validator(2).start();
    await validator(3).start();
    await untilSeen("the chain has everything", () => c.isImmune(attacks));
    await untilSeen("all plants have read the same", () => c.isAlike());
    await untilSeen("every feed is anchored as far as it goes", async () => {
      const sizes = await anchoredSizes();
      for (const index of [0, 1, 2, 3]) {
        const { key, feedSize } = await c.ask(index).health();
        if (sizes.get(key)?.at(-1) !== BigInt(feedSize))
          return `plant ${index}: ${sizes.get(key)?.at(-1)} of ${feedSize}`;
      }
      return true;
    });
    const words = (await events(local.consortium.memory)).map((log) => MEMORY.parseLog(log)!);
    expect(words.filter(({ name }) => name === "Skipped")).toEqual([]);
    const said = words.filter(({ name }) => name === "Attested");
    const places = said.map(({ args }) => `${args.subject} ${args.member} ${args.version}`);
    expect(new Set(places).size).toBe(places.length);
    const subjects = new Set(said.map(({ args }) => String(args.subject)));
    expect(subjects.size).toBe(2 * attacks.length); // an indicator and its response each
    for (const sizes of (await anchoredSizes()).values())
      expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => Number(a - b))); // in order, each once
    await everyTransactionSucceeded();
  });

  it("proves its records to an auditor without a network, until one byte is another", async () => {
    await untilSeen("plant B has archived all of it", async () => {
      const { archive } = await c.ask(1).doctor();
      const views = await Promise.all(attacks.map(({ id }) => c.view(1, id)));
      return views.every((view) => view?.archivedAtBlock) || JSON.stringify(archive);
    });
    const told = await cli(
      ...["--data", directory, "--plant", "b", "audit", "export"],
      ...["--all", "--history", "--out", file("bundle.json")],
    );
    expect(told, told.stderr).toMatchObject({ code: 0 });
    const whole = await verifyWithoutNetwork("bundle.json", "-o", "json");
    expect(whole, whole.stdout + whole.stderr).toMatchObject({ code: 0 });
    const { conclusion, facts } = JSON.parse(whole.stdout) as Verdict & { readonly verified: true };
    expect(conclusion).toMatch(/^Verified: .*sealed by [34] of 4 validators/);
    expect(facts.length).toBeGreaterThan(1); // the archive's blocks, and the chain's now
    const attested = new Set(
      facts.at(-1)?.records.flatMap(({ id, status }) => (status.name === "attested" ? [id] : [])),
    );
    expect(attested.size).toBe(2 * attacks.length); // an indicator and its response each
    for (const { id } of attacks) expect(attested).toContain(id);

    // A proof, a signature, a seal: somewhere in each of them one bit.
    const bytes = await readFile(file("bundle.json"));
    const json = bytes.toString();
    for (const [check, ...place] of [
      ["state", '"accounts":["0x'],
      ["attestations", '"attestations":[', '"signature":"0x'],
      ["seals", '"headers":["0x'],
    ] as const) {
      const at = place.reduce((from, mark) => json.indexOf(mark, from), 0) + 60;
      const flipped = Buffer.from(bytes);
      flipped[at] = json[at] === "0" ? 0x31 : 0x30;
      await writeFile(file("flipped.json"), flipped);
      const refused = await verifyWithoutNetwork("flipped.json");
      expect(refused.code, `${check}: ${refused.stdout}`).toBe(1);
      expect(refused.stdout).toMatch(new RegExp(`^failed +${check} `, "m"));
      expect(refused.stdout).toMatch(/^Not verified: /m);
    }
  });

  it("names the validator that stays away", async () => {
    await whole();
    await validator(1).kill();
    const from = await height();
    await untilSeen("six blocks without it", async () => (await height()) > from + 6);
    const [report] = await check(6);
    expect(report!.findings).toContainEqual({
      check: "attendance",
      result: "warning",
      detail: expect.stringContaining(validator(1).address),
    });
    await validator(1).start();
    await untilSeen(
      "it follows again",
      async () => Number(await callRpc(validator(1).url, "eth_blockNumber")) > from,
    );
  });

  /** Runs `anamnesis audit verify` in a network namespace of its own, which has no interface that is up. */
  async function verifyWithoutNetwork(name: string, ...more: string[]): Promise<Ended> {
    const args = ["audit", "verify", file(name), "--trust", file("trust.json"), ...more];
    const child = spawn("unshare", ["-rn", process.execPath, join(ROOT, "node/bin/anamnesis.mjs"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise<number | null>((resolve) => child.once("close", resolve)),
    ]);
    return { code, stdout, stderr };
  }

  async function events(address: Address) {
    const filter = { address, fromBlock: "0x0", toBlock: "latest" };
    return (await callRpc(local.network.urls[0]!, "eth_getLogs", [filter])) as {
      topics: string[];
      data: string;
    }[];
  }

  /** Sizes of every feed's anchored heads, in the order of the chain. */
  async function anchoredSizes(): Promise<Map<string, bigint[]>> {
    const sizes = new Map<string, bigint[]>();
    for (const log of await events(local.consortium.registry)) {
      const parsed = REGISTRY.parseLog(log);
      if (parsed?.name !== "FeedAnchored") continue;
      const feed = String(parsed.args.feed).toLowerCase();
      sizes.set(feed, [...(sizes.get(feed) ?? []), BigInt(parsed.args.size)]);
    }
    return sizes;
  }

  /** Every transaction of the chain, whoever sent it. */
  async function everyTransactionSucceeded(): Promise<void> {
    const [url] = local.network.urls as [string];
    const head = await height();
    let count = 0;
    for (let number = 1; number <= head; number++) {
      const block = (await callRpc(url, "eth_getBlockByNumber", [`0x${number.toString(16)}`, false])) as {
        transactions: string[];
      };
      for (const hash of block.transactions) {
        const receipt = (await callRpc(url, "eth_getTransactionReceipt", [hash])) as { status: string };
        expect(receipt.status, `transaction ${hash} in block ${number}`).toBe("0x1");
        count++;
      }
    }
    expect(count).toBeGreaterThan(0);
  }
});
