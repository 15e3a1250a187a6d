import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { timeOf } from "../../../node/src/cli/commands/orders.ts";
import { TOKENS } from "../adapters/http/start.ts";
import { KNOWN_ID, START_MS } from "../fake-plant.ts";
import { type Machine, makeMachine } from "./run.ts";

vi.setConfig({ testTimeout: 60_000 });

const WHO = `operator ${createHash("sha256").update(TOKENS.operator).digest("hex").slice(0, 8)}`;
let machine: Machine;
let close: () => Promise<void>;
beforeAll(async () => {
  [machine, close] = await makeMachine();
});
afterAll(() => close());

/** The last call that the API got, as its name and arguments. */
function last(): readonly unknown[] {
  const { name = "", args = [] } = machine.started.plant.calls.at(-1) ?? {};
  return [name, ...args];
}

test("the inbox says what waits, what follows, and how to approve", async () => {
  const { code, out, err } = await machine.run("vaccines", "inbox");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("block at cell (level 2), where alert stands now");
  expect(out).toContain("! the flow ends, reads included");
  expect(out).toContain("1 of 2 approved (one; ticket CHG-1");
  expect(out).toMatch(/edge is stopped: test \(one, /);
  expect(JSON.parse((await machine.run("vaccines", "inbox", "-o", "json")).out)).toEqual(
    machine.started.plant.api.orders(),
  );
  expect((await machine.run("vaccines", "inbox", "-o", "raw")).out).toBe(`${KNOWN_ID} cell\n`);
});

test("the first approval says that a second person is missing, with exit code 1", async () => {
  const short = KNOWN_ID.slice(0, 14);
  const { code, out } = await machine.run(
    ...["vaccines", "approve", short, "--control", "cell", "--ticket", "CHG-1"],
    ...["--owner", "rolling mill", "--until", "2026-03-01T08:00:00Z", "--action", "deny"],
  );
  expect(code).toBe(1);
  expect(out).toContain("A second person has to approve");
  expect(last()).toEqual([
    "approve",
    KNOWN_ID,
    {
      control: "cell",
      ticket: "CHG-1",
      processOwner: "rolling mill",
      action: "deny",
      untilMs: Date.parse("2026-03-01T08:00:00Z"),
    },
    WHO,
  ]);
});

test.each([
  [
    ["refuse", KNOWN_ID, "--control", "cell", "--reason", "maintenance"],
    ["refuse", KNOWN_ID, "cell", "maintenance", WHO],
  ],
  [
    ["rollback", KNOWN_ID, "--reason", "HMI cut off"],
    ["rollback", KNOWN_ID, undefined, "HMI cut off", WHO],
  ],
  [
    ["stop", "--reason", "shutdown"],
    ["stopControls", undefined, "shutdown", WHO],
  ],
  [
    ["resume", "--control", "edge"],
    ["resumeControls", "edge", WHO],
  ],
] as const)("vaccines %j", async (args, call) => {
  const { code, err } = await machine.run("vaccines", ...args);
  expect([code, err]).toEqual([0, ""]);
  expect(last()).toEqual(call);
});

test("what is missing or wrong is said in one line", async () => {
  const unknown = await machine.run("vaccines", "approve", "0x00000000", "--control", "c");
  expect(unknown).toMatchObject({ code: 1, out: "" });
  expect(unknown.err).toMatch(/no indicator 0x00000000/);
  for (const [args, words] of [
    [["approve", KNOWN_ID], /--control/],
    [["refuse", KNOWN_ID, "--control", "cell"], /--reason/],
    [["rollback", KNOWN_ID], /--reason/],
    [["stop"], /--reason/],
    [["approve", KNOWN_ID, "--control", "c", "--until", "tomorrow"], /--until is tomorrow; give a time/],
  ] as const) {
    const { code, out, err } = await machine.run("vaccines", ...args);
    expect([code, out], args.join(" ")).toEqual([2, ""]);
    expect(err).toMatch(words);
  }
});

test("times are spans from now or ISO 8601", () => {
  expect(timeOf("--until", "90m", START_MS)).toBe(START_MS + 5_400_000);
  expect(timeOf("--until", "8h", START_MS)).toBe(START_MS + 28_800_000);
  expect(timeOf("--until", "3d", START_MS)).toBe(START_MS + 259_200_000);
  expect(timeOf("--until", "2026-03-01T08:00:00+01:00", START_MS)).toBe(Date.parse("2026-03-01T07:00:00Z"));
  for (const wrong of ["", "8", "-1h", "8H", "2026-03-01", "1e3h", "soon"])
    expect(() => timeOf("--until", wrong, START_MS)).toThrow(/give a time/);
});
