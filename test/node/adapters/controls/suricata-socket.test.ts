import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FileSystem, nodeFileSystem } from "../../../../node/src/adapters/controls/atomic-file.ts";
import { createSuricata } from "../../../../node/src/adapters/controls/suricata.ts";
import { openSuricata } from "../../../../node/src/adapters/controls/suricata-socket.ts";
import type { Application } from "../../../../node/src/ports.ts";
import { conduct, observable, START_MS } from "../../support/plant.ts";
import { startSuricata } from "./stand-in-suricata.ts";
import { applicationOf, describeControl } from "./suite.ts";

async function open() {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-suricata-"));
  const path = join(directory, "anamnesis.rules");
  const socket = join(directory, "s");
  const engine = await startSuricata(socket, path);
  const time = { nowMs: START_MS, isDiskFull: false };
  const clock = { nowMs: () => time.nowMs, monotonicMs: () => 0 };
  const files: FileSystem = {
    ...nodeFileSystem,
    async rename(from, to) {
      if (time.isDiskFull) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      await nodeFileSystem.rename(from, to);
    },
  };
  const options = { name: "cell-ips", level: 2, path, socket } as const;
  const control = createSuricata(options, { clock, files });
  return {
    ...{ directory, path, socket, engine, time, clock, options, control },
    close: async () => {
      await engine.close();
      await rm(directory, { recursive: true });
    },
  };
}

describeControl("suricata by its socket", async () => {
  const { control, path, engine, time, close } = await open();
  return {
    control,
    close,
    read: () => readFile(path, "utf8"),
    async tamper() {
      const text = await readFile(path, "utf8");
      await writeFile(path, `${text}drop ip any any -> any any (msg:"no"; sid:1; rev:1;)\n`);
      await engine.load();
    },
    async wipe() {
      await writeFile(path, "");
      await engine.load();
    },
    setNowMs: (nowMs) => {
      time.nowMs = nowMs;
    },
    breakWrites: (isBroken) => {
      time.isDiskFull = isBroken;
    },
    silence: () => engine.close(),
  };
});

describe("suricata by its socket", () => {
  let bench: Awaited<ReturnType<typeof open>>;
  beforeEach(async () => {
    bench = await open();
  });
  afterEach(() => bench.close());

  const address = (last: number) => applicationOf(bench.control, observable(`203.0.113.${last}`));
  /** Ours in form, and more than the engine can take. */
  const broken = (): Application => {
    const good = address(66);
    return { ...good, statement: good.statement.replaceAll("target:", "nonsense; target:") };
  };

  test("what is verified is in the engine: rules are loaded after the file is in place, and only then", async () => {
    const list = [address(7), applicationOf(bench.control, observable("48".repeat(32), "file"), "alert")];
    await bench.control.apply(list);
    expect(bench.engine.state).toMatchObject({ reloads: 1 });
    expect(bench.engine.state.rules.join()).toContain("203.0.113.7");
    expect(await bench.control.verify([...list])).toEqual({ proof: "enforced", missing: [], extra: [] });
    await bench.control.apply([...list]);
    expect(bench.engine.state.reloads, "what is loaded is not loaded again").toBe(1);
  });

  test("a rule that fails in the engine is named with its words, and the next file is without it", async () => {
    const list = [address(7), broken()];
    await bench.control.apply(list);
    const found = await bench.control.verify(list);
    expect(found).toMatchObject({ proof: "enforced", missing: [broken().indicator], extra: [] });
    expect(found.refused?.get(broken().indicator)).toContain("could not parse");
    await bench.control.apply([...list]);
    expect(await readFile(bench.path, "utf8")).not.toContain("nonsense");
    expect(await readFile(bench.path, "utf8")).toContain("203.0.113.7");
    expect((await bench.control.verify([...list])).refused?.size).toBe(1);
  });

  test("a file that is newer than what the engine loaded proves nothing", async () => {
    const list = [address(7)];
    await bench.control.apply(list);
    const later = new Date(bench.engine.state.loadedAtMs + 60_000);
    await utimes(bench.path, later, later);
    await expect(bench.control.verify([...list])).rejects.toMatchObject({
      code: "control.io",
      message: expect.stringContaining("loaded its rules before"),
    });
  });

  test("an engine that holds fewer rules than the file has does not read the file", async () => {
    await bench.control.apply([address(7)]);
    bench.engine.state.rules = [];
    await expect(bench.control.verify([address(7)])).rejects.toMatchObject({
      code: "control.io",
      message: expect.stringContaining("list the file under rule-files"),
    });
  });

  const LIES: readonly [what: string, command: string, lie: string | undefined, words: string][] = [
    ["silent at first", "hello", undefined, "has not answered for 60 ms"],
    ["of another protocol", "hello", '{"return":"NOK"}\n', "refuses protocol 0.2"],
    ["silent", "ruleset-stats", undefined, "has not answered for 60 ms"],
    ["babbling", "ruleset-stats", "OK\n", "gives an answer that is none"],
    ["without an end", "ruleset-stats", `"${"x".repeat(17 << 20)}`, "answers without end"],
    [
      "of other shape",
      "ruleset-stats",
      '{"return":"OK","message":[{"rules_loaded":-1}]}\n',
      "says of its rules",
    ],
    [
      "without times",
      "ruleset-reload-time",
      '{"return":"OK","message":[{"last_reload":"soon"}]}\n',
      "at soon",
    ],
    [
      "started with -S",
      "reload-rules",
      '{"return":"NOK","message":"Live rule reload not possible"}\n',
      "refuses reload-rules: Live rule reload not possible",
    ],
  ];
  test.each(LIES)("an engine %s is an error that says what to do", async (_what, command, lie, words) => {
    bench.engine.state.lies.set(command, lie);
    const engine = openSuricata(bench.socket, lie === undefined ? PATIENCE : undefined);
    const asked = command === "reload-rules" ? engine.reload() : engine.rules();
    await expect(asked).rejects.toMatchObject({
      code: "control.io",
      message: expect.stringMatching(new RegExp(`${words}.*unix-command`)),
    });
  });

  test("a reload that is under way is waited for", async () => {
    bench.engine.state.lies.set("reload-rules", '{"return":"NOK","message":"Reload already in progress"}\n');
    const reload = openSuricata(bench.socket).reload();
    await bench.engine.asked("reload-rules");
    bench.engine.state.lies.clear();
    await reload;
    expect(bench.engine.state.reloads).toBe(1);
  });
});

