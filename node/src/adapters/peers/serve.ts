/** Answering a peer's request with the node's handlers. */
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import type { Log, PeerHandlers } from "../../ports.ts";
import { encodeAnswer, encodeRefusal, parseRequest, type SyncRequest } from "./codec.ts";
import type { Counters } from "./stats.ts";

/**
 * The encoded answer to an encoded request. An AnamnesisError of a handler travels as its code; any other
 * error is our own fault: it is counted and logged, and the peer hears `api.unavailable`.
 */
export async function answerRequest(
  handlers: PeerHandlers,
  from: Address,
  bytes: Uint8Array,
  ports: { readonly counters: Counters; readonly log: Log },
): Promise<Uint8Array> {
  ports.counters.add("requestsIn");
  try {
    return await serve(handlers, from, parseRequest(bytes));
  } catch (error) {
    if (isAnamnesisError(error)) return encodeRefusal(error.code);
    ports.counters.add("faults");
    ports.log.error("peers.fault", { peer: from, error: String(error) });
    return encodeRefusal("api.unavailable");
  }
}

async function serve(handlers: PeerHandlers, from: Address, request: SyncRequest): Promise<Uint8Array> {
  switch (request.kind) {
    case "have":
      return encodeAnswer("have", handlers.onHave(from, request.have));
    case "get": {
      const { feed, start, maxBytes } = request;
      return encodeAnswer("get", await handlers.onGet(from, feed, start, maxBytes), maxBytes);
    }
    case "prove":
      return encodeAnswer("prove", await handlers.onProve(from, request.feed, request.m, request.n));
    case "blindingKey":
      return encodeAnswer("blindingKey", handlers.onBlindingKey(from));
  }
}
