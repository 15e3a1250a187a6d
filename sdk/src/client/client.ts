import type { Proposal } from "../core/types.ts";
import type {
  ApprovalRequest,
  Audit,
  Change,
  ChangesPage,
  DoctorView,
  EvidenceReport,
  EvidenceSelection,
  EvidenceView,
  HealthView,
  ImmunityView,
  IndicatorFilter,
  IndicatorView,
  KnowledgePage,
  KnownIndicator,
  Order,
  OrdersView,
  ProposedView,
  QueuedCandidate,
  RebuildView,
  RecallAnswer,
  StanceView,
  Stop,
  StoredDetection,
  VaccineView,
  WhyAnswer,
} from "../core/views.ts";
import { type ClientOptions, connectionOf, toolsOf } from "./connect.ts";
import { proposeAll } from "./propose.ts";
import { type Publishable, type PublishOptions, type PublishResult, publishLines } from "./publish.ts";
import { request, requestBytes } from "./request.ts";
import { type WatchOptions, watchChanges } from "./watch.ts";

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/**
 * A node's API. Every call rejects with AnamnesisError: the node's own code, or `api.unavailable`
 * when it does not answer.
 */
export interface Client {
  health(options?: CallOptions): Promise<HealthView>;
  doctor(options?: CallOptions): Promise<DoctorView>;
  /** Reads chain and feeds again and compares; asks until it is done, telling `onProgress` how far it is. */
  rebuild(
    replace: boolean,
    options?: CallOptions & { readonly onProgress?: (block: number, head: number) => void },
  ): Promise<RebuildView & { readonly state: "done" }>;
  indicators(filter?: IndicatorFilter, options?: CallOptions): Promise<readonly IndicatorView[]>;
  /** By id, STIX id or a unique prefix of at least 8 hexadecimal digits; `api.notFound` when unknown. */
  indicator(id: string, options?: CallOptions): Promise<IndicatorView>;
  /** Whether a value (address, domain, URL, hash …) is known as an attack. */
  recall(value: string, options?: CallOptions): Promise<RecallAnswer>;
  /** Newest first. */
  detections(
    page?: { readonly limit?: number; readonly before?: number },
    options?: CallOptions,
  ): Promise<readonly StoredDetection[]>;
  candidates(options?: CallOptions): Promise<readonly QueuedCandidate[]>;
  /** Proposes knowledge from outside in requests of bounded size; what passes selection awaits release. */
  propose(proposals: readonly Proposal[], options?: CallOptions): Promise<ProposedView>;
  /** Every indicator as it travels, with its origin and TLP; returns how many were withheld. */
  knowledge(options?: CallOptions): AsyncGenerator<KnownIndicator, number, undefined>;
  release(id: string, options?: CallOptions): Promise<IndicatorView>;
  hold(id: string, untilMs: number, options?: CallOptions): Promise<QueuedCandidate>;
  attest(
    id: string,
    stance: StanceView["stance"],
    confidence: number,
    options?: CallOptions,
  ): Promise<IndicatorView>;
  vaccines(options?: CallOptions): Promise<readonly VaccineView[]>;
  /** How immune all plants are, counted from receipts and sightings: against one record, or against all. */
  immunity(
    filter?: { readonly indicator?: string; readonly limit?: number },
    options?: CallOptions,
  ): Promise<ImmunityView>;
  /** What waits for an operator, and what operators said. */
  orders(options?: CallOptions): Promise<OrdersView>;
  /** As the operator whose token this is; the second one may leave out everything but the control. */
  approve(id: string, request: ApprovalRequest, options?: CallOptions): Promise<Order>;
  refuse(id: string, control: string, reason: string, options?: CallOptions): Promise<Order>;
  /** Without a control: everywhere. */
  rollback(
    id: string,
    control: string | undefined,
    reason: string,
    options?: CallOptions,
  ): Promise<readonly Order[]>;
  stopControls(control: string | undefined, reason: string, options?: CallOptions): Promise<readonly Stop[]>;
  resumeControls(control: string | undefined, options?: CallOptions): Promise<readonly string[]>;
  why(value: string, options?: CallOptions): Promise<WhyAnswer>;
  changes(
    page?: { readonly after?: number; readonly limit?: number },
    options?: CallOptions,
  ): Promise<ChangesPage>;
  audit(options?: CallOptions): Promise<Audit>;
  /**
   * Proves records: the bytes of a bundle, to be kept as they are, with a report on what is in it. Asks until it
   * is done, telling `onProgress` how far it is; `verifyEvidence` needs nothing but the bytes and a trust file.
   */
  evidence(
    selection: EvidenceSelection,
    options?: CallOptions & { readonly onProgress?: (step: string) => void },
  ): Promise<{ readonly bundle: Uint8Array; readonly report: EvidenceReport }>;
  /** Publishes detector lines or EVE objects in batches; resolves when the node has them durable. */
  publish(
    lines: Iterable<Publishable> | AsyncIterable<Publishable>,
    options?: PublishOptions,
  ): Promise<PublishResult>;
  /** The node's changes, each once and in order, across reconnects. */
  watch(options?: WatchOptions): AsyncGenerator<Change, void, undefined>;
}

