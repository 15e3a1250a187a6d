/** Speaks CrowdSec's local API over HTTP as far as decisions go, with its logins and its null for no list. */
import { createServer, type IncomingMessage } from "node:http";
import type { Decision } from "../../../../node/src/adapters/controls/crowdsec-api.ts";

/** Starts one on loopback. */
export async function startCrowdsec() {
  const state = {
    decisions: new Map<number, Decision>(),
    token: "t1",
    isBroken: false,
    logins: 0,
    alerts: 0,
  };
  let nextId = 1;
  const put = (decision: Omit<Decision, "id">): void => {
    state.decisions.set(nextId, { ...decision, id: nextId });
    nextId += 1;
  };
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const { method = "", url = "" } = request;
    void bodyOf(request).then((body) => {
      if (url === "/v1/watchers/login") {
        const { machine_id, password } = body as { machine_id: string; password: string };
        state.logins += 1;
        if (!/^[^/]+\/[^/]+$/.test(request.headers["user-agent"] ?? ""))
          return answer(401, { message: "incorrect Username or Password" });
        if (machine_id !== "plant" || password !== "secret")
          return answer(403, { message: "access forbidden" });
        return answer(200, { code: 200, expire: "2027-01-01T00:00:00Z", token: state.token });
      }
      if (method === "GET" && url.startsWith("/v1/decisions")) {
        if (request.headers["x-api-key"] !== "key") return answer(403, { message: "access forbidden" });
        const list = [...state.decisions.values()];
        return answer(200, list.length === 0 ? null : list);
      }
      if (request.headers.authorization !== `Bearer ${state.token}`)
        return answer(401, { message: "expired" });
      if (state.isBroken) return answer(500, { message: "database is locked" });
      if (method === "POST" && url === "/v1/alerts") {
        state.alerts += 1;
        for (const alert of body as { decisions: Omit<Decision, "id">[] }[]) alert.decisions.forEach(put);
        return answer(201, ["1"]);
      }
      const id = Number(/^\/v1\/decisions\/(\d+)$/.exec(url)?.[1]);
      if (method === "DELETE" && state.decisions.delete(id)) return answer(200, { nbDeleted: "1" });
      return answer(404, { message: "not found" });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    state,
    put,
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const part of request) text += String(part);
  return text === "" ? undefined : JSON.parse(text);
}
