/**
 * Evidence from real nodes on a real chain: exported by one plant, verified by whoever has the trust file,
 * also when the chain is gone and the node is stopped.
 *
 * The tests are one story, told in order.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { ImmunityView } from "@anamnesis/sdk/core/views";
import { immunityOfFacts } from "@anamnesis/sdk/evidence/immunity";
import { encodeBundle, parseBundle } from "@anamnesis/sdk/evidence/parse";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import type { EvidenceBundle, Snapshot, Trust } from "@anamnesis/sdk/evidence/types";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLevelStore } from "../../node/src/adapters/store/level.ts";
import {
  type Attack,
  cli,
  type Ended,
  makeConsortium,
  PATIENCE_MS,
  type TestConsortium,
  until,
} from "./support.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const TIMEOUT = { timeout: 2 * PATIENCE_MS };
/** Bits that are tried in a bundle; all of them are tried by `npm run bench -- audit`. */
const FLIPS = 60;

let c: TestConsortium;
let close: () => Promise<void> = async () => {};
let desk = "";
let trust: Trust;
let attacks: Attack[];
let all: Uint8Array;

beforeAll(async () => {
  [c, close] = await makeConsortium();
  desk = await mkdtemp(join(tmpdir(), "anamnesis-auditor-"));
  await c.start(0, 1, 2, 3);
}, PATIENCE_MS);
afterAll(async () => {
  await close();
  await rm(desk, { recursive: true, force: true });
}, PATIENCE_MS);

/** Runs `anamnesis` at a plant. */
const at = (plant: number, ...args: string[]): Promise<Ended> =>
  cli("--data", join(c.plants[plant]!.directory, "../.."), "--plant", "abcd"[plant]!, ...args);
/** Runs `anamnesis audit verify` with two files and nothing else. */
const verify = (file: string, ...more: string[]): Promise<Ended> =>
  cli(
    "--data",
    join(desk, "nothing"),
    "audit",
    "verify",
    join(desk, file),
    "--trust",
    join(desk, "trust.json"),
    ...more,
  );
const onDesk = (name: string, bytes: Uint8Array | string) => writeFile(join(desk, name), bytes);

/** Whether a plant has proofs of all attacks and waits for none. */
async function isArchived(plant: number): Promise<true | string> {
  const { archive } = await c.ask(plant).doctor();
  const views = await Promise.all(attacks.map(({ id }) => c.view(plant, id)));
  if (archive?.waiting === 0 && views.every((view) => view?.archivedAtBlock)) return true;
  return JSON.stringify([archive, views.map((view) => view?.archivedAtBlock)]);
}

