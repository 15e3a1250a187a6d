import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { FetchRequest, isError, JsonRpcProvider, Network } from "ethers";
import { MEMORY, REGISTRY } from "./abi.ts";

/** JSON-RPC over whichever of the given addresses answers. */
export interface Rpc {
  /** @throws AnamnesisError `chain.unreachable`, `chain.reverted`; of a transaction refused by the pool: ethers' error */
  call(method: string, params: readonly unknown[]): Promise<unknown>;
  close(): void;
}

/**
 * Opens one provider per address; calls go to the last one that answered and move on when it does not.
 *
 * @param urls at least one
 * @param timeoutMs for one call at one address
 */
export function createRpc(urls: readonly string[], chainId: number, timeoutMs: number): Rpc {
  const network = Network.from(chainId);
  const providers = urls.map((url) => {
    const request = new FetchRequest(url);
    request.timeout = timeoutMs;
    request.setThrottleParams({ maxAttempts: 1 });
    return new JsonRpcProvider(request, network, {
      staticNetwork: network,
      cacheTimeout: -1,
      batchMaxCount: 1,
    });
  });
  let current = 0;
  return {
    async call(method, params) {
      let last: unknown;
      for (let tried = 0; tried < providers.length; tried++) {
        try {
          return await (providers[current] as JsonRpcProvider).send(method, [...params]);
        } catch (error) {
          if (isAnswer(error)) throw translate(error, method);
          last = error;
          current = (current + 1) % providers.length;
        }
      }
      throw new AnamnesisError("chain.unreachable", `no chain node answers ${method} at ${urls.join(", ")}`, {
        cause: last,
      });
    },
    close() {
      for (const provider of providers) provider.destroy();
    },
  };
}

/** Why the pool did not take a transaction. */
export function isPoolRefusal(error: unknown, kind: "known" | "occupied" | "nonce"): boolean {
  if (kind === "nonce" && isError(error, "NONCE_EXPIRED")) return true;
  if (kind === "occupied" && isError(error, "REPLACEMENT_UNDERPRICED")) return true;
  const text = messageOf(error);
  if (kind === "known") return /already (known|imported)|known transaction/i.test(text);
  if (kind === "nonce") return /nonce.*(too low|below)/i.test(text);
  return /underpriced|already.*nonce/i.test(text);
}

/** Whether the node answered, even if with an error; otherwise another node may know better. */
function isAnswer(error: unknown): boolean {
  if (isError(error, "CALL_EXCEPTION") || isError(error, "NONCE_EXPIRED")) return true;
  if (isError(error, "REPLACEMENT_UNDERPRICED") || isError(error, "INSUFFICIENT_FUNDS")) return true;
  return rpcErrorOf(error) !== undefined;
}

function translate(error: unknown, method: string): unknown {
  if (method === "eth_sendRawTransaction" && !isError(error, "CALL_EXCEPTION")) return error;
  const data = isError(error, "CALL_EXCEPTION") ? error.data : null;
  const name = data === null ? undefined : errorName(data);
  const what = name === undefined ? messageOf(error) : name.text;
  return new AnamnesisError("chain.reverted", `the chain refused ${method}: ${what}`, {
    details: name === undefined ? {} : { error: name.name },
    cause: error,
  });
}

/** The contracts' own error behind revert data, as `Name(argument, …)`. */
function errorName(data: string): { name: string; text: string } | undefined {
  const parsed = REGISTRY.parseError(data) ?? MEMORY.parseError(data);
  if (parsed === null) return undefined;
  return { name: parsed.name, text: `${parsed.name}(${parsed.args.map(String).join(", ")})` };
}

function rpcErrorOf(error: unknown): { message?: string } | undefined {
  const holder = error as { error?: unknown; info?: { error?: unknown } } | null;
  const found = holder?.error ?? holder?.info?.error;
  const isRpc =
    typeof found === "object" && found !== null && "code" in found && typeof found.code === "number";
  return isRpc ? (found as { message?: string }) : undefined;
}

function messageOf(error: unknown): string {
  return rpcErrorOf(error)?.message ?? (error instanceof Error ? error.message : String(error));
}
