/** What every control must do; the fake included. */

import { checkPlan } from "@anamnesis/sdk/check/plan";
import { weaker } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorForm } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Application, Compiled, Control } from "../../../../node/src/ports.ts";
import { conduct, HOUR_MS, observable, recordOf, SELF, START_MS } from "../../support/plant.ts";

/** A control under test and the means to disturb it. */
export interface Bench {
  readonly control: Control;
  /** Everything it holds, as text. */
  read(): Promise<string>;
  /** Adds something nobody asked for, removes everything. */
  tamper(): Promise<void>;
  wipe(): Promise<void>;
  setNowMs(nowMs: number): void;
  /** Makes writing fail from now on, or work again. */
  breakWrites(isBroken: boolean): void;
  /** Makes whoever enforces not answer; absent where nobody is asked. */
  silence?(): Promise<void>;
  close(): Promise<void>;
}

const ACTIONS: readonly ActionClass[] = ["observe", "alert", "deny", "block", "isolate"];

const FORMS: readonly IndicatorForm[] = [
  observable("203.0.113.7"),
  observable("203.0.113.0/24"),
  observable("2001:db8::7", "ipv6-addr"),
  observable("update.turbine-fw.example", "domain-name"),
  observable("http://update.turbine-fw.example/a?b='c'", "url"),
  observable("48".repeat(32), "file"),
  observable("e7eca2baf4458d095b7f45da28c16c34", "ja3"),
  observable("t13d521100_b262b3658495_8e6e362c5eac", "ja4"),
  conduct,
];

/** An application of a form that the control takes at `action`. */
export function applicationOf(
  control: Control,
  form: IndicatorForm,
  action: ActionClass = "block",
  expiresAtMs: number = START_MS + 24 * HOUR_MS,
): Application {
  const compiled = control.compile(form, action, SELF) as Compiled;
  return {
    indicator: recordOf(form).indicator,
    control: control.name,
    action: compiled.action,
    statement: compiled.statement,
    appliedAtMs: START_MS,
    expiresAtMs,
  };
}

