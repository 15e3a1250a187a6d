/** Several chain nodes for one chain: which one is asked, which are away, and which say what cannot be. */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { ChainEndpoint, Log } from "../../ports.ts";

/** Asks one address one thing. */
export type Ask = (method: string, params: readonly unknown[]) => Promise<unknown>;

/** One address and what is known of it. */
export interface Endpoint {
  readonly url: string;
  /** Host and port: paths and passwords may hold secrets. */
  readonly name: string;
}

/** The addresses of one chain, the preferred one first. */
export interface Endpoints {
  /** Whom to ask now, in order; those that are excluded are left out until their time is over. */
  inOrder(): readonly Endpoint[];
  /** Makes sure that this one leads to the consortium's chain. Throws what `verify` throws. */
  verified(endpoint: Endpoint): Promise<void>;
  answered(endpoint: Endpoint): void;
  /** It did not answer: it is verified again before anything it says is believed. */
  failed(endpoint: Endpoint, error: unknown): void;
  /** It said what cannot be: it is left out for a while, a longer one each time. */
  exclude(endpoint: Endpoint, error: AnamnesisError): void;
  current(): Endpoint;
  /** Goes to the most preferred one that is not behind the others. Never rejects. */
  choose(): Promise<void>;
  /** Why nobody can be asked. */
  nobody(methods: string): AnamnesisError;
  status(): readonly ChainEndpoint[];
}

/** Ports of the endpoints. */
export interface EndpointPorts {
  ask(endpoint: Endpoint, method: string, params: readonly unknown[]): Promise<unknown>;
  /** Throws unless `ask` leads to the consortium's chain. */
  verify?(ask: Ask): Promise<void>;
  readonly log?: Log;
  readonly monotonicMs: () => number;
}

/** How long an endpoint is left out the first time, and at most, ms. */
const EXCLUDED_MS = 5_000;
const EXCLUDED_AT_MOST_MS = 600_000;
/** After so long at another than the preferred one, the preferred one is tried again, ms. */
const RETURN_MS = 30_000;
/** So many blocks behind the others is not behind: blocks take their time to travel. */
const TOLERATED_BLOCKS = 1;

interface Known extends Endpoint {
  state: ChainEndpoint["state"];
  reason: string | undefined;
  verifying: Promise<void> | undefined;
  excludedUntilMs: number;
  exclusions: number;
  error: AnamnesisError | undefined;
}

/** @param urls at least one */
export function createEndpoints(urls: readonly string[], ports: EndpointPorts): Endpoints {
  const all = urls.map(
    (url, i): Known => ({
      url,
      name: nameOf(url, i, urls),
      state: "untried",
      reason: undefined,
      verifying: undefined,
      excludedUntilMs: Number.NEGATIVE_INFINITY,
      exclusions: 0,
      error: undefined,
    }),
  );
  let current = all[0] as Known;
  let choosing: Promise<void> | undefined;
  let chosenAtMs = ports.monotonicMs();

  const isOut = (endpoint: Known) =>
    endpoint.state === "excluded" && ports.monotonicMs() < endpoint.excludedUntilMs;

  function say(endpoint: Known, state: ChainEndpoint["state"], reason?: string): void {
    if (endpoint.state === state) return;
    const fields = { endpoint: endpoint.name, state, ...(reason !== undefined && { reason }) };
    if (state === "excluded") ports.log?.error("chain.endpoint", fields);
    else if (state === "away") ports.log?.warn("chain.endpoint", fields);
    else if (endpoint.state !== "untried") ports.log?.info("chain.endpoint", fields);
    endpoint.state = state;
    endpoint.reason = reason;
  }

  function goTo(endpoint: Known): void {
    if (endpoint === current) return;
    ports.log?.info("chain.endpoint", { endpoint: endpoint.name, state: "current" });
    current = endpoint;
    chosenAtMs = ports.monotonicMs();
  }

  const verify = async (endpoint: Known): Promise<void> => {
    try {
      await ports.verify?.((method, params) => ports.ask(endpoint, method, params));
    } catch (error) {
      endpoint.verifying = undefined;
      if (isAnamnesisError(error, "chain.mismatch") || isAnamnesisError(error, "chain.contradiction"))
        exclude(endpoint, error);
      throw error;
    }
  };

  const verified = (endpoint: Endpoint): Promise<void> => {
    const known = endpoint as Known;
    known.verifying ??= verify(known);
    return known.verifying;
  };

  function answered(endpoint: Endpoint): void {
    const known = endpoint as Known;
    say(known, "answering");
    known.error = undefined;
    goTo(known);
    if (known !== all[0] && ports.monotonicMs() - chosenAtMs >= RETURN_MS) void choose();
  }

  function failed(endpoint: Endpoint, error: unknown): void {
    const known = endpoint as Known;
    known.verifying = undefined;
    if (!isOut(known)) say(known, "away", error instanceof Error ? error.message : String(error));
  }

  function exclude(endpoint: Endpoint, error: AnamnesisError): void {
    const known = endpoint as Known;
    known.verifying = undefined;
    known.error = error;
    const pause = Math.min(EXCLUDED_MS * 2 ** known.exclusions++, EXCLUDED_AT_MOST_MS);
    known.excludedUntilMs = ports.monotonicMs() + pause;
    say(known, "excluded", error.message);
  }

  async function blockAt(endpoint: Known): Promise<number> {
    try {
      await verified(endpoint);
      const number = Number(await ports.ask(endpoint, "eth_blockNumber", []));
      if (endpoint.state !== "excluded") say(endpoint, "answering");
      return number;
    } catch (error) {
      if (endpoint !== current) failed(endpoint, error);
      return -1;
    }
  }

  function choose(): Promise<void> {
    chosenAtMs = ports.monotonicMs();
    choosing ??= (async () => {
      const candidates = all.filter((endpoint) => !isOut(endpoint));
      const blocks = await Promise.all(candidates.map(blockAt));
      const highest = Math.max(...blocks);
      const best = candidates.find(
        (_, i) => (blocks[i] as number) >= Math.max(0, highest - TOLERATED_BLOCKS),
      );
      if (best !== undefined) goTo(best);
    })().finally(() => {
      choosing = undefined;
    });
    return choosing;
  }

  return {
    inOrder: () => [current, ...all.filter((each) => each !== current)].filter((each) => !isOut(each)),
    verified,
    answered,
    failed,
    exclude,
    current: () => current,
    choose,
    nobody(methods) {
      const liar = all.every(isOut) ? all.find((each) => each.error !== undefined) : undefined;
      const reasons = all.map(({ name, reason }) => (reason === undefined ? name : `${name} (${reason})`));
      const message = `no chain node answers ${methods} at ${reasons.join(", ")}`;
      if (liar?.error === undefined) return new AnamnesisError("chain.unreachable", message);
      const { code, message: why } = liar.error;
      return new AnamnesisError(code, `${liar.name}: ${why}`, { cause: liar.error });
    },
    status: () =>
      all.map((each) => ({
        name: each.name,
        state: each.state,
        current: each === current,
        ...(each.reason !== undefined && { reason: each.reason }),
      })),
  };
}

/** Host and port, numbered where several share them. */
function nameOf(url: string, index: number, urls: readonly string[]): string {
  const host = (text: string) => URL.parse(text)?.host ?? text;
  const own = host(url);
  return urls.some((other, i) => i !== index && host(other) === own) ? `${own} #${index + 1}` : own;
}
