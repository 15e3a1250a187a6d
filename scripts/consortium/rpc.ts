import { createRpc } from "../../node/src/adapters/chain/rpc.ts";

/**
 * One JSON-RPC call over HTTP; gives `result`.
 *
 * @throws AnamnesisError `chain.unreachable` when nothing answers, `chain.reverted` when the answer is an error
 */
export function callRpc(
  url: string,
  method: string,
  params: readonly unknown[] = [],
  timeoutMs = 10_000,
): Promise<unknown> {
  const rpc = createRpc([url], timeoutMs);
  return rpc.call(method, params).finally(() => rpc.close());
}