const PATIENCE = { answerMs: 60, reloadMs: 60 };

describe("rules are tried first", () => {
  let bench: Awaited<ReturnType<typeof open>>;
  beforeEach(async () => {
    bench = await open();
  });
  afterEach(() => bench.close());

  /** A program that takes rules as `suricata -T` does, and counts its runs. */
  async function program(body: string): Promise<{ test: string[]; runs(): Promise<number> }> {
    const file = join(bench.directory, "suricata");
    const runs = join(bench.directory, "runs");
    await writeFile(file, `#!/bin/sh\n[ "$1 $2" = "-T -c" ] || exit 64\necho run >>${runs}\n${body}\n`);
    await chmod(file, 0o755);
    return {
      test: [file],
      runs: async () => (await readFile(runs, "utf8").catch(() => "")).split("\n").length - 1,
    };
  }
  const NAMES = `n=$(grep -n nonsense "$5" | cut -d: -f1)
[ -z "$n" ] && exit 0
echo 'E: detect-ip: unknown keyword nonsense' >&2
for i in $n; do echo "E: detect: error parsing signature \\"x\\" from file $5 at line $i" >&2; done
exit 1`;
  const DIES = 'grep -q nonsense "$5" && kill -SEGV $$\nexit 0';

  const controlWith = (more: object) =>
    createSuricata({ ...bench.options, sensor: join(bench.directory, "suricata.yaml"), ...more }, bench);
  const applicationsOf = (control: ReturnType<typeof createSuricata>) => {
    const [one, two, three] = [7, 8, 9].map((last) =>
      applicationOf(control, observable(`203.0.113.${last}`)),
    );
    const bad = { ...two!, statement: two!.statement.replaceAll("target:", "nonsense; target:") };
    return { good: [one!, three!, applicationOf(control, conduct, "alert")], bad };
  };

  test.each([
    ["names what it cannot take", NAMES, "unknown keyword nonsense"],
    ["dies of it", DIES, "ended with SIGSEGV"],
  ])("one that %s is left out and does not stop the others", async (_what, body, words) => {
    const { test: tester, runs } = await program(body);
    const control = controlWith({ test: tester });
    const { good, bad } = applicationsOf(control);
    const list = [...good.slice(0, 1), bad, ...good.slice(1)];
    await control.apply(list);
    expect(bench.engine.state.failed).toEqual([]);
    expect(bench.engine.state.rules.length).toBeGreaterThan(3);
    const found = await control.verify(list);
    expect(found).toMatchObject({ proof: "enforced", missing: [bad.indicator], extra: [] });
    expect(found.refused?.get(bad.indicator)).toContain(words);
    const before = await runs();
    await control.apply([...list]);
    expect(await runs(), "nothing is tried twice").toBe(before);
    await control.apply(good);
    expect(await control.verify(good)).toEqual({ proof: "enforced", missing: [], extra: [] });
    expect((await readdir(bench.directory)).filter((name) => name.startsWith(".try-"))).toEqual([]);
  });

  test("without a socket too, where the file is all there is", async () => {
    const { test: tester } = await program(NAMES);
    const { path, level, name } = bench.options;
    const sensor = join(bench.directory, "suricata.yaml");
    const control = createSuricata({ name, level, path, sensor, test: tester }, bench);
    const { good, bad } = applicationsOf(control);
    await control.apply([...good, bad]);
    expect(await control.verify([...good, bad])).toMatchObject({ proof: "staged", missing: [bad.indicator] });
  });

  test("a program that takes no rule at all stops everything and leaves the file as it was", async () => {
    const { test: tester } = await program("echo 'E: conf: no such file' >&2; exit 1");
    const control = controlWith({ test: tester });
    await bench.control.apply([applicationOf(control, observable("203.0.113.1"))]);
    const before = await readFile(bench.path, "utf8");
    const { good } = applicationsOf(control);
    await expect(control.apply(good)).rejects.toMatchObject({
      code: "control.io",
      message: expect.stringContaining("takes no rule at all: E: conf: no such file"),
    });
    expect(await readFile(bench.path, "utf8")).toBe(before);
    const gone = controlWith({ test: [join(bench.directory, "nowhere")] });
    await expect(gone.apply(good)).rejects.toMatchObject({ code: "control.io" });
  });
});
