import { checkPlan } from "@anamnesis/sdk/check/plan";
import type { Self } from "@anamnesis/sdk/core/types";
import { describe, expect, test } from "vitest";
import { createGateway } from "../../../../node/src/adapters/controls/gateway.ts";
import type { Compiled } from "../../../../node/src/ports.ts";
import { conduct, observable, SELF, START_MS } from "../../support/plant.ts";
import { applicationOf } from "./suite.ts";

const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
const control = (ask = async () => "{}") =>
  createGateway({ name: "cell", level: 2, path: "/nowhere/gateway.rules" }, { clock, ask });

describe("compiling conduct for a gateway", () => {
  test("denies every write to the table by who is no writer, and says that reads pass", () => {
    const compiled = control().compile(conduct, "block", SELF) as Compiled;
    expect(compiled.action).toBe("deny");
    expect(compiled.blocks).toMatchObject([
      { ports: [502], functions: [6, 16, 22, 23], destinations: ["10.2.2.10"] },
    ]);
    expect(compiled.consequences.join()).toMatch(/reads .* pass/);
    expect(checkPlan(compiled.blocks, SELF)).toEqual({ ok: true });
    // What is enforced is what was checked.
    expect(JSON.parse(compiled.statement)).toMatchObject({
      sources: compiled.blocks[0]?.sources,
      functions: compiled.blocks[0]?.functions,
    });
  });

  test("leaves engineering stations and safety systems out, and says so", () => {
    const roles = {
      ...SELF.roles,
      controllers: ["10.2.2.10", "10.2.2.200"],
      engineeringStations: ["10.2.2.31"],
      safetySystems: ["10.2.2.200"],
    };
    const self: Self = { ...SELF, roles };
    const compiled = control().compile(conduct, "deny", self) as Compiled;
    expect(compiled.action).toBe("deny");
    expect(checkPlan(compiled.blocks, self)).toEqual({ ok: true });
    expect(compiled.consequences.join()).toMatch(
      /10\.2\.2\.31 \(engineering station\).*10\.2\.2\.200 \(safety system\)/,
    );
    const onlySafety: Self = { ...self, roles: { ...roles, controllers: ["10.2.2.200"] } };
    expect(control().compile(conduct, "deny", onlySafety)).toMatchObject({ action: "alert", blocks: [] });
  });

  test("only watches when asked to, with the functions that were attested", () => {
    expect(control().compile(conduct, "alert", SELF)).toMatchObject({ action: "alert", blocks: [] });
    const { statement } = control().compile(conduct, "alert", SELF) as Compiled;
    expect(JSON.parse(statement)).toMatchObject({ functions: [6] });
  });

  test("refuses what a gateway does not see, and a Self that lacks a set", () => {
    expect(control().compile(observable("a.example.com", "domain-name"), "block", SELF)).toMatchObject({
      refused: "plan.unsupported",
    });
    const self = { ...SELF, roles: { ...SELF.roles, writers: [] } };
    expect(control().compile(conduct, "deny", self)).toMatchObject({ refused: "self.incomplete" });
  });
});

describe("a gateway that is not as it should be", () => {
  const list = [applicationOf(control(), conduct, "deny")];
  test.each([
    ["is down", () => Promise.reject(new Error("ECONNREFUSED")), /ECONNREFUSED/],
    ["is something else", async () => "HTTP/1.1 400 Bad Request", /answers "HTTP/],
    ["speaks another tongue", async () => '{"format":"other","rules":[],"fault":null}', /something else/],
    [
      "could not read its file",
      async () => '{"format":"anamnesis/gateway/1","rules":[],"fault":"the rule is not JSON"}',
      /keeps its rules before: "the rule is not JSON"/,
    ],
  ])("%s: the error says so", async (_, ask, message) => {
    await expect(control(ask).verify(list)).rejects.toThrow(message);
  });

  test("claims what it does not hold: missing and extra are named", async () => {
    const liar = control(async () => '{"format":"anamnesis/gateway/1","rules":["0xcd 00"],"fault":null}');
    expect(await liar.verify(list)).toMatchObject({ missing: [list[0]?.indicator], extra: ["0xcd 00"] });
  });
});
