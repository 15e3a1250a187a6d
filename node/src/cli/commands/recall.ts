import type { RecallAnswer } from "../../api.ts";
import { clean, count } from "../output.ts";
import type { Result } from "../program.ts";
import { indicatorTable } from "./indicators.ts";

/** Whether a value is known; unknown is exit code 1. */
export function showRecall(answer: RecallAnswer): Result {
  return {
    json: answer,
    raw: answer.indicators.map(({ id }) => id),
    exit: answer.known ? 0 : 1,
    human: (style) =>
      answer.known
        ? `${clean(answer.value)} is known from ${count(answer.indicators.length, "indicator")}.\n\n${indicatorTable(answer.indicators, style)}`
        : `${clean(answer.value)} is not known.`,
  };
}
