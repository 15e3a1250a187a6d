/* What a plant answers, over its rooms. A stopped plant answers the same questions and takes no commands. */

import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { IndicatorView, PlantApi } from "../api.ts";
import { auditOf } from "./answer-audit.ts";
import { doctorOf } from "./answer-doctor.ts";
import { healthOf } from "./answer-health.ts";
import { immunityOf } from "./answer-immunity.ts";
import { knowledgePage, sharedPage } from "./answer-knowledge.ts";
import { createAnswerRecords } from "./answer-records.ts";
import type { AnswerPorts } from "./answer-types.ts";
import { answerWhy } from "./answer-why.ts";
import { createExportJob } from "./archive-job.ts";
import { type OrderCommands, ordersView } from "./orders.ts";

/** Builds the answers of one plant. */
export function createApi(ports: AnswerPorts): PlantApi {
  const { config, rooms, running } = ports;
  const { memory, detections, changes } = rooms;
  const records = createAnswerRecords(ports);
  const { applications, find, inspect, need, view } = records;

  const away = () =>
    new AnamnesisError("api.unavailable", `plant ${config.plant} is not running; start it and try again`);
  const stopped = (): Promise<never> => Promise.reject(away());
  const orderOf = (): OrderCommands => {
    if (running === undefined) throw away();
    return running.orders;
  };

  return {
    health: () => healthOf(ports, records),
    doctor: () => doctorOf(ports, records),
    rebuild: ports.rebuild,
    indicators({ class: ofClass, status, state, limit = 1000 }) {
      const chosen: IndicatorView[] = [];
      for (const record of memory.records()) {
        if (ofClass !== undefined && record.class !== ofClass) continue;
        const one = view(record);
        if (
          (status === undefined || one.status.name === status) &&
          (state === undefined || one.state === state)
        )
          chosen.push(one);
        if (chosen.length >= limit) break;
      }
      return chosen;
    },
    indicator(id) {
      const record = find(id);
      return record === undefined ? undefined : inspect(record);
    },
    recall(value) {
      const indicators = memory.recall(value).map(view);
      return { value, known: indicators.length > 0, indicators };
    },
    detections: (limit, before) => detections.recent(limit, before),
    candidates: () => detections.queued(),
    knowledge: (after, limit) => knowledgePage(ports.log, memory, ports.clock.nowMs(), after, limit),
    shared: (query) => sharedPage(ports.log, rooms, query),
    vaccines: () =>
      [...memory.records()].flatMap((record) =>
        applications(record.id)
          .filter(({ action }) => action !== "none")
          .map((application) => ({ ...application, indicator: record.id, name: record.object.name })),
      ),
    why: (value) => answerWhy(ports, records, value),
    immunity: (id, limit) => immunityOf(ports, records, id, limit),
    orders: () => ordersView(rooms.orders, ports.vaccinate.awaiting(), config.approvals.persons),
    approve: async (id, request, who) => orderOf().approve(need(id).id, request, who),
    refuse: async (id, control, reason, who) => orderOf().refuse(need(id).id, control, reason, who),
    rollback: async (id, control, reason, who) => orderOf().rollback(need(id).id, control, reason, who),
    stopControls: async (control, reason, who) => orderOf().stop(control, reason, who),
    resumeControls: async (control, who) => orderOf().resume(control, who),
    async changes(after, limit) {
      const page = await changes.after(after, limit);
      const cursor = page.at(-1)?.sequence ?? after;
      // The hash costs as much as memory is large: a stream that reads on does not look at it.
      return {
        changes: page,
        cursor,
        get stateHash() {
          return memory.heldHash();
        },
      };
    },
    subscribe: (listener) => changes.subscribe(listener),
    audit: () => auditOf(ports),
    ...createExportJob((selection, onStep) => ports.exportEvidence(selection, need, onStep)),
    release: running === undefined ? stopped : (id) => running.commands.release(find(id)?.id ?? id),
    hold: running?.commands.hold ?? stopped,
    propose: running?.commands.propose ?? stopped,
    attest:
      running === undefined
        ? stopped
        : async (id, stance, confidence) => running.commands.attest(need(id).id, stance, confidence),
    publish: running?.commands.publish ?? stopped,
  };
}
