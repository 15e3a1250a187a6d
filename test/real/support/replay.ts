/** A plant's own rules for some behaviours, run by Suricata over a capture, and what its alerts lead to. */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { Behaviour, Detection, IndicatorId, Self } from "@anamnesis/sdk/core/types";
import { compileRules } from "../../../node/src/adapters/controls/suricata-rules.ts";
import { SURICATA_ROOT, suricataCommand } from "./engines.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The record of a behaviour. */
export function recordOf(one: Behaviour): IndicatorId {
  return indicatorId(toPattern({ form: "behaviour", behaviour: one }));
}

/** The records that alerts lead to, each once, sorted. */
export function recordsOf(detections: readonly Detection[], self: Self): string[] {
  const ids = detections.flatMap((detection) =>
    deriveCandidates(detection, { self }).candidates.flatMap(({ form }) =>
      form.form === "behaviour" ? [recordOf(form.behaviour)] : [],
    ),
  );
  return [...new Set(ids)].sort();
}

/** The alerts of a plant's rules for some behaviours on a capture; `work` is a folder that Suricata sees. */
export function alertsOf(
  work: string,
  capture: string,
  behaviours: readonly Behaviour[],
  self: Self,
): Detection[] {
  const statements = behaviours.map((one) => {
    const compiled = compileRules({ form: "behaviour", behaviour: one }, "alert", self);
    if ("refused" in compiled) throw new Error(compiled.reason);
    return compiled.statement.replaceAll("@ID", recordOf(one).slice(2));
  });
  let sid = 9_500_000;
  const rules = statements
    .join("\n")
    .replaceAll(/sid:@\d;/g, () => `sid:${sid++};`)
    // One alert per source is for operators; here each is counted.
    .replaceAll(/threshold:[^;]*; ?/g, "");
  const directory = mkdtempSync(join(work, "run-"));
  cpSync(join(ROOT, "scripts/record/suricata"), directory, { recursive: true });
  copyFileSync(capture, join(directory, basename(capture)));
  writeFileSync(join(directory, "case.rules"), `${rules}\n`);
  const at = directory.slice(SURICATA_ROOT.length);
  const [command = "", ...args] = suricataCommand();
  const run = spawnSync(
    command,
    [
      ...args,
      ...[
        "-c",
        `${at}/suricata.yaml`,
        "-S",
        `${at}/case.rules`,
        "-l",
        at,
        "-k",
        "none",
        "--runmode",
        "single",
      ],
      ...["--set", "stream.midstream=true", "--set", "app-layer.protocols.smb.enabled=yes"],
      ...["--set", "app-layer.protocols.dcerpc.enabled=yes", "-r", `${at}/${basename(capture)}`],
    ],
    { encoding: "utf8" },
  );
  if (run.status !== 0 || /error parsing signature/i.test(run.stderr)) throw new Error(run.stderr);
  return readFileSync(join(directory, "eve.json"), "utf8")
    .split("\n")
    .flatMap((line, offset) => {
      if (line === "") return [];
      const outcome = parseEveLine(line, { detector: "ids", readAtMs: 0, stream: "s", offset, self });
      return outcome.kind === "detection" ? [outcome.detection] : [];
    });
}
