import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IndicatorForm, IndicatorId, Self } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assignBlocks, createSuricata, FIRST_SID } from "../../../../node/src/adapters/controls/suricata.ts";
import { compileRules, escapeContent } from "../../../../node/src/adapters/controls/suricata-rules.ts";
import type { Compiled } from "../../../../node/src/ports.ts";
import { BEHAVIOUR, conduct, HOUR_MS, observable, SELF, START_MS } from "../../support/plant.ts";
import { applicationOf } from "./suite.ts";

const compiled = (form: IndicatorForm, action: "alert" | "deny" | "block", self: Self = SELF): Compiled => {
  const result = compileRules(form, action, self);
  if ("refused" in result) throw new Error(`${result.refused}: ${result.reason}`);
  return result;
};
const withFunctions = (table: "coil" | "holding", ...functions: number[]): IndicatorForm => ({
  form: "behaviour",
  behaviour: { ...BEHAVIOUR, table, functions },
});

describe("compileRules", () => {
  it("compiles the Modbus case against the receiver's own sets", () => {
    expect(compiled(conduct, "alert").statement).toBe(
      "alert modbus [10.2.2.0/24,!10.2.2.20,!10.2.2.30] any -> [10.2.2.10] 502 " +
        '(msg:"ANAMNESIS Modbus write by a non-writer, function 6"; flow:to_server,established; modbus:function 6; ' +
        "threshold:type limit,track by_src,count 1,seconds 300; target:dest_ip; metadata:anamnesis @ID; sid:@0; rev:1;)",
    );
  });

  it("drops with the exact set the rule stops, and says what else is lost", () => {
    const drop = compiled(conduct, "block");
    const [dropped, watched, ...more] = drop.statement.split("\n");
    expect(dropped).toMatch(
      /^drop modbus \[10\.2\.2\.0\/24,!10\.2\.2\.20,!10\.2\.2\.30,!10\.2\.2\.10,!10\.2\.2\.40\] /,
    );
    expect(watched).toMatch(/^alert modbus \[10\.2\.2\.0\/24,!10\.2\.2\.20,!10\.2\.2\.30\] /);
    expect(more).toEqual([]);
    expect(drop.action).toBe("block");
    // The flow dies whole, so the set is every function.
    expect(drop.blocks).toMatchObject([{ destinations: ["10.2.2.10"], ports: [502], functions: [] }]);
    expect(drop.blocks[0]?.sources).not.toContain("10.2.2.20");
    expect(drop.consequences.join()).toContain("later reads");
    expect(drop.consequences.join()).toContain("only watched: source 10.2.2.40 (historian)");
  });

  it("only watches where nobody is left to drop, or where a rule would be too long", () => {
    const named = { ...SELF, assets: [{ name: "all", addresses: ["10.2.2.0/24"] }] };
    expect(compileRules(conduct, "block", named)).toMatchObject({ action: "alert", blocks: [] });
    const assets = Array.from({ length: 900 }, (_, i) => ({
      name: `m${i}`,
      addresses: [`10.2.${4 + (i >> 8)}.${i & 255}`],
    }));
    const large = { ...SELF, assets, roles: { ...SELF.roles, otNetwork: ["10.2.0.0/16"] } };
    expect(compileRules(conduct, "block", large)).toMatchObject({ action: "alert", blocks: [] });
  });

  it("uses access for a whole table and one rule per function otherwise", () => {
    expect(compiled(withFunctions("holding", 6, 16, 22, 23), "alert").statement).toContain(
      "modbus:access write holding;",
    );
    expect(compiled(withFunctions("coil", 5, 15), "alert").statement).toContain("modbus:access write coils;");
    const two = compiled(withFunctions("holding", 6, 16), "alert").statement.split("\n");
    expect(two.map((line) => /modbus:[^;]+/.exec(line)?.[0])).toEqual([
      "modbus:function 6",
      "modbus:function 16",
    ]);
    expect(new Set(two.map((line) => /sid:@\d/.exec(line)?.[0])).size).toBe(2);
  });

  it("only watches where single commands are to be refused, or where the set is not exact", () => {
    expect(compiled(conduct, "deny")).toMatchObject({ action: "alert", blocks: [] });
    const inexact: readonly IndicatorForm[] = [
      observable("cd".repeat(32), "file"),
      observable("http://c2.example/a", "url"),
      observable("e7eca2baf4458d095b7f45da28c16c34", "ja3"),
    ];
    for (const form of inexact) {
      expect(compiled(form, "block")).toMatchObject({ action: "alert", blocks: [] });
      expect(compiled(form, "block").statement).not.toMatch(/^drop/m);
    }
  });

  it("refuses functions that do not write the table", () => {
    for (const form of [withFunctions("holding", 3), withFunctions("coil", 6), withFunctions("holding")]) {
      expect(compileRules(form, "alert", SELF)).toMatchObject({ refused: "plan.unsupported" });
    }
  });

  it("refuses with self.incomplete when a set it needs is empty or any", () => {
    for (const roles of [
      { otNetwork: [] },
      { writers: [] },
      { controllers: [] },
      { otNetwork: ["0.0.0.0/0"] },
      { writers: ["any"] },
    ]) {
      for (const action of ["alert", "block"] as const) {
        const self = { ...SELF, roles: { ...SELF.roles, ...roles } };
        expect(compileRules(conduct, action, self)).toMatchObject({ refused: "self.incomplete" });
      }
    }
  });

  it("refuses a rule that Suricata could not load for its length", () => {
    const writers = Array.from({ length: 900 }, (_, i) => `10.2.${3 + Math.floor(i / 250)}.${i % 250}`);
    const self = { ...SELF, roles: { ...SELF.roles, otNetwork: ["10.2.0.0/16"], writers } };
    expect(compileRules(conduct, "alert", self)).toMatchObject({ refused: "plan.unsupported" });
  });

  it("watches and drops a domain with everything below it", () => {
    const { statement, blocks } = compiled(observable("turbine-fw.example", "domain-name"), "block");
    const rules = statement.split("\n");
    expect(rules).toHaveLength(3);
    for (const line of rules) expect(line).toContain('dotprefix; content:".turbine-fw.example"; ');
    expect(rules.find((line) => line.includes("http.host"))).not.toContain("nocase");
    expect(blocks).toEqual([
      { sources: [], destinations: [], ports: [], functions: [], names: ["turbine-fw.example"] },
    ]);
  });

  it("lets no text of an indicator out of its place", () => {
    const hostile = [
      'http://c2.example/";sid:1;)\n',
      'http://c2.example/a"; pass ip any any -> any any (sid:1;)',
      "http://c2.example/a;b|41|\\:$HOME_NET",
      "http://c2.example/\u0000",
      "http://c2.example/é",
    ];
    for (const value of hostile) {
      const result = compileRules(observable(value, "url"), "alert", SELF);
      if ("refused" in result) continue;
      expect(result.statement.split("\n")).toHaveLength(1);
      expect(result.statement.match(/sid:/g)).toHaveLength(1);
      expect(result.statement).not.toContain("$");
    }
    for (const value of [
      'a.example";sid:1;)',
      "a.example\n",
      "a.example;",
      "*.example",
      "a..example",
      "-a.example",
      "exämple.example",
    ]) {
      expect(compileRules(observable(value, "domain-name"), "alert", SELF)).toMatchObject({
        refused: "input.invalid",
      });
    }
    for (const value of ["AB".repeat(32), "../../etc/passwd", `${"ab".repeat(32)}\n`]) {
      expect(compileRules(observable(value, "file"), "alert", SELF)).toMatchObject({
        refused: "input.invalid",
      });
    }
  });

  it("escapes contents so that only their own bytes come back", () => {
    const decode = (text: string): Buffer =>
      Buffer.concat(
        text
          .split("|")
          .map((part, i) => (i % 2 === 0 ? Buffer.from(part) : Buffer.from(part.replaceAll(" ", ""), "hex"))),
      );
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
        const escaped = escapeContent(text);
        expect(escaped).toMatch(/^[A-Za-z0-9._/| -]*$/);
        expect(decode(escaped).equals(Buffer.from(text))).toBe(true);
      }),
    );
  });
});

