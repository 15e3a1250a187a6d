/** HTTP for JSON-RPC: connections that stay open, and nothing of what `fetch` does for browsers. */
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";

/** An answer larger than this is no answer of a chain node, bytes. */
const MAX_ANSWER_BYTES = 256 << 20;

/** Posts JSON. */
export interface Transport {
  /** Rejects with whatever the connection threw, also after the time-out and at `close`. */
  post(url: string, body: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Ends what is under way. */
  close(): void;
}

/** @param timeoutMs for one request, from its first byte to the last of the answer */
export function createTransport(timeoutMs: number): Transport {
  const http = new HttpAgent({ keepAlive: true });
  const https = new HttpsAgent({ keepAlive: true });
  const underWay = new Set<ClientRequest>();

  return {
    post(url, body) {
      return new Promise((resolve, reject) => {
        const target = new URL(url);
        const isSecure = target.protocol === "https:";
        const options = {
          method: "POST",
          agent: isSecure ? https : http,
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
          ...(target.username !== "" && {
            auth: `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`,
          }),
        };
        const onAnswer = (answer: IncomingMessage): void => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          answer.on("data", (chunk: Buffer) => {
            chunks.push(chunk);
            bytes += chunk.length;
            if (bytes > MAX_ANSWER_BYTES)
              answer.destroy(new Error(`an answer above ${MAX_ANSWER_BYTES} bytes`));
          });
          answer.on("error", fail);
          answer.on("aborted", () => fail(new Error("the connection was closed within an answer")));
          answer.on("end", () => {
            done();
            resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
          });
        };
        const request = isSecure
          ? requestHttps(target, options, onAnswer)
          : requestHttp(target, options, onAnswer);
        const timer = setTimeout(() => {
          request.destroy(new Error(`no answer within ${timeoutMs} ms`));
        }, timeoutMs);
        const done = (): void => {
          clearTimeout(timer);
          underWay.delete(request);
        };
        const fail = (error: unknown): void => {
          done();
          reject(error);
        };
        underWay.add(request);
        request.on("error", fail);
        request.end(body);
      });
    },
    close() {
      for (const request of underWay) request.destroy(new Error("closed"));
      http.destroy();
      https.destroy();
    },
  };
}