/** Runs the suite on one kind of control. */
export function describeControl(name: string, open: () => Promise<Bench>): void {
  describe(`control: ${name}`, () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await open();
    });
    afterEach(() => bench.close());

    const address = (last: number) => applicationOf(bench.control, observable(`203.0.113.${last}`));

    it("passes its preflight", async () => {
      await expect(bench.control.preflight()).resolves.toBeUndefined();
    });

    it("holds exactly what was applied, and nothing after undo", async () => {
      const both = [address(7), address(8)];
      await bench.control.apply(both);
      expect(await bench.control.verify(both)).toMatchObject({ missing: [], extra: [] });
      expect(await bench.read()).toContain("203.0.113.7");
      await bench.control.apply(both.slice(1));
      expect(await bench.control.verify(both.slice(1))).toMatchObject({ missing: [], extra: [] });
      expect(await bench.read()).not.toContain("203.0.113.7");
      await bench.control.apply([]);
      expect(await bench.read()).not.toContain("203.0.113.8");
      expect(await bench.control.verify([])).toMatchObject({ missing: [], extra: [] });
    });

    it("is idempotent", async () => {
      const list = [address(7)];
      await bench.control.apply(list);
      const before = await bench.read();
      await bench.control.apply([...list]);
      expect(await bench.read()).toBe(before);
    });

    it("names what is missing and what is extra", async () => {
      const list = [address(7), address(8)];
      await bench.control.apply(list);
      await bench.tamper();
      expect((await bench.control.verify([...list])).extra).toHaveLength(1);
      await bench.wipe();
      const { missing } = await bench.control.verify([...list]);
      expect([...missing].sort()).toEqual(list.map(({ indicator }) => indicator).sort());
      await bench.control.apply(list);
      expect(await bench.control.verify(list)).toMatchObject({ missing: [], extra: [] });
    });

    it("keeps the last good state when writing fails, says so, and goes on when it works again", async () => {
      const before = [address(7)];
      const after = [address(7), address(8)];
      await bench.control.apply(before);
      const held = await bench.read();
      bench.breakWrites(true);
      await expect(bench.control.apply(after)).rejects.toMatchObject({ code: "control.io" });
      expect(await bench.read()).toBe(held);
      expect(await bench.control.verify([...before])).toMatchObject({ missing: [], extra: [] });
      bench.breakWrites(false);
      await bench.control.apply(after);
      expect(await bench.control.verify(after)).toMatchObject({ missing: [], extra: [] });
    });

    it("says so when nobody answers who enforces, and never calls that verified", async () => {
      if (bench.silence === undefined) return;
      const list = [address(7)];
      await bench.control.apply(list);
      await bench.silence();
      await expect(bench.control.verify([...list])).rejects.toMatchObject({ code: "control.io" });
      await expect(bench.control.apply([address(8)])).rejects.toMatchObject({ code: "control.io" });
      await expect(bench.control.preflight()).rejects.toMatchObject({ code: "control.preflight" });
    });

    it("never holds what has expired", async () => {
      const soon = { ...address(9), expiresAtMs: START_MS + 1000 };
      bench.setNowMs(START_MS + 1000);
      await bench.control.apply([soon, address(7)]);
      const text = await bench.read();
      expect(text).not.toContain("203.0.113.9");
      expect(text).toContain("203.0.113.7");
      expect(await bench.control.verify([soon, address(7)])).toMatchObject({ missing: [], extra: [] });
    });

    it("leaves the last of concurrent applies in place", async () => {
      const steps = Array.from({ length: 12 }, (_, i) => [address(i + 1)]);
      await Promise.all(steps.map((step) => bench.control.apply(step)));
      const last = steps.at(-1) as Application[];
      expect(await bench.control.verify(last)).toMatchObject({ missing: [], extra: [] });
    });

    it("never compiles to more than was asked, and states a set that passes the checker whenever it stops", () => {
      for (const form of FORMS) {
        for (const action of ACTIONS) {
          const compiled = bench.control.compile(form, action, SELF);
          if ("refused" in compiled) continue;
          expect(weaker(action, compiled.action), JSON.stringify([form, action])).toBe(false);
          const isStopping = !weaker(compiled.action, "deny");
          expect(compiled.blocks.length > 0).toBe(isStopping);
          if (!isStopping) continue;
          expect(checkPlan(compiled.blocks, SELF)).toEqual({ ok: true });
          expect(compiled.consequences.join(), "what follows is said").not.toBe("");
        }
      }
    });

    it("refuses observables of Self at every action", () => {
      for (const form of [observable("198.51.100.10"), observable("198.51.100.0/24")]) {
        for (const action of ["alert", "block"] as const) {
          expect(bench.control.compile(form, action, SELF)).toMatchObject({ refused: "candidate.self" });
        }
      }
    });

    it("refuses private, wide and hostile values", () => {
      const cases: readonly [string, string][] = [
        ["10.9.9.9", "candidate.private"],
        ["127.0.0.1", "candidate.private"],
        ["224.0.0.1", "candidate.private"],
        ["203.0.0.0/8", "candidate.broad"],
        ["0.0.0.0/0", "candidate.broad"],
        ["203.0.113.9/24", "input.invalid"],
        ["203.0.113.07", "input.invalid"],
        ["203.0.113.7; drop", "input.invalid"],
        ["203.0.113.7\n198.51.100.9", "input.invalid"],
        ["203.0.113.7 }\nflush ruleset", "input.invalid"],
        ["", "input.invalid"],
      ];
      for (const [value, code] of cases) {
        expect(bench.control.compile(observable(value), "block", SELF), value).toMatchObject({
          refused: code,
        });
      }
      const mapped = bench.control.compile(observable("::ffff:203.0.113.66", "ipv6-addr"), "block", SELF);
      expect(mapped).toMatchObject({ refused: "input.invalid" });
    });
  });
}
