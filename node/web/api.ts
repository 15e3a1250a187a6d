/** The node's API as the page asks it: the same origin, and the operator's token when there is one. */
import type {
  ApprovalRequest,
  Change,
  ChangesPage,
  DoctorView,
  HealthView,
  ImmunityView,
  IndicatorView,
  Order,
  OrdersView,
  QueuedCandidate,
  VaccineView,
  WhyAnswer,
} from "../../sdk/src/core/views.ts";

const KEY = "anamnesis.token";

/** A problem that the node told, in its own words. */
export class Problem extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The token of this tab; it is forgotten with it. */
export const token = {
  get: (): string => sessionStorage.getItem(KEY) ?? "",
  set(value: string): void {
    if (value === "") sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  },
};

async function ask<T>(path: string, body?: object): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, {
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      headers: {
        ...(token.get() !== "" && { authorization: `Bearer ${token.get()}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
    });
  } catch {
    throw new Problem("api.unavailable", "The node does not answer. What it put in force stays in force.");
  }
  const value = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string; title?: string };
  if (answer.ok) return value as T;
  throw new Problem(value.code ?? String(answer.status), value.detail ?? value.title ?? answer.statusText);
}

const id = encodeURIComponent;

/** What the page asks. Each rejects with `Problem`. */
export const api = {
  health: () => ask<HealthView>("/health"),
  doctor: () => ask<DoctorView>("/doctor"),
  indicators: async () => (await ask<{ indicators: IndicatorView[] }>("/indicators?limit=1000")).indicators,
  indicator: (key: string) => ask<IndicatorView>(`/indicators/${id(key)}`),
  vaccines: async () => (await ask<{ vaccines: VaccineView[] }>("/vaccines")).vaccines,
  candidates: async () => (await ask<{ candidates: QueuedCandidate[] }>("/candidates")).candidates,
  orders: () => ask<OrdersView>("/orders"),
  immunity: () => ask<ImmunityView>("/immunity?limit=200"),
  why: (value: string) => ask<WhyAnswer>(`/vaccines/why?value=${id(value)}`),
  changes: (after: number) => ask<ChangesPage>(`/changes?after=${after}&limit=1000`),
  approve: (key: string, request: ApprovalRequest) => ask<Order>(`/indicators/${id(key)}/approvals`, request),
  refuse: (key: string, control: string, reason: string) =>
    ask<Order>(`/indicators/${id(key)}/refusals`, { control, reason }),
  rollback: (key: string, control: string, reason: string) =>
    ask<unknown>(`/indicators/${id(key)}/rollbacks`, { control, reason }),
  attest: (key: string, stance: "support" | "refute", confidence: number) =>
    ask<IndicatorView>(`/indicators/${id(key)}/attestations`, { stance, confidence }),
  release: (key: string) => ask<unknown>(`/candidates/${id(key)}/release`, {}),
  stop: (control: string, reason: string) => ask<unknown>("/controls/stop", { control, reason }),
  resume: (control: string) => ask<unknown>("/controls/resume", { control }),
};

/** Follows the change log from a cursor on; asks again and again, which is cheap. Ends with the signal. */
export async function follow(
  cursor: number,
  onChanges: (changes: readonly Change[]) => void,
  onState: (isThere: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let after = cursor; !signal.aborted; ) {
    try {
      const { changes } = await api.changes(after);
      onState(true);
      if (changes.length > 0) onChanges(changes);
      after = changes.at(-1)?.sequence ?? after;
      if (changes.length > 0) continue;
    } catch (error) {
      // A token that is not taken is an answer, too.
      onState(error instanceof Problem && error.code !== "api.unavailable");
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
