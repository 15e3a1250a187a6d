/**
 * JSON-RPC over HTTP. ethers' provider copies every payload through its own UTF-8 and hexadecimal code,
 * which stalls a node for tens of milliseconds at a batch of a hundred; its ABI code stays for what is rare.
 */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { GOVERNOR, MEMORY, REGISTRY } from "./abi.ts";
import { createTransport } from "./transport.ts";

/** JSON-RPC at whichever of the given addresses answers. */
export interface Rpc {
  /**
   * Gives `result`.
   *
   * @throws AnamnesisError `chain.unreachable`; `chain.reverted` for an error in the answer, with the
   * contract's own error as `details.error` when there is one
   */
  call(method: string, params: readonly unknown[]): Promise<unknown>;
  /** Ends what is under way. */
  close(): void;
}

/** Most calls in one request: public nodes refuse more. */
const MAX_BATCH = 50;

interface Waiting {
  readonly method: string;
  readonly params: readonly unknown[];
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * Calls made in the same turn travel as one request. They go to the address that answered last and move
 * on when it does not.
 *
 * @param urls at least one
 * @param timeoutMs for one request at one address
 */
export function createRpc(urls: readonly string[], timeoutMs: number): Rpc {
  const transport = createTransport(timeoutMs);
  let waiting: Waiting[] = [];
  let current = 0;
  let closed = false;

  const flush = (): void => {
    const calls = waiting;
    waiting = [];
    for (let at = 0; at < calls.length; at += MAX_BATCH) void exchange(calls.slice(at, at + MAX_BATCH));
  };

  const exchange = async (calls: readonly Waiting[]): Promise<void> => {
    let last: unknown;
    // Twice at least: the node may have closed the connection just as it was used again.
    for (let tries = Math.max(2, urls.length); tries > 0 && !closed; tries--) {
      try {
        const answers = await ask(calls);
        calls.forEach(({ method, resolve, reject }, i) => {
          const { error, result } = answers[i] as RpcAnswer;
          if (error === undefined) resolve(result);
          else reject(refusal(method, error));
        });
        return;
      } catch (error) {
        last = error;
        current = (current + 1) % urls.length;
      }
    }
    const names = calls.map(({ method }) => method).join(", ");
    const message = `no chain node answers ${names} at ${urls.join(", ")}`;
    for (const { reject } of calls) reject(new AnamnesisError("chain.unreachable", message, { cause: last }));
  };

  /** The answers in the order of the calls. */
  const ask = async (calls: readonly Waiting[]): Promise<readonly RpcAnswer[]> => {
    const requests = calls.map(({ method, params }, id) => ({ jsonrpc: "2.0", id, method, params }));
    const body = JSON.stringify(requests.length === 1 ? requests[0] : requests);
    const { status, text } = await transport.post(urls[current] as string, body);
    const parsed = JSON.parse(text) as RpcAnswer | readonly RpcAnswer[];
    const answers = Array.isArray(parsed) ? (parsed as readonly RpcAnswer[]) : [parsed as RpcAnswer];
    const byId = new Map(answers.map((answer) => [answer.id, answer]));
    return requests.map(({ id }) => {
      const answer = byId.get(id) ?? (requests.length === 1 ? answers[0] : undefined);
      if (answer === undefined || !("result" in answer || answer.error !== undefined))
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
