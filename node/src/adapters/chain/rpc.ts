/**
 * JSON-RPC over HTTP. ethers' provider copies every payload through its own UTF-8 and hexadecimal code,
 * which stalls a node for tens of milliseconds at a batch of a hundred; its ABI code stays for what is rare.
 */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { MEMORY, REGISTRY } from "./abi.ts";

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

/**
 * Calls go to the address that answered last and move on when it does not.
 *
 * @param urls at least one
 * @param timeoutMs for one call at one address
 */
export function createRpc(urls: readonly string[], timeoutMs: number): Rpc {
  const closing = new AbortController();
  let current = 0;
  let nextId = 1;

  const post = async (method: string, params: readonly unknown[]): Promise<RpcAnswer> => {
    const response = await fetch(urls[current] as string, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: nextId++, method, params }),
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
    });
    const answer = (await response.json()) as RpcAnswer;
    if (!("result" in answer) && answer.error === undefined) throw new Error(`HTTP ${response.status}`);
    return answer;
  };

  return {
    async call(method, params) {
      let last: unknown;
      // Twice at least: the node may have closed the connection just as it was used again.
      for (let tries = Math.max(2, urls.length); tries > 0 && !closing.signal.aborted; tries--) {
        let answer: RpcAnswer;
        try {
          answer = await post(method, params);
        } catch (error) {
          last = error;
          current = (current + 1) % urls.length;
          continue;
        }
        if (answer.error !== undefined) throw refusal(method, answer.error);
        return answer.result;
      }
      throw new AnamnesisError("chain.unreachable", `no chain node answers ${method} at ${urls.join(", ")}`, {
        cause: last,
      });
    },
    close: () => closing.abort(),
  };
}

interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

function refusal(method: string, error: NonNullable<RpcAnswer["error"]>): AnamnesisError {
  const data = typeof error.data === "string" && /^0x[0-9a-f]{8}/i.test(error.data) ? error.data : undefined;
  const parsed = data === undefined ? null : (REGISTRY.parseError(data) ?? MEMORY.parseError(data));
  const what = parsed === null ? error.message : `${parsed.name}(${parsed.args.map(String).join(", ")})`;
  const details = { rpcCode: error.code, ...(parsed !== null && { error: parsed.name }) };
  return new AnamnesisError("chain.reverted", `the chain refused ${method}: ${what}`, { details });
}
