import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CANDIDATE_ID, KNOWN_ID, START_MS } from "../fake-plant.ts";
import { type Machine, makeMachine } from "./run.ts";

vi.setConfig({ testTimeout: 60_000 });

let machine: Machine;
let close: () => Promise<void>;
beforeAll(async () => {
  [machine, close] = await makeMachine();
});
afterAll(() => close());

describe("questions", () => {
  test("status is one line", async () => {
    const { code, out, err } = await machine.run("status");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toBe(
      "Plant D · armed · protected 1 · warned 0 · awaiting you 1 · residual 0 · lag 0 blocks · peers 1/1\n",
    );
    expect((await machine.run("status", "-o", "raw")).out).toBe(
      "armed=true\nwarned=0\nawaitingMe=1\nresidual=0\nlagBlocks=0\n",
    );
  });

  test("recall tells known with 0 and unknown with 1, in three ways", async () => {
    const known = await machine.run("recall", "203.0.113.7", "--plant", "D", "-o", "json");
    expect(known.code).toBe(0);
    expect(JSON.parse(known.out)).toEqual(machine.started.plant.api.recall("203.0.113.7"));
    expect(await machine.run("recall", "203.0.113.7", "-o", "raw")).toMatchObject({
      code: 0,
      out: `${KNOWN_ID}\n`,
    });
    expect((await machine.run("recall", "203.0.113.7")).out).toMatch(
      /^203\.0\.113\.7 is known from 1 indicator\.\n\nID +HERE +STATUS .*\n0x12ab34cd12ab +protected \(staged\) +attested +1 2 3 /,
    );
    expect(await machine.run("recall", "192.0.2.9")).toMatchObject({
      code: 1,
      out: "192.0.2.9 is not known.\n",
    });
    expect(await machine.run("recall", "192.0.2.9", "-o", "raw")).toMatchObject({ code: 1, out: "" });
  });

  test("doctor, indicators and vaccines give the API's JSON", async () => {
    const { api } = machine.started.plant;
    const json = async (...args: string[]) => JSON.parse((await machine.run(...args, "-o", "json")).out);
    expect(await json("doctor")).toEqual(await api.doctor());
    expect(await json("indicators", "list")).toEqual({ indicators: api.indicators({}) });
    expect(await json("indicators", "inspect", KNOWN_ID.slice(0, 12))).toEqual(api.indicator(KNOWN_ID));
    expect(await json("vaccines", "list")).toEqual({ vaccines: api.vaccines() });
    expect(await json("vaccines", "why", "203.0.113.7")).toEqual(api.why("203.0.113.7"));
    expect(await json("detections", "review")).toEqual({ candidates: api.candidates() });
    expect(await json("detections", "tail", "-n", "2")).toEqual({
      detections: (await api.detections(2)).toReversed(),
    });
  });

  test("people get tables without colours on a pipe", async () => {
    const doctor = await machine.run("doctor");
    expect(doctor.code).toBe(0);
    expect(doctor.out).toMatch(/^Nothing is wrong/);
    expect(doctor.out).toMatch(/lab\.public +203\.0\.113\.0\/24/);
    expect(doctor.out).toMatch(/ids +line\.notJson +half a "line/);
    const inspect = await machine.run("indicators", "inspect", KNOWN_ID);
    expect(inspect.out).toMatch(/first from +member 1/);
    expect(inspect.out).toMatch(/protected +2026-11-24 12:00:00Z \((\d+ \w+ ago|in \d+ \w+|now)\)/);
    const vaccines = await machine.run("vaccines", "list");
    expect(vaccines.out).toMatch(/0x12ab34cd12ab +edge-list +block +staged/);
    for (const { out } of [doctor, inspect, vaccines]) expect(out).not.toContain("\u001b");
  });

  test("why answers no with 1", async () => {
    expect(await machine.run("vaccines", "why", "10.0.0.5")).toMatchObject({
      code: 1,
      out: "No, not us: nothing in force here touches it\n",
    });
    expect(await machine.run("vaccines", "why", "203.0.113.7", "-o", "raw")).toMatchObject({
      code: 0,
      out: "yes\n",
    });
  });

  test("filters reach the API", async () => {
    await machine.run("indicators", "list", "--state", "protected", "--class", "observable", "--limit", "7");
    expect(machine.started.plant.calls).toContainEqual({
      name: "indicators",
      args: [{ state: "protected", class: "observable", limit: 7 }],
    });
  });

  test("doctor says what is wrong, with 1, and a peer's text cannot steer the terminal", async () => {
    const { plant } = machine.started;
    const whole = await plant.api.doctor();
    const original = plant.api.doctor;
    plant.api.doctor = async () => ({
      ...whole,
      differences: differencesWith("feed 0xa1 \u001b[2J\u202eis short"),
    });
    const { code, out } = await machine.run("doctor");
    plant.api.doctor = original;
    expect(code).toBe(1);
    expect(out).toContain("! difference: feed 0xa1 \ufffd[2J\ufffdis short");
    expect(out).not.toContain("\u001b");
  });
});

describe("commands", () => {
  test("a stance is the analyst's, on the indicator a prefix means", async () => {
    expect(
      (await machine.run("indicators", "refute", KNOWN_ID.slice(0, 12), "--confidence", "70")).code,
    ).toBe(0);
    expect((await machine.run("indicators", "attest", KNOWN_ID)).code).toBe(0);
    expect((await machine.run("indicators", "withdraw", KNOWN_ID)).code).toBe(0);
    const stances = machine.started.plant.calls
      .filter(({ name }) => name === "attest")
      .map(({ args }) => args);
    expect(stances).toEqual([
      [KNOWN_ID, 2, 70],
      [KNOWN_ID, 1, 80],
      [KNOWN_ID, 3, 0],
    ]);
  });

  test("hold, then release, by a prefix", async () => {
    const held = await machine.run(
      "detections",
      "hold",
      CANDIDATE_ID.slice(2, 12),
      "--until",
      "2100-01-01T00:00Z",
    );
    expect(held).toMatchObject({ code: 0, err: "" });
    expect(held.out).toMatch(/held until 2100-01-01 00:00:00Z/);
    expect((await machine.run("detections", "release", CANDIDATE_ID.slice(0, 12), "-o", "raw")).out).toBe(
      `${CANDIDATE_ID}\n`,
    );
    expect(await machine.run("detections", "review")).toMatchObject({
      code: 0,
      out: "Nothing awaits you.\n",
    });
    expect(await machine.run("detections", "release", CANDIDATE_ID)).toMatchObject({ code: 1, out: "" });
  });

  test("tail -f prints what was and what comes, once, until interrupted", async () => {
    const { plant } = machine.started;
    const tail = machine.spawn("detections", "tail", "-n", "1", "-f");
    await vi.waitFor(() => expect(tail.out()).toContain("Attack 3"), { timeout: 20_000 });
    await vi.waitFor(() => expect(plant.listeners()).toBe(1), { timeout: 20_000 });
    for (let n = 4; n <= 6; n++) {
      plant.addDetection();
      plant.change({ type: "alert" });
      await vi.waitFor(() => expect(tail.out()).toContain(`Attack ${n}`), { timeout: 20_000 });
    }
    tail.kill("SIGINT");
    const { code, out, err } = await tail.done;
    expect([code, err]).toEqual([0, ""]);
    expect([...out.matchAll(/Attack (\d)/g)].map((match) => match[1])).toEqual(["3", "4", "5", "6"]);
    expect(out).toMatch(/severity 90 {2}203\.0\.113\.7 → 198\.51\.100\.10:443/);
  });
});

describe("what goes wrong", () => {
  test("usage and configuration are one line and 2", async () => {
    const cases: [string[], RegExp][] = [
      [["recall"], /missing required argument 'value'/],
      [["nonsense"], /unknown command 'nonsense'/],
      [["status", "-o", "xml"], /Allowed choices are human, json, raw/],
      [["status", "--plant", "../d"], /--plant \.\.\/d is not a plant's name/],
      [["status", "--plant", "z"], /--plant z: there is no .*; plants here: d/],
      [["status", "--data", "nowhere"], /no plant in nowhere .*--data DIR/],
      [["status", "--url", "not-a-url"], /url is not-a-url/],
      [["status", "--token-file", "missing"], /--token-file missing cannot be read/],
      [["indicators", "list", "--limit", "x"], /--limit is x/],
      [["detections", "hold", CANDIDATE_ID, "--until", "yesterday"], /--until yesterday/],
    ];
    for (const [args, words] of cases) {
      const { code, out, err } = await machine.run(...args);
      expect([code, out], args.join(" ")).toEqual([2, ""]);
      expect(err).toMatch(words);
      expect(err).not.toMatch(/\n\s+at /);
    }
  });

  test("the node's own refusals are told with their code", async () => {
    const { plant } = machine.started;
    plant.failNext("recall", new AnamnesisError("store.corrupt", "key c/1 is\nnot readable"));
    const { code, err } = await machine.run("recall", "x");
    expect([code, err]).toEqual([2, "anamnesis: key c/1 is not readable (store.corrupt)\n"]);
    expect((await machine.run("indicators", "inspect", "0x00000000")).code).toBe(1);
    const token = join(machine.directory, "wrong.token");
    writeFileSync(token, "wrong");
    const wrong = await machine.run("status", "--token-file", token);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("api.unauthorized")]);
  });

  test("a node that is not there is 3", async () => {
    const away = await machine.run("status", "--url", "http://127.0.0.1:1");
    expect([away.code, away.out]).toEqual([3, ""]);
    expect(away.err).toMatch(/^anamnesis: no answer from http:\/\/127\.0\.0\.1:1 .*\n$/);
    const other = join(machine.directory, ".anamnesis", "plants", "e");
    mkdirSync(other);
    writeFileSync(join(other, "plant.yaml"), "plant: E\n");
    try {
      const stopped = await machine.run("indicators", "attest", KNOWN_ID, "--plant", "E");
      expect([stopped.code, stopped.err]).toEqual([3, expect.stringContaining("plant E is not running")]);
      expect((await machine.run("status")).err).toMatch(/--plant is missing; plants here: d, e/);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  test("it is found from a folder below", async () => {
    const below = join(machine.directory, "deep", "down");
    mkdirSync(below, { recursive: true });
    const { spawnCli } = await import("./run.ts");
    expect((await spawnCli(below, ["status"]).done).code).toBe(0);
  });
});

test("times are UTC with their distance", async () => {
  const { distance, time } = await import("../../../node/src/cli/output.ts");
  expect(time(START_MS, START_MS + 61_000)).toBe("2026-11-24 12:00:00Z (1 min ago)");
  expect(time(null, 0)).toBe("never");
  expect(time(8.65e15, 0)).toBe("never");
  expect([500, -500, 1000, 7_200_000, -172_800_000].map(distance)).toEqual([
    "now",
    "now",
    "in 1 s",
    "in 2 h",
    "2 d ago",
  ]);
});

test("until is a moment in the future", async () => {
  const { parseUntil } = await import("../../../node/src/cli/commands/detections.ts");
  expect(parseUntil("90min", START_MS + 0.5)).toBe(START_MS + 5_400_000);
  expect(parseUntil("3d", START_MS)).toBe(START_MS + 259_200_000);
  expect(parseUntil("2026-11-24T14:00+01:00", START_MS)).toBe(START_MS + 3_600_000);
  expect(parseUntil("2026-11-25", START_MS)).toBe(Date.UTC(2026, 10, 25));
  for (const bad of ["", "0h", "2026-11-24T11:59Z", "2026-11-24T14:00", "5", "1y", "2026-13-01", "-3h"])
    expect(() => parseUntil(bad, START_MS), bad).toThrow(/--until/);
});

/** One difference with this message. */
function differencesWith(message: string) {
  const rest = { field: "size", here: "1", there: "2", mends: "sync" } as const;
  return {
    total: 1,
    counts: { "feed.short": 1 },
    listed: [{ kind: "feed.short", message, ...rest } as const],
  };
}
