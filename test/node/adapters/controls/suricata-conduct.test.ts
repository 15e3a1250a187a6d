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
        'alert tcp [!10.2.2.31,!10.2.4.0/28] any -> [10.2.2.10] 102 (msg:"ANAMNESIS s7comm program by non engineer, function 41"; content:"|03 00|"; depth:2; content:"|02 f0 80 32 01|"; offset:4; depth:5; content:"|29|"; offset:17; depth:1; content:"P_PROGRAM"; distance:0; threshold:type limit,track by_src,count 1,seconds 300; target:dest_ip; metadata:anamnesis @ID, ics_protocol s7comm, ics_function 41; sid:@0; rev:1;)',
    });
  });

  test("TriStation to the safety system only alerts, whatever is asked", () => {
    const rule = compile("tristation", 0x37);
    expect(rule).toMatchObject({ action: "alert", blocks: [] });
    expect("statement" in rule && rule.statement).toMatch(
      /^alert udp \[!10\.2\.2\.31,!10\.2\.4\.0\/28\] any -> \[10\.2\.3\.9\] 1502 /,
    );
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
