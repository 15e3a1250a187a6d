import type { PlantApi, WhyAnswer } from "../../api.ts";
import { clean, short, table, time } from "../output.ts";
import type { Result } from "../program.ts";

/** What is in force, one application a line. */
export function listVaccines(vaccines: ReturnType<PlantApi["vaccines"]>): Result {
  return {
    json: { vaccines },
    raw: vaccines.map(({ indicator }) => indicator),
    human: (style) =>
      vaccines.length === 0
        ? "Nothing is in force."
        : table(
            ["INDICATOR", "CONTROL", "ACTION", "PROOF", "SINCE", "EXPIRES", "BECAUSE", "WHAT"],
            vaccines.map((one) => [
              short(one.indicator),
              one.control,
              one.action,
              one.proof,
              time(one.appliedAtMs, style.nowMs),
              time(one.expiresAtMs, style.nowMs),
              one.because.join(", "),
              one.name,
            ]),
            style,
          ),
  };
}

/** "Is it you who cut off the HMI?": no is exit code 1. */
export function showWhy(why: WhyAnswer): Result {
  return {
    json: why,
    raw: [why.us ? "yes" : "no"],
    exit: why.us ? 0 : 1,
    human: (style) =>
      [
        clean(why.answer),
        ...(why.applications.length === 0
          ? []
          : [
              "",
              table(
                ["CONTROL", "ACTION", "PROOF", "SINCE", "UNTIL", "FOR", "STATEMENT"],
                why.applications.map((one) => [
                  one.control,
                  one.action,
                  one.proof,
                  time(one.appliedAtMs, style.nowMs),
                  time(one.expiresAtMs, style.nowMs),
                  one.name,
                  firstLine(one.statement),
                ]),
                style,
              ),
            ]),
      ].join("\n"),
  };
}

/** The beginning of a statement; all of it is in the JSON. */
function firstLine(statement: string): string {
  const [line = "", ...more] = statement.split("\n");
  const start = line.length > 72 ? `${line.slice(0, 72)}…` : line;
  return more.length === 0 ? start : `${start} (and ${more.length} more)`;
}