/**
 * Makes a client of a node's API; it opens nothing until it is asked.
 * @throws AnamnesisError `input.invalid` when the address is not one
 * @example
 * const plant = createClient({ url: "http://127.0.0.1:8801" });
 * (await plant.recall("203.0.113.7")).known // true
 */
export function createClient(options: ClientOptions): Client {
  const connection = connectionOf(options);
  const tools = toolsOf(options);
  const get = <T>(
    path: string,
    call?: CallOptions,
    query?: Readonly<Record<string, string | number | undefined>>,
  ) => request<T>(connection, path, { signal: call?.signal, ...(query && { query }) });
  const post = <T>(path: string, body: unknown, call?: CallOptions) =>
    request<T>(connection, path, { method: "POST", body, signal: call?.signal });
  const part = encodeURIComponent;

  return {
    health: (call) => get("/health", call),
    doctor: (call) => get("/doctor", call),
    async rebuild(replace, call) {
      for (;;) {
        const view = await post<RebuildView>("/doctor/rebuild", { replace }, call);
        if (view.state === "done") return view;
        call?.onProgress?.(view.block, view.head);
      }
    },
    indicators: async (filter, call) =>
      (await get<{ indicators: IndicatorView[] }>("/indicators", call, { ...filter })).indicators,
    indicator: (id, call) => get(`/indicators/${part(id)}`, call),
    recall: (value, call) => get("/recall", call, { value }),
    detections: async (page, call) =>
      (await get<{ detections: StoredDetection[] }>("/detections", call, { ...page })).detections,
    candidates: async (call) =>
      (await get<{ candidates: QueuedCandidate[] }>("/candidates", call)).candidates,
    propose: (proposals, call) =>
      proposeAll(proposals, (some) => post<ProposedView>("/candidates", { proposals: some }, call)),
    async *knowledge(call) {
      let withheld = 0;
      for (let after: string | undefined; ; ) {
        const page = await get<KnowledgePage>("/knowledge", call, { ...(after !== undefined && { after }) });
        yield* page.indicators;
        withheld += page.withheld;
        if (page.next === null) return withheld;
        after = page.next;
      }
    },
    release: (id, call) => post(`/candidates/${part(id)}/release`, undefined, call),
    hold: (id, untilMs, call) => post(`/candidates/${part(id)}/hold`, { untilMs }, call),
    attest: (id, stance, confidence, call) =>
      post(`/indicators/${part(id)}/attestations`, { stance, confidence }, call),
    vaccines: async (call) => (await get<{ vaccines: VaccineView[] }>("/vaccines", call)).vaccines,
    immunity: (filter, call) => get("/immunity", call, { ...filter }),
    orders: (call) => get("/orders", call),
    approve: (id, wanted, call) => post(`/indicators/${part(id)}/approvals`, wanted, call),
    refuse: (id, control, reason, call) =>
      post(`/indicators/${part(id)}/refusals`, { control, reason }, call),
    rollback: async (id, control, reason, call) =>
      (await post<{ orders: Order[] }>(`/indicators/${part(id)}/rollbacks`, { control, reason }, call))
        .orders,
    stopControls: async (control, reason, call) =>
      (await post<{ stops: Stop[] }>("/controls/stop", { control, reason }, call)).stops,
    resumeControls: async (control, call) =>
      (await post<{ controls: string[] }>("/controls/resume", { control }, call)).controls,
    why: (value, call) => get("/vaccines/why", call, { value }),
    changes: (page, call) => get("/changes", call, { ...page }),
    audit: (call) => get("/audit", call),
    async evidence(selection, call) {
      for (;;) {
        const view = await post<EvidenceView>("/evidence", selection, call);
        if (view.state === "running") {
          call?.onProgress?.(view.step);
          continue;
        }
        const { state: _, ...report } = view;
        const bundle = await requestBytes(connection, `/evidence/${part(view.sha256)}`, call?.signal);
        return { bundle, report };
      }
    },
    publish: (lines, call = {}) => publishLines(connection, lines, call, tools),
    watch: (call = {}) => watchChanges(connection, call, tools),
  };
}
