import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { stops } from "@anamnesis/sdk/core/policy";
import { refuseObservable } from "../../../node/src/adapters/controls/observable-plan.ts";
import type { Application, Control } from "../../../node/src/ports.ts";

/** A control in memory, with faults on demand and a log of what it was told. */
export interface FakeControl extends Control {
  readonly inForce: ReadonlyMap<string, Application>;
  /** Calls in order: apply, verify. */
  readonly calls: string[];
  /** Thrown by the next applies until set to undefined. */
  fault: Error | undefined;
  /** Awaited inside apply when set. */
  gate: Promise<void> | undefined;
  /** Puts something there that nobody asked for. */
  tamper(statement: string): void;
  loseAll(): void;
}

/** Takes addresses, from watch to block. */
export function createFakeControl(
  options: { name?: string; level?: Control["level"]; nowMs?: () => number } = {},
): FakeControl {
  let inForce = new Map<string, Application>();
  const strangers: string[] = [];
  const live = (applications: readonly Application[]) => {
    const nowMs = options.nowMs?.() ?? 0;
    return applications.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  };
  const fake: FakeControl = {
    name: options.name ?? "fake",
    kind: "nftables",
    level: options.level ?? 4,
    calls: [],
    fault: undefined,
    gate: undefined,
    get inForce() {
      return inForce;
    },
    tamper: (statement) => void strangers.push(statement),
    loseAll: () => {
      inForce = new Map();
    },
    preflight: async () => undefined,
    compile(form, action, self) {
      if (form.form === "behaviour" || !form.observable.kind.startsWith("ipv")) {
        return { refused: "plan.unsupported", reason: "the fake takes addresses" };
      }
      const refusal = refuseObservable(form.observable, self);
      if (refusal !== undefined) return refusal;
      if (action === "observe") return { refused: "plan.unsupported", reason: "nothing to observe" };
      const { value } = form.observable;
      const open = { ports: [], functions: [], destinations: ["any"] };
      const isBlock = stops(action) && action !== "deny";
      return {
        action: isBlock ? "block" : "alert",
        statement: `${isBlock ? "block" : "watch"} ${value}`,
        blocks: isBlock ? [{ ...open, sources: [value] }] : [],
        consequences: isBlock ? [`nothing from ${value} passes`] : [],
      };
    },
    async apply(applications) {
      fake.calls.push("apply");
      await fake.gate;
      if (fake.fault !== undefined) throw fake.fault;
      strangers.length = 0;
      inForce = new Map(live(applications).map((application) => [application.indicator, application]));
    },
    async verify(applications) {
      fake.calls.push("verify");
      const wanted = live(applications);
      const missing = wanted.filter(
        ({ indicator, statement }) => inForce.get(indicator)?.statement !== statement,
      );
      const known = new Set(wanted.map(({ statement }) => statement));
      const extra = [...inForce.values()]
        .map(({ statement }) => statement)
        .filter((each) => !known.has(each));
      return {
        proof: "staged",
        missing: missing.map(({ indicator }) => indicator),
        extra: [...extra, ...strangers],
      };
    },
  };
  return fake;
}

/** An error as an adapter gives it when the disk is full. */
export function diskFull(): AnamnesisError {
  return new AnamnesisError("control.io", "cannot write rules (ENOSPC); the disk is full");
}
