import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/consortium/consortium.ts";
import type { RunFigures } from "../../scripts/start/figures.ts";
import { cli, type Ended, PATIENCE_MS, type Running, run, until } from "./support.ts";

/** Alone, without the twin's minute: `.ci/run` plays that twice. */
const RECORDED = join(ROOT, "fixtures/attacks/all.eve.json");
const SAMPLES = join(ROOT, "../shared/samples/suricata_eve");
/** Two functions written by a stranger, an address, a domain, a URL and a file: what the recorded attacks hold. */
const RECORDS = 6;
const TIMEOUT = { timeout: 2 * PATIENCE_MS };

let directory = "";
const running = new Set<Running>();
/** A run of the launcher; whatever a failing test leaves behind is ended with its own signal. */
const launch = (...args: string[]): Running => {
  const program = run("scripts/start.ts", args, true);
  running.add(program);
  void program.ended.then(() => running.delete(program));
  return program;
};
const startOnce = (...args: string[]): Promise<Ended> => launch("--once", "--json", ...args).ended;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-main-job-"));
});
afterAll(async () => {
  for (const { child } of running) child.kill("SIGTERM");
  await Promise.all([...running].map(({ ended }) => ended));
  await rm(directory, { recursive: true, force: true });
});

/** Alerts from elsewhere, unchanged; an empty input where they are not at hand. */
function sample(name: string): string {
  const path = join(SAMPLES, name);
  if (existsSync(path)) return path;
  console.warn(`SKIPPED: ${path} is not here; an empty input stands in`);
  return "/dev/null";
}

/** The figures; fails unless standard output is one line of JSON and nothing else. */
function figuresOf({ stdout }: Ended): RunFigures {
  expect(stdout).toMatch(/^\{[^\n]*\}\n$/);
  return JSON.parse(stdout) as RunFigures;
}

async function sightings(data: string): Promise<number[]> {
  const { stdout } = await cli("--data", data, "--plant", "a", "-o", "json", "indicators", "list");
  const { indicators } = JSON.parse(stdout) as { indicators: { sightings: { count: number } }[] };
  return indicators.map((view) => view.sightings.count);
}

