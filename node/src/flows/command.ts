/* What an operator tells the node: release, hold, an analyst's stance, what others know. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { SelectionContext } from "@anamnesis/sdk/core/selection";
import type { IndicatorId, Stance } from "@anamnesis/sdk/core/types";
import type { IndicatorView, PlantApi } from "../api.ts";
import type { Rooms } from "../rooms.ts";
import type { OwnFeed, Sealed } from "./append.ts";
import { type AttestPorts, signStance } from "./attest.ts";
import { createPropose } from "./propose.ts";
import type { Publish } from "./publish.ts";

/** Ports of commands. */
export interface CommandPorts extends AttestPorts {
  readonly rooms: Pick<Rooms, "detections" | "memory">;
  readonly ownFeed: OwnFeed;
  readonly publish: Pick<Publish, "release">;
  readonly validityDays: number;
  readonly selection: SelectionContext;
  /** The record as shown, after the command. */
  view(id: IndicatorId): IndicatorView;
}

/** Builds the commands of a running node. */
export function createCommands(
  ports: CommandPorts,
): Pick<PlantApi, "release" | "hold" | "attest" | "propose"> {
  const { clock, ownFeed } = ports;
  const { detections, memory } = ports.rooms;

  return {
    propose: createPropose({ ...ports, detections, memory }),
    async release(id) {
      await ports.publish.release(id as IndicatorId);
      return ports.view(id as IndicatorId);
    },
    async hold(id, untilMs) {
      const candidate = detections.candidate(id as IndicatorId);
      if (candidate === undefined) {
        throw new AnamnesisError(
          "api.notFound",
          `${id} is not waiting for release; see \`anamnesis detections review\``,
        );
      }
      if (untilMs <= clock.nowMs())
        throw new AnamnesisError("input.invalid", "untilMs lies in the past; a hold needs a deadline ahead");
      const held = { ...candidate, state: "held" as const, reason: "release.held", holdUntilMs: untilMs };
      const staged = detections.stageCandidate(held);
      const change = { atMs: clock.nowMs(), type: "held" as const, indicator: candidate.id };
      await ownFeed.append([], { ops: [staged.op], changes: [change], done: staged.done });
      return held;
    },
    async attest(id, stance: Stance, confidence) {
      const record = memory.record(id as IndicatorId);
      const subject = record && memory.subject(record.id);
      if (record === undefined || subject === undefined)
        throw new AnamnesisError("api.notFound", `no record is known as ${id}`);
      const validUntil = Math.floor(clock.nowMs() / 1000) + Math.round(ports.validityDays * 86_400);
      const stances: Sealed[] = [];
      // Who takes back an indicator takes back its responses; who supports it says nothing of them.
      const responses =
        stance === 1 ? [] : [...record.responses.keys()].map((response) => memory.subject(response));
      for (const each of [subject, ...responses]) {
        if (each === undefined) continue;
        const input = { subject: each, stance, basis: 3, confidence, validUntil, tlp: record.tlp } as const;
        stances.push(ownFeed.seal(signStance(ports, input)));
      }
      await ownFeed.append(stances);
      return ports.view(record.id);
    },
  };
}
