/**
 * JSON-RPC over HTTP. ethers' provider copies every payload through its own UTF-8 and hexadecimal code,
 * which stalls a node for tens of milliseconds at a batch of a hundred; its ABI code stays for what is rare.
 */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { ChainEndpoint, Log } from "../../ports.ts";
import { GOVERNOR, MEMORY, REGISTRY } from "./abi.ts";
import { type Ask, createEndpoints, type Endpoint } from "./endpoints.ts";
import { createTransport } from "./transport.ts";

/** JSON-RPC at whichever of the given addresses answers. */
export interface Rpc {
  /**
   * Gives `result`.
   *
   * @throws AnamnesisError `chain.unreachable`; `chain.mismatch` or `chain.contradiction` when every
   * address is excluded; `chain.reverted` for an error in the answer, with the contract's own error as
   * `details.error` when there is one
   */
  call(method: string, params: readonly unknown[]): Promise<unknown>;
  /** Leaves the address that is asked now out for a while: it said what cannot be. */
  exclude(error: AnamnesisError): void;
  /** Goes to the most preferred address that is not behind the others. */
  choose(): Promise<void>;
  endpoints(): readonly ChainEndpoint[];
  /** Ends what is under way. */
  close(): void;
}

/** What a connection with several addresses needs. */
export interface RpcOptions {
  /** Throws unless what `ask` leads to may be believed; called for each address whenever contact was lost. */
  verify?(ask: Ask): Promise<void>;
  readonly log?: Log;
}

/** Most calls in one request: public nodes refuse more. */
const MAX_BATCH = 50;

interface Call {
  readonly method: string;
  readonly params: readonly unknown[];
}

interface Waiting extends Call {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * Calls made in the same turn travel as one request. They go to the address that answered last and move
 * on when it does not; after a while the preferred one is tried again.
 *
 * @param urls at least one, the preferred one first
 * @param timeoutMs for one request at one address
 */
export function createRpc(urls: readonly string[], timeoutMs: number, options: RpcOptions = {}): Rpc {
  const transport = createTransport(timeoutMs);
  let waiting: Waiting[] = [];
  let closed = false;

  const endpoints = createEndpoints(urls, {
    ...options,
    monotonicMs: () => performance.now(),
    async ask(endpoint, method, params) {
      const [answer] = await ask(endpoint, [{ method, params }]);
      return resultOf(method, answer as RpcAnswer);
    },
  });

  const flush = (): void => {
    const calls = waiting;
    waiting = [];
    for (let at = 0; at < calls.length; at += MAX_BATCH) void exchange(calls.slice(at, at + MAX_BATCH));
  };

  const exchange = async (calls: readonly Waiting[]): Promise<void> => {
    for (const endpoint of endpoints.inOrder()) {
      if (closed) break;
      try {
        await endpoints.verified(endpoint);
        const answers = await askAgain(endpoint, calls);
        endpoints.answered(endpoint);
        calls.forEach(({ method, resolve, reject }, i) => {
          try {
            resolve(resultOf(method, answers[i] as RpcAnswer));
          } catch (error) {
            reject(error);
          }
        });
        return;
      } catch (error) {
        endpoints.failed(endpoint, error);
      }
    }
    const names = calls.map(({ method }) => method).join(", ");
    for (const { reject } of calls) reject(endpoints.nobody(names));
  };

  /** Once more when the node had closed the connection just as it was used again. */
  const askAgain = async (endpoint: Endpoint, calls: readonly Call[]): Promise<readonly RpcAnswer[]> => {
    try {
      return await ask(endpoint, calls);
    } catch (error) {
      if (closed || !isStale(error)) throw error;
      return ask(endpoint, calls);
    }
  };

  /** The answers in the order of the calls. */
  const ask = async (endpoint: Endpoint, calls: readonly Call[]): Promise<readonly RpcAnswer[]> => {
    const requests = calls.map(({ method, params }, id) => ({ jsonrpc: "2.0", id, method, params }));
    const body = JSON.stringify(requests.length === 1 ? requests[0] : requests);
    const { status, text } = await transport.post(endpoint.url, body);
    const parsed = JSON.parse(text) as RpcAnswer | readonly RpcAnswer[];
    const answers = Array.isArray(parsed) ? (parsed as readonly RpcAnswer[]) : [parsed as RpcAnswer];
    const byId = new Map(answers.map((answer) => [answer?.id, answer]));
    return requests.map(({ id }) => {
      const answer = byId.get(id) ?? (requests.length === 1 ? answers[0] : undefined);
      if (answer === undefined || answer === null || !("result" in answer || answer.error !== undefined))
        throw new Error(`HTTP ${status}`);
      return answer;
    });
  };

  return {
    call(method, params) {
      return new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ method, params, resolve, reject });
      });
    },
    exclude: (error) => endpoints.exclude(endpoints.current(), error),
    choose: endpoints.choose,
    endpoints: endpoints.status,
    close() {
      closed = true;
      transport.close();
    },
  };
}

interface RpcAnswer {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

function resultOf(method: string, { error, result }: RpcAnswer): unknown {
  if (error === undefined || error === null) return result;
  throw refusal(method, error);
}

function isStale(error: unknown): boolean {
  const { code } = error as { code?: string };
  return !isAnamnesisError(error) && (code === "ECONNRESET" || code === "EPIPE");
}

function refusal(method: string, error: NonNullable<RpcAnswer["error"]>): AnamnesisError {
  const data = typeof error.data === "string" && /^0x[0-9a-f]{8}/i.test(error.data) ? error.data : undefined;
  const parsed =
    data === undefined
      ? null
      : (REGISTRY.parseError(data) ?? MEMORY.parseError(data) ?? GOVERNOR.parseError(data));
  const what = parsed === null ? error.message : `${parsed.name}(${parsed.args.map(String).join(", ")})`;
  const details = { rpcCode: error.code, ...(parsed !== null && { error: parsed.name }) };
  return new AnamnesisError("chain.reverted", `the chain refused ${method}: ${what}`, { details });
}
