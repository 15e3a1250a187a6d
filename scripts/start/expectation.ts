/* What the input must lead to, worked out by the launcher itself: it does not ask the nodes what they lost. */
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { IndicatorForm, IndicatorId } from "@anamnesis/sdk/core/types";
import type { Config } from "../../node/src/config.ts";

/** A record that a line's release must lead to. */
export interface ExpectedRecord {
  readonly id: IndicatorId;
  readonly form: IndicatorForm;
}

/** A line of the input and the records its release must lead to. */
export interface ExpectedLine {
  readonly text: string;
  readonly releases: readonly ExpectedRecord[];
}

/** Reads every line of an input as plant A's configuration would, without the node. */
export function expectLines(text: string, config: Config): ExpectedLine[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line, offset) => {
    const outcome = parseEveLine(line, {
      detector: "input",
      readAtMs: 0,
      stream: "input",
      offset,
      self: config.self,
    });
    if (outcome.kind !== "detection") return { text: line, releases: [] };
    const { detection } = outcome;
    const { candidates } = deriveCandidates(detection, { self: config.self, labPublic: config.lab.public });
    const released = candidates.filter((candidate) =>
      config.release.automatic.some(
        (rule) => rule.class === candidate.class && (detection.severity ?? 40) >= rule.minSeverity,
      ),
    );
    return { text: line, releases: released.map(({ form }) => ({ id: indicatorId(toPattern(form)), form })) };
  });
}