describe("sids", () => {
  const id = (block: number, tail: number) =>
    `0x${block.toString(16).padStart(12, "0")}${tail.toString(16).padStart(52, "0")}` as IndicatorId;

  it("are stable: another indicator does not move them", () => {
    const one = assignBlocks([id(5, 1)]).get(id(5, 1));
    expect(assignBlocks([id(4, 1), id(5, 1), id(6, 1)]).get(id(5, 1))).toBe(one);
  });

  it("depend on the set alone when ids collide", () => {
    const ids = [id(7, 3), id(7, 1), id(7, 2), id(8, 1)];
    const first = assignBlocks(ids);
    expect(new Set(first.values()).size).toBe(4);
    const shuffled = fc.shuffledSubarray(ids, { minLength: 4 });
    fc.assert(
      fc.property(shuffled, (order) => {
        expect([...assignBlocks(order)].sort()).toEqual([...first].sort());
      }),
    );
  });
});

describe("the rule file", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "anamnesis-suricata-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };

  it("has a sid of the reserved range and the indicator's id in every rule", async () => {
    const path = join(directory, "anamnesis.rules");
    const control = createSuricata({ name: "ips", level: 3, path }, { clock });
    const domain = applicationOf(control, observable("turbine-fw.example", "domain-name"), "alert");
    await control.apply([domain, applicationOf(control, conduct, "alert")]);
    const rules = (await readFile(path, "utf8"))
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(rules).toHaveLength(4);
    const sids = rules.map((line) => Number(/sid:(\d+);/.exec(line)?.[1]));
    expect(new Set(sids).size).toBe(4);
    for (const sid of sids) expect(sid >= FIRST_SID && sid < 2 ** 31).toBe(true);
    expect(rules[0]).toContain(`metadata:anamnesis ${domain.indicator.slice(2)};`);
  });

  it("changes hash list and rules in one step, and leaves no old list", async () => {
    const path = join(directory, "anamnesis.rules");
    const control = createSuricata({ name: "ips", level: 3, path }, { clock });
    const file = (byte: string) => applicationOf(control, observable(byte.repeat(32), "file"), "alert");
    for (const list of [[file("cd")], [file("cd"), file("ef")], []]) {
      await control.apply(list);
      const referred = /filesha256:([^;]+);/.exec(await readFile(path, "utf8"))?.[1];
      const lists = (await readdir(directory)).filter((name) => name.endsWith(".sha256"));
      expect(lists).toEqual(referred === undefined ? [] : [referred]);
      if (referred === undefined) expect(list).toEqual([]);
      else {
        const hashes = (await readFile(join(directory, referred), "utf8")).trimEnd().split("\n");
        expect(hashes).toEqual(list.map(({ statement }) => statement.split(" ")[1]));
      }
      expect(await control.verify(list)).toMatchObject({ proof: "staged", missing: [], extra: [] });
    }
  });

  it("refuses a statement it did not compile itself", async () => {
    const control = createSuricata({ name: "ips", level: 3, path: join(directory, "a.rules") }, { clock });
    const good = applicationOf(control, conduct, "alert", START_MS + HOUR_MS);
    for (const statement of [
      "pass ip any any -> any any (sid:1;)",
      `${good.statement}\nalert ip any any -> any any (sid:1;)`,
    ]) {
      await expect(control.apply([{ ...good, statement }])).rejects.toMatchObject({ code: "input.invalid" });
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it("says before use which setting of the sensor makes rules dead or fail closed", async () => {
    const sensor = join(directory, "suricata.yaml");
    const control = createSuricata(
      { name: "ips", level: 3, path: join(directory, "a.rules"), sensor },
      { clock },
    );
    const yaml = (modbus: string, policy: string) =>
      writeFile(
        sensor,
        `%YAML 1.1\n---\nexception-policy: ${policy}\napp-layer:\n  protocols:\n    modbus:\n      enabled: ${modbus}\n`,
      );
    const message = async () => control.preflight().catch((error: Error) => error.message);
    expect(await message()).toContain("does not exist");
    await yaml("no", "ignore");
    expect(await message()).toContain("app-layer.protocols.modbus.enabled");
    await yaml("yes", "auto");
    expect(await message()).toContain("exception-policy");
    await yaml("yes", "ignore");
    await expect(control.preflight()).resolves.toBeUndefined();
  });
});