describe("evidence", () => {
  it(
    "is exported of one record by a running node and verified with the trust file alone",
    TIMEOUT,
    async () => {
      attacks = await c.attack(3);
      await until("everybody is immune", () => c.isImmune(attacks));
      await until("sightings and receipts are anchored", async () => {
        const { bundle } = await c.ask(1).evidence({ all: true });
        const kinds = parseBundle(bundle).snapshots.flatMap(({ feeds }) =>
          feeds.flatMap(({ items }) => items.map(({ entry }) => entry.kind)),
        );
        return (kinds.includes("sighting") && kinds.includes("receipt")) || kinds.join();
      });
      const { directory } = c.local;
      await onDesk("trust.json", await readFile(join(directory, "trust.json")));
      trust = parseTrust(await readFile(join(desk, "trust.json")));
      const [{ id }] = attacks as [Attack];
      const told = await at(
        1,
        "audit",
        "export",
        "--record",
        id.slice(0, 14),
        "--out",
        join(desk, "one.json"),
      );
      expect(told, told.stderr).toMatchObject({ code: 0 });
      const verified = await verify("one.json");
      expect(verified, verified.stderr).toMatchObject({ code: 0, stderr: "" });
      expect(verified.stdout).toMatch(
        /Verified: 2 records \(2 attested\).*which nobody seals and the trust file allows\.\n$/,
      );
      expect(verified.stdout).toContain(attacks[0]!.address);
    },
  );

  it("shows an auditor the immunity that the node counts, from receipts alone", TIMEOUT, async () => {
    const figures = ({ atMs: _, records, ...sums }: ImmunityView) =>
      JSON.stringify([sums, records.map(({ name: __, ...record }) => record)]);
    await until("what the bundle proves is what the node counts", async () => {
      const { bundle } = await c.ask(1).evidence({ all: true });
      const verdict = verifyEvidence(bundle, trust);
      const audited = verdict.verified ? immunityOfFacts(verdict.facts) : undefined;
      const view = await c.ask(1).immunity();
      if (audited !== undefined && figures(audited) === figures(view)) {
        expect(view).toMatchObject({
          indicators: 3,
          coverage: { plants: 12, protected: 12 },
          pendingUndo: 0,
        });
        return true;
      }
      return JSON.stringify([audited, view]);
    });
    const shown = await at(1, "immunity", attacks[0]!.id.slice(0, 14));
    expect(shown, shown.stderr).toMatchObject({ code: 0 });
    expect(shown.stdout).toMatch(/4\/4 protected of those able/);
  });

  it("reveals the chosen record's blinds and no other's", TIMEOUT, async () => {
    const text = await readFile(join(desk, "one.json"), "utf8");
    const { bundle } = await c.ask(1).evidence({ all: true });
    all = bundle;
    const blinds = parseBundle(all).snapshots.flatMap(({ records }) => records.map(({ blind }) => blind));
    expect(new Set(blinds).size).toBe(6); // three indicators, each with its response
    expect(blinds.filter((blind) => text.includes(blind))).toHaveLength(2);
    for (const { address } of attacks.slice(1)) expect(text).not.toContain(address);
  });

  it("proves all records with their statuses, sightings and receipts by the SDK", TIMEOUT, async () => {
    const { report } = await c.ask(2).evidence({ sinceMs: 0 });
    expect(report).toMatchObject({ left: [], withheld: [] });
    const verdict = verifyEvidence(all, trust);
    expect(verdict.conclusion).toMatch(
      /^Verified: 6 records \(6 attested\) and \d+ feed entries at block \d+ /,
    );
    const [facts] = verdict.verified ? verdict.facts : [];
    const shown = facts!.feeds.flatMap(({ entries }) => entries.map(({ entry }) => entry.kind));
    expect(shown.filter((kind) => kind === "receipt").length).toBeGreaterThan(0);
    expect(shown.filter((kind) => kind === "sighting").length).toBeGreaterThan(0);
    expect(facts!.records.map(({ status }) => status.name)).toEqual(
      Array.from({ length: 6 }, () => "attested"),
    );
  });

  it("overwrites nothing without --force, and nobody without a token gets it", TIMEOUT, async () => {
    const out = join(desk, "one.json");
    const before = await readFile(out);
    const refused = await at(1, "audit", "export", "--all", "--out", out);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") });
    expect(await readFile(out)).toEqual(before);
    const forced = await at(1, "audit", "export", "--all", "--out", out, "--force", "-o", "json");
    expect(forced, forced.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(forced.stdout)).toMatchObject({ file: out, left: [], withheld: [] });
    const unknown = await at(
      1,
      "audit",
      "export",
      "--record",
      "0x00000000",
      "--out",
      join(desk, "none.json"),
    );
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining("0x00000000") });
    const url = `http://127.0.0.1:${c.plants[1]!.http}/api/v1/evidence`;
    const headers = { "content-type": "application/json" };
    const bare = await fetch(url, { method: "POST", headers, body: JSON.stringify({ all: true }) });
    expect(bare.status).toBe(401);
  });

  it("fails with a named check wherever one bit is another", TIMEOUT, () => {
    for (let i = 0; i < FLIPS; i++) {
      const place = Math.floor(((i + 0.5) * all.length) / FLIPS);
      const flipped = Uint8Array.from(all);
      flipped[place] = flipped[place]! ^ 1;
      expect(judge(flipped), `byte ${place}`).toMatch(/^(evidence\.[a-z]+ failed|unreadable)$/);
    }
  });

  it("fails under another trust file, and with other people's proofs", TIMEOUT, async () => {
    const other = `0x${"77".repeat(32)}` as Trust["genesisHash"];
    const { allowUnsealed: _, ...sealed } = trust;
    const foreign = { block: 0, addresses: [trust.registry.address] };
    expect(judge(all, { ...trust, genesisHash: other })).toBe("evidence.chain failed");
    expect(judge(all, { ...trust, chainId: 1 })).toBe("evidence.chain failed");
    const otherCode = { ...trust.memory, codeHash: other };
    expect(judge(all, { ...trust, memory: otherCode })).toBe("evidence.code failed");
    expect(judge(all, { ...sealed, validators: [foreign] })).toBe("evidence.unsealed failed");

    const [one, two] = await Promise.all(
      attacks
        .slice(0, 2)
        .map(async ({ id }) => parseBundle((await c.ask(3).evidence({ records: [id] })).bundle)),
    );
    const withPart = (part: Partial<Snapshot>): Uint8Array =>
      encodeBundle({ ...one!, snapshots: [{ ...one!.snapshots[0]!, ...part }] } as EvidenceBundle);
    const [theirs] = two!.snapshots;
    expect(judge(withPart({}))).toBe("verified");
    expect(judge(withPart({ proof: theirs!.proof }))).toMatch(/^evidence\.\w+ failed$/);
    expect(judge(withPart({ contents: theirs!.contents }))).toBe("evidence.content failed");
    expect(judge(withPart({ records: [] }))).toMatch(/^evidence\.\w+ failed$/);
    await onDesk("foreign.json", withPart({ proof: theirs!.proof }));
    const refused = await verify("foreign.json");
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/Not verified: .*snapshots\[0\]\./);
  });

  it(
    "comes from the archive when the chain is gone, from a running node and from a stopped one",
    TIMEOUT,
    async () => {
      await until("plant C has archived", () => isArchived(2));
      await until("plant D has archived", () => isArchived(3));
      await c.local.stopChain();
      const { bundle, report } = await c.ask(2).evidence({ all: true });
      expect(new Set(report.snapshots.map(({ source }) => source))).toEqual(new Set(["archive"]));
      expect(judge(bundle)).toBe("verified");
      await c.end(3, "kill");
      const told = await at(3, "audit", "export", "--all", "--history", "--out", join(desk, "stopped.json"));
      expect(told, told.stderr).toMatchObject({ code: 0 });
      const verified = await verify("stopped.json", "-o", "json");
      expect(JSON.parse(verified.stdout)).toMatchObject({ verified: true });
    },
  );

  it("is archived again after a crash between index and archive", TIMEOUT, async () => {
    const store = await openLevelStore(join(c.plants[3]!.directory, "store"), SILENT);
    const ops = [];
    for await (const [key] of store.entries({ gte: "a/", lt: "a/\uffff" }))
      ops.push({ type: "del" as const, key });
    expect(ops.length).toBeGreaterThan(0);
    await store.commit(ops);
    await store.close();
    const lacks = await at(3, "audit", "export", "--all", "--out", join(desk, "lacks.json"));
    expect(lacks.code).toBe(2);
    expect(lacks.stderr).toContain("is archived nowhere");
    await c.local.restartChain("stop");
    await c.start(3);
    await until("plant D has archived", () => isArchived(3));
    expect(judge((await c.ask(3).evidence({ all: true, history: true })).bundle)).toBe("verified");
  });
});

/** What comes of a bundle, in two words. */
function judge(bundle: Uint8Array, believed = trust): string {
  try {
    const verdict = verifyEvidence(bundle, believed);
    if (verdict.verified) return "verified";
    expect(verdict.checks.filter(({ result }) => result === "failed")).toHaveLength(1);
    return `${verdict.failure.code} failed`;
  } catch (error) {
    if (isAnamnesisError(error, "evidence.unreadable")) return "unreadable";
    throw error;
  }
}
