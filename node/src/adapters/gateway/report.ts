/**
 * What a gateway tells: Modbus writes by machines that are no writers, and what its rules refused,
 * as the alerts of a Suricata sensor look, published through the SDK. The conduit never waits for it.
 */
import {
  type BehaviourPredicate,
  compileBehaviour,
  MODBUS_WRITES,
  matchesBehaviour,
} from "@anamnesis/sdk/core/compile";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Self } from "@anamnesis/sdk/core/types";
import type { Clock, Log } from "../../ports.ts";
import type { Hit } from "./conduit.ts";

/** Takes alert lines; rejects when they did not arrive. */
export type Publish = (lines: readonly string[]) => Promise<void>;

/** Hears of everything that passed a gateway or did not. */
export interface Reporter {
  hear(hit: Hit, controller: string): void;
  /** Alerts that were dropped because nobody took them in time. */
  dropped(): number;
  /** Resolves when what was heard has been told, or is given up. */
  stop(): Promise<void>;
}

/** Alerts that wait for the node. */
const MOST_WAITING = 10_000;
const MODBUS_PORT = 502;
/** The place of the gateway's alerts among rule numbers. */
const SID = 999_999_900;

/** Makes a reporter; what Self lacks (writers, controllers) only costs the alerts that need it. */
export function createReporter(
  self: Self,
  publish: Publish,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Reporter {
  const predicates = (["coil", "holding"] as const).map((table) =>
    compileBehaviour(
      {
        class: "modbus-write-by-non-writer",
        protocol: "modbus",
        table,
        functions: MODBUS_WRITES[table],
        roles: ["non-writer", "controller"],
      },
      self,
    ),
  );
  const strangers = predicates.filter((each): each is BehaviourPredicate => !("refused" in each));
  let waiting: string[] = [];
  let dropped = 0;
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      try {
        await publish(lines);
      } catch (error) {
        dropped += lines.length;
        log.warn(error instanceof AnamnesisError ? error.code : "api.unavailable", {
          lines: lines.length,
          message: String(error),
        });
      }
    }
    sending = undefined;
  }

  return {
    hear(hit, controller) {
      const request = {
        source: hit.source,
        destination: controller,
        port: MODBUS_PORT,
        function: hit.function,
      };
      const isAttack = hit.function > 0 && strangers.some((each) => matchesBehaviour(each, request));
      if (!isAttack && hit.verdict === "passed" && hit.indicator === undefined) return;
      if (waiting.length >= MOST_WAITING) {
        dropped += 1;
        return;
      }
      waiting.push(alertLine(hit, controller, clock.nowMs()));
      sending ??= send();
    },
    dropped: () => dropped,
    stop: async () => sending,
  };
}

/** A hit as one line of EVE. */
export function alertLine(hit: Hit, controller: string, nowMs: number): string {
  const isWrite = Object.values(MODBUS_WRITES).some((codes) => codes.includes(hit.function));
  const what = hit.verdict === "unreadable" ? "bytes that are no Modbus" : `function ${hit.function}`;
  return JSON.stringify({
    timestamp: `${new Date(nowMs).toISOString().slice(0, -1)}000+0000`,
    event_type: "alert",
    src_ip: hit.source,
    src_port: hit.sourcePort,
    dest_ip: controller,
    dest_port: MODBUS_PORT,
    proto: "TCP",
    app_proto: "modbus",
    direction: "to_server",
    alert: {
      action: hit.verdict === "passed" ? "allowed" : "blocked",
      gid: 1,
      signature_id: SID + (isWrite ? 1 : 0),
      rev: 1,
      signature: `ANAMNESIS gateway: Modbus ${what} ${hit.verdict}`,
      category: "ICS",
      severity: 1,
      ...(hit.indicator !== undefined && { metadata: { anamnesis: [hit.indicator.replace(/^0x/, "")] } }),
    },
    ...(hit.function > 0 && { modbus: { request: { unit_id: hit.unit, function_raw: hit.function } } }),
  });
}
