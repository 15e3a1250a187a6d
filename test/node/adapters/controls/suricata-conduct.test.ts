import { behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import type { IcsProtocol, Self } from "@anamnesis/sdk/core/types";
import { describe, expect, test } from "vitest";
import { compileRules } from "../../../../node/src/adapters/controls/suricata-rules.ts";
import { SELF } from "../../support/plant.ts";

const self: Self = {
  ...SELF,
  roles: { ...SELF.roles, engineeringStations: ["10.2.2.31", "10.2.4.0/28"], safetySystems: ["10.2.3.9"] },
};
const compile = (protocol: IcsProtocol, code: number, at = self, object?: number) =>
  compileRules(
    {
      form: "behaviour",
      behaviour: behaviourOf({ ...icsRequest(protocol, code)!, ...(object !== undefined && { object }) })!,
    },
    "block",
    at,
  );

describe("conduct beyond Modbus as rules", () => {
  test("an S7 stop by anybody but engineering, with the words a re-encounter needs", () => {
    expect(compile("s7comm", 0x29)).toEqual({
      action: "alert",
      blocks: [],
      consequences: [],
      statement:
        'alert tcp [!10.2.2.31,!10.2.4.0/28] any -> [10.2.2.10] 102 (msg:"ANAMNESIS s7comm program by non engineer, function 41"; dsize:>1; content:"|03 00|"; depth:2; content:"|02 f0 80 32 01|"; offset:4; depth:5; content:"|29|"; offset:17; depth:1; content:"P_PROGRAM"; distance:0; threshold:type limit,track by_src,count 1,seconds 300; target:dest_ip; metadata:anamnesis @ID, ics_protocol s7comm, ics_function 41; sid:@0; rev:1;)',
    });
  });

  test("TriStation to the safety system only alerts, whatever is asked", () => {
    const rule = compile("tristation", 0x37);
    expect(rule).toMatchObject({ action: "alert", blocks: [] });
    expect("statement" in rule && rule.statement).toMatch(
      /^alert udp \[!10\.2\.2\.31,!10\.2\.4\.0\/28\] any -> \[10\.2\.3\.9\] 1502 /,
    );
  });

  test("to a safety system every word of a stranger is an alert, and names no record", () => {
    const rule = compile("tristation", 0x37);
    const [command, word] = "statement" in rule ? rule.statement.split("\n") : [];
    expect(command).toContain("ics_function 55");
    expect(word).toMatch(/^alert udp \[!10\.2\.2\.31,.* 1502 /);
    expect(word).not.toMatch(/ics_|content/);
  });

  test("a logic download notes the first step in silence and alerts on the second of the same source", () => {
    const { behaviour } = {
      behaviour: behaviourOf({ ...icsRequest("enip", 0x50)!, sequence: "logic-download" })!,
    };
    const rule = compileRules({ form: "behaviour", behaviour }, "block", self);
    const lines = "statement" in rule ? rule.statement.split("\n") : [];
    expect(rule).toMatchObject({ action: "alert", blocks: [] });
    expect(
      lines.map((line) => /xbits:(set|isset),anamnesis\.@ID\.(\d)/.exec(line)?.slice(1).join(" ")),
    ).toEqual(["set 0", "set 1", "isset 0", "isset 0", "isset 1"]);
    for (const line of lines) {
      expect(line).toContain("track ip_src");
      // What is silent counts every step; a limit would forget to note the next one.
      expect(line.includes("noalert;")).toBe(line.includes("xbits:set"));
      expect(line.includes("threshold:")).toBe(line.includes("xbits:isset"));
    }
  });

  test.each([
    ["bacnet", 15, "udp [!10.2.2.20,!10.2.2.30] any -> [10.2.2.10] 47808"],
    ["opcua", 673, "tcp [!10.2.2.20,!10.2.2.30] any -> [10.2.2.10] 4840"],
    ["mqtt", 3, "tcp [!10.2.2.20,!10.2.2.30] any -> [10.2.2.10] 1883"],
    ["svcctl", 12, "dcerpc [!10.2.2.0/24,!10.2.2.31,!10.2.4.0/28] any -> [10.2.2.0/24] any"],
  ] as const)("%s is watched for, and only watched for", (protocol, code, header) => {
    const rule = compile(protocol, code);
    expect(rule).toMatchObject({ action: "alert", blocks: [] });
    expect("statement" in rule && rule.statement).toContain(`alert ${header} (`);
  });

  test("writes are judged by writers, a CIP service with its class", () => {
    const rule = compile("dnp3", 5);
    expect("statement" in rule && rule.statement).toContain(
      "[!10.2.2.20,!10.2.2.30] any -> [10.2.2.10] 20000 ",
    );
    const cip = compile("enip", 7, self, 0x8e);
    expect("statement" in cip && cip.statement).toContain(
      'content:"|07|"; content:"|20 8e|"; distance:1; within:2;',
    );
  });

  test.each([
    ["a CIP service without its class", compile("enip", 7), "plan.unsupported"],
    ["no engineering stations", compile("s7comm", 0x29, SELF), "self.incomplete"],
    [
      "no safety systems",
      compile("tristation", 0x37, { ...self, roles: { ...self.roles, safetySystems: [] } }),
      "self.incomplete",
    ],
    [
      "any writer",
      compile("dnp3", 5, { ...self, roles: { ...self.roles, writers: ["0.0.0.0/0"] } }),
      "self.incomplete",
    ],
  ])("%s is refused", (_name, compiled, code) => {
    expect(compiled).toMatchObject({ refused: code });
  });
});
