import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/**
 * One JSON-RPC call over HTTP; gives `result`.
 *
 * @throws AnamnesisError `chain.unreachable` when nothing answers, `chain.reverted` when the answer is an error
 */
export async function callRpc(
  url: string,
  method: string,
  params: readonly unknown[] = [],
  timeoutMs = 10_000,
): Promise<unknown> {
  let answer: { result?: unknown; error?: { message: string } };
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    answer = (await response.json()) as typeof answer;
  } catch (cause) {
    throw new AnamnesisError("chain.unreachable", `the chain at ${url} did not answer ${method}`, { cause });
  }
  if (answer.error !== undefined) {
    throw new AnamnesisError(
      "chain.reverted",
      `the chain at ${url} refused ${method}: ${answer.error.message}`,
    );
  }
  return answer.result;
}
