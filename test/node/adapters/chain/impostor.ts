/** A chain node that answers what another one answers, except where a test makes it lie. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What is told instead of the true answer. Throwing makes it an error of JSON-RPC. */
export type Lie = (method: string, answer: unknown, params: readonly unknown[]) => unknown;

export interface Impostor {
  readonly url: string;
  /** Calls that came, by method. */
  readonly calls: string[];
  /** Undefined: the truth. */
  lie: Lie | undefined;
  /** While true nobody answers. */
  away: boolean;
  close(): Promise<void>;
}

/** Starts a node in front of `target` on a loopback port. */
export async function startImpostor(target: string, lie?: Lie): Promise<Impostor> {
  const calls: string[] = [];
  const answerOne = async ({ id, method, params }: Call): Promise<object> => {
    calls.push(method);
    const response = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
    });
    const truth = (await response.json()) as { result?: unknown; error?: unknown };
    if (proxy.lie === undefined || truth.error !== undefined) return { ...truth, id };
    try {
      return { jsonrpc: "2.0", id, result: proxy.lie(method, truth.result, params) };
    } catch (error) {
      return { jsonrpc: "2.0", id, error: { code: -32_000, message: (error as Error).message } };
    }
  };
  const server = createServer((request, response) => {
    if (proxy.away) return void request.socket.destroy();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[];
      const work = Array.isArray(body) ? Promise.all(body.map(answerOne)) : answerOne(body);
      work.then(
        (answer) => response.end(JSON.stringify(answer)),
        () => request.socket.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: Impostor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    lie,
    away: false,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return proxy;
}
