import type { WhyAnswer } from "../api.ts";
import type { AnswerRecords } from "./answer-records.ts";
import type { AnswerPorts } from "./answer-types.ts";
import { whyOf } from "./vaccinate-why.ts";

/** "Is it you who cut off the HMI?": who, why, since when; or no, not us. */
export function answerWhy(ports: AnswerPorts, records: AnswerRecords, value: string): WhyAnswer {
  const { config, controls, rooms } = ports;
  const found = whyOf(value, controls, rooms.vaccinations, records.all(), config.self);
  const acting = found.matches.flatMap(({ indicator, control, statement, name }) => {
    const application = records.applications(indicator).find((each) => each.control === control);
    return application === undefined ? [] : [{ ...application, indicator, name, statement }];
  });
  const stopping = acting.filter(
    ({ action }) => action !== "alert" && action !== "observe" && action !== "none",
  );
  const first = stopping[0];
  const answer =
    first !== undefined
      ? `yes: ${first.control} ${first.action}s it for "${first.name}" since ${new Date(first.appliedAtMs ?? 0).toISOString()} until ${new Date(first.expiresAtMs ?? 0).toISOString()} (${first.proof})`
      : acting.length > 0
        ? "no, not us: it is watched for (alert), nothing of ours stops it"
        : "no, not us: nothing of ours concerns it";
  return { value, us: stopping.length > 0, answer, applications: acting };
}
