/** CrowdSec's local API, as far as decisions need it: a machine writes alerts and deletes, a bouncer's key reads. */
import { readFileSync } from "node:fs";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** Where the local API is and who we are there. */
export interface CrowdsecAccess {
  /** As `http://127.0.0.1:8080`. */
  readonly url: string;
  /** A machine's id (`cscli machines add`) and the file with its password. */
  readonly machine: string;
  readonly passwordFile: string;
  /** The file with a bouncer's key (`cscli bouncers add`), for reading. */
  readonly keyFile: string;
}

/** A decision as the API lists it. */
export interface Decision {
  readonly id: number;
  readonly origin: string;
  readonly type: string;
  readonly scope: string;
  readonly value: string;
  /** Go's form, as 3h59m52.19s. */
  readonly duration: string;
  readonly scenario: string;
}

/** The calls. Each rejects with `control.io`. */
export interface CrowdsecApi {
  decisions(origin: string): Promise<readonly Decision[]>;
  /** One alert that carries all of them. */
  add(decisions: readonly Omit<Decision, "id">[], nowMs: number): Promise<void>;
  remove(id: number): Promise<void>;
}

/** It refuses the login of whoever has no name and version here (401). */
const USER_AGENT = "anamnesis/1";
/** An API that has not answered by then is down, ms. */
const TIMEOUT_MS = 5000;

/** Opens the API; it logs in when it has to. */
export function openCrowdsec(access: CrowdsecAccess): CrowdsecApi {
  let token: string | undefined;

  async function call(method: string, path: string, headers: Record<string, string>, body?: unknown) {
    const url = `${access.url.replace(/\/$/, "")}/v1${path}`;
    try {
      return await fetch(url, {
        method,
        headers: {
          ...headers,
          "user-agent": USER_AGENT,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw fault(`${access.url} does not answer (${reasonOf(cause)}); decisions that it holds stay`, cause);
    }
  }

  async function login(): Promise<string> {
    const body = {
      machine_id: access.machine,
      password: secret(access.passwordFile),
      scenarios: ["anamnesis"],
    };
    const answer = await call("POST", "/watchers/login", {}, body);
    const said = answer.ok ? ((await answer.json()) as { token?: unknown }) : {};
    if (typeof said.token !== "string")
      throw fault(
        `${access.url} refuses the machine ${access.machine} (${answer.status}); see cscli machines list`,
      );
    return said.token;
  }

  /** As the machine; a token that has run out is fetched anew once. */
  async function write(method: string, path: string, body?: unknown): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      token ??= await login();
      const answer = await call(method, path, { authorization: `Bearer ${token}` }, body);
      if (answer.ok) return;
      if (answer.status === 404 && method === "DELETE") return;
      if (answer.status !== 401 || attempt > 0)
        throw fault(`${method} ${path}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
      token = undefined;
    }
  }

  return {
    async decisions(origin) {
      const query = `?type=ban&origins=${encodeURIComponent(origin)}`;
      const answer = await call("GET", `/decisions${query}`, { "x-api-key": secret(access.keyFile) });
      if (!answer.ok)
        throw fault(`${access.url} refuses the bouncer's key (${answer.status}); see cscli bouncers list`);
      const list = (await answer.json()) as readonly Decision[] | null;
      // Old versions do not know the filter.
      return (list ?? []).filter((decision) => decision.origin === origin);
    },
    async add(decisions, nowMs) {
      const at = new Date(nowMs).toISOString();
      const [first] = decisions;
      if (first === undefined) return;
      await write("POST", "/alerts", [
        {
          scenario: "anamnesis",
          scenario_hash: "",
          scenario_version: "",
          message: `${decisions.length} attested elsewhere`,
          events_count: 1,
          events: [],
          start_at: at,
          stop_at: at,
          capacity: 0,
          leakspeed: "0",
          simulated: false,
          source: { scope: first.scope, value: first.value },
          decisions,
        },
      ]);
    },
    remove: (id) => write("DELETE", `/decisions/${id}`),
  };
}

function secret(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw fault(`${path} cannot be read; cscli machines add and cscli bouncers add make them`, cause);
  }
}

function reasonOf(cause: unknown): string {
  const inner = (cause as { cause?: { code?: unknown } }).cause?.code;
  return typeof inner === "string" ? inner : cause instanceof Error ? cause.message : String(cause);
}

function fault(message: string, cause?: unknown): AnamnesisError {
  return new AnamnesisError("control.io", `crowdsec: ${message}`, { cause });
}