describe("the main job", () => {
  it(
    "makes four plants immune, meets the attack again, and remembers with everything stopped",
    TIMEOUT,
    async () => {
      const data = join(directory, "twice");
      const first = await startOnce("--data", data, "--input", RECORDED);
      expect(first, first.stderr).toMatchObject({ code: 0 });
      const figures = figuresOf(first);
      expect(figures).toMatchObject({
        plants: 4,
        able: 4,
        immune: 4,
        lost: 0,
        duplicated: 0,
        records: RECORDS,
      });
      expect(figures).toMatchObject({ enforced: 0, watched: 0, reencounterMs: null, caughtUpMs: null });
      for (const { p50, p99 } of [figures.warnedMs!, figures.protectedMs!, figures.recordedMs!]) {
        expect(p50).toBeGreaterThan(0);
        expect(p99).toBeGreaterThanOrEqual(p50);
      }
      const seen = await sightings(data);
      expect(seen).toHaveLength(RECORDS);

      const second = await startOnce("--data", data, "--input", RECORDED);
      expect(second, second.stderr).toMatchObject({ code: 0 });
      expect(figuresOf(second)).toMatchObject({
        plants: 4,
        immune: 4,
        lost: 0,
        duplicated: 0,
        records: RECORDS,
      });
      expect(figuresOf(second)).toMatchObject({ warnedMs: null, protectedMs: null, recordedMs: null });
      expect(figuresOf(second).reencounterMs?.p50).toBeGreaterThan(0);
      const again = await sightings(data);
      expect(again).toHaveLength(RECORDS);
      for (const [i, count] of again.entries()) expect(count).toBeGreaterThan(seen[i]!);

      const recall = await cli("--data", data, "recall", "203.0.113.7", "--plant", "D", "-o", "json");
      expect(recall, recall.stderr).toMatchObject({ code: 0 });
      const answer = JSON.parse(recall.stdout);
      expect(answer).toMatchObject({ value: "203.0.113.7", known: true });
      const [indicator] = answer.indicators;
      expect(indicator).toMatchObject({ pattern: "[ipv4-addr:value = '203.0.113.7']", state: "protected" });
      expect(indicator.status).toMatchObject({ name: "attested" });
      expect(indicator.members.length).toBeGreaterThanOrEqual(3); // the fourth is not waited for
      expect(indicator.members).toContain(1);

      const other = await startOnce("--data", data, "--plants", "5");
      expect(other).toMatchObject({ code: 2, stdout: "" });
      expect(other.stderr).toMatch(/holds a consortium of 4 plants, --plants is 5/);
    },
  );

  it("protects a plant that was off during the attack as soon as it is back", TIMEOUT, async () => {
    const ended = await startOnce("--data", join(directory, "absent"), "--absent", "d");
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const figures = figuresOf(ended);
    expect(figures).toMatchObject({ plants: 4, immune: 4, lost: 0, duplicated: 0 });
    expect(figures.caughtUpMs?.p50).toBeGreaterThan(0);
    expect(ended.stderr).toMatch(/Plant D was off during the attack and starts now/);
  });

  it(
    "takes another port than a foreign program's, says when there is nothing to release, and stops at Ctrl-C",
    TIMEOUT,
    async () => {
      const data = join(directory, "three");
      const foreign = createServer();
      // In use already, by whatever else runs here: all the same to this test.
      await new Promise<void>((done) => foreign.once("error", () => done()).listen(8601, "127.0.0.1", done));
      try {
        const program = launch("--data", data, "--plants", "3", "--input", sample("sv-fileinfo-raw.json"));
        await until("the launcher says how to stop it", async () =>
          program.stdout().includes("Ctrl-C stops everything"),
        );
        const runs = await Promise.all(
          ["a", "b", "c"].map(async (letter) =>
            JSON.parse(await readFile(join(data, "plants", letter, "run.json"), "utf8")),
          ),
        );
        for (const { pid, url } of runs) {
          expect(() => process.kill(pid, 0)).not.toThrow();
          expect(program.stdout()).toContain(url);
          expect(url).not.toBe("http://127.0.0.1:8601");
        }
        const second = await startOnce("--data", data);
        expect(second).toMatchObject({ code: 2, stdout: "" });
        expect(second.stderr).toMatch(/in use by another launcher/);

        process.kill(-(program.child.pid as number), "SIGINT"); // as a terminal does: to everybody
        const ended = await program.ended;
        expect(ended, ended.stderr).toMatchObject({ code: 0, stderr: "" });
        for (const { pid } of runs) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
        for (const letter of ["a", "b", "c"])
          expect(existsSync(join(data, "plants", letter, "run.json"))).toBe(false);
        expect(ended.stdout).toMatch(/3 of 3 plants immune, 0 records, 0 lost, 0 duplicated/);
        expect(ended.stdout).toMatch(/Nothing to release/);
        for (const line of ended.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(120);
      } finally {
        foreign.close();
      }

      const next = await startOnce("--data", data, "--input", sample("hub-eve-detect.log"));
      expect(next, next.stderr).toMatchObject({ code: 0 });
      const records = existsSync(SAMPLES) ? 2 : 0;
      expect(figuresOf(next)).toMatchObject({ plants: 3, immune: 3, lost: 0, duplicated: 0, records });
    },
  );

  it("refuses what it cannot do with one line", TIMEOUT, async () => {
    const data = join(directory, "refused");
    for (const [args, words] of [
      [["--input", join(directory, "none.json")], /^--input .*none\.json cannot be read/],
      [["--plants", "2"], /^--plants is 2; give 3 to 16/],
      [["--plants", "some"], /--plants .*whole number/],
      [["--absent", "A"], /--absent .*other than A/],
      [["--absent", "E"], /^--absent E: there are 4 plants/],
      [["--absent", "C", "--plants", "3"], /^--absent C: 2 plants cannot attest anything/],
      [["--refute", "--absent", "D"], /^--no-share, --policy default and --refute are about the twin/],
      [["--policy", "none"], /--policy .*default, standing/],
      [["--data", "/dev/null/here"], /^--data \/dev\/null\/here cannot be written/],
    ] as const) {
      const ended = await startOnce("--data", data, ...args);
      expect(ended, args.join(" ")).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr.trim().split("\n")).toHaveLength(1);
      expect(ended.stderr).toMatch(words);
    }
  });
});
