/**
 * The conduit gateway: a Modbus TCP proxy before controllers that enforces per command.
 *
 * It depends on nothing but its rule file: it goes on when the node is dead, ends rules by itself,
 * and takes up a file that was changed or removed by hand within half a second (break-glass). A file
 * that cannot be read changes nothing: the last good rules stay. It starts without rules when there
 * is no file: it fails open.
 */
import { readFile, rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Clock, Log } from "../../ports.ts";
import { type Conduit, type Hit, openConduit } from "./conduit.ts";
import { type Judgement, NO_RULES, readRules } from "./rules.ts";

/** A controller and where the gateway stands in for it. */
export interface ConduitSetting {
  readonly listen: { readonly host: string; readonly port: number };
  /** The controller's address, as Self and rules name it. */
  readonly controller: string;
  readonly upstream: { readonly host: string; readonly port: number };
}

/** What a gateway needs. */
export interface GatewayOptions {
  readonly conduits: readonly ConduitSetting[];
  /** The rule file. The gateway answers questions on the Unix socket of the same name with `.sock`. */
  readonly path: string;
  readonly onHit?: (hit: Hit, controller: string) => void;
}

/** What a gateway says of itself. */
export interface GatewayStatus {
  readonly format: "anamnesis/gateway/1";
  /** The rules it enforces (see `conduitKey`). */
  readonly rules: readonly string[];
  /** Why the file on disk is not what is enforced, or null. */
  readonly fault: string | null;
  readonly connections: number;
  readonly counts: Readonly<Record<Hit["verdict"], number>>;
}

/** A running gateway. */
export interface Gateway {
  /** Where each conduit listens, in the order of the settings. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  status(): GatewayStatus;
  stop(): Promise<void>;
}

/** How often the file is looked at, ms. */
const LOOK_MS = 500;
/** More connections than a controller's own stack takes; further ones wait in the backlog of nobody. */
const MOST_CONNECTIONS = 256;
/** Of one source, so that a single machine cannot take all of them from the HMI. */
const MOST_OF_SOURCE = 32;
/** Sources whose judgement is remembered. */
const MOST_SOURCES = 1024;

/** Starts a gateway. Throws `port.taken` and `control.io`. */
export async function startGateway(
  options: GatewayOptions,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Gateway> {
  const { path, conduits } = options;
  let rules = NO_RULES;
  let fault: string | null = null;
  let seen = "";
  let version = 0;
  let looking: Promise<void> = Promise.resolve();
  const open = new Set<Conduit>();
  /** Open connections by the machine they come from. */
  const from = new Map<string, number>();
  const counts: Record<Hit["verdict"], number> = { refused: 0, blocked: 0, unreadable: 0, passed: 0 };

  /** Takes the file up when it is another one than at the last look. */
  async function look(): Promise<void> {
    try {
      const found = await stat(path, { bigint: true });
      const now = `${found.ino} ${found.size} ${found.mtimeNs}`;
      if (now === seen) return;
      const next = readRules(await readFile(path, "utf8"));
      seen = now;
      take(next, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        if (seen !== "none") take(NO_RULES, null);
        seen = "none";
        return;
      }
      const message = error instanceof Error ? error.message : String(error);
      if (message !== fault)
        log.error("control.io", { path, message: `${message}; the rules before stay in force` });
      fault = message;
    }
  }

  function take(next: typeof rules, why: string | null): void {
    rules = next;
    fault = why;
    version += 1;
    for (const conduit of open) conduit.recheck();
    log.info("gateway.rules", { path, rules: rules.keys(clock.nowMs()).length });
  }

  const soon = (): Promise<void> => {
    looking = looking.then(look);
    return looking;
  };

  function judgeAt(controller: string): (source: string) => Judgement {
    const known = new Map<string, { readonly version: number; readonly judgement: Judgement }>();
    return (source) => {
      const nowMs = clock.nowMs();
      const held = known.get(source);
      if (held !== undefined && held.version === version && nowMs < held.judgement.untilMs)
        return held.judgement;
      const judgement = rules.judge(source, controller, nowMs);
      if (known.size >= MOST_SOURCES) known.clear();
      known.set(source, { version, judgement });
      return judgement;
    };
  }

  function accept(
    client: Socket,
    { controller, upstream }: ConduitSetting,
    judge: (source: string) => Judgement,
  ): void {
    const source = client.remoteAddress ?? "";
    const ofSource = from.get(source) ?? 0;
    if (open.size >= MOST_CONNECTIONS || ofSource >= MOST_OF_SOURCE) {
      client.destroy();
      return;
    }
    client.on("error", () => client.destroy());
    from.set(source, ofSource + 1);
    client.once("close", () => {
      const left = (from.get(source) ?? 1) - 1;
      if (left > 0) from.set(source, left);
      else from.delete(source);
    });
    const conduit = openConduit(client, {
      upstream,
      judge,
      onHit(hit) {
        counts[hit.verdict] += 1;
        options.onHit?.(hit, controller);
      },
    });
    open.add(conduit);
    client.once("close", () => open.delete(conduit));
    if (client.destroyed) open.delete(conduit);
  }

  const status = (): GatewayStatus => ({
    format: "anamnesis/gateway/1",
    rules: rules.keys(clock.nowMs()),
    fault,
    connections: open.size,
    counts: { ...counts },
  });

  /** Any line asks for a look at the file and the status after it. */
  function answer(asker: Socket): void {
    asker.on("error", () => asker.destroy());
    asker.once("data", () => void soon().then(() => asker.end(JSON.stringify(status()))));
  }

  await soon();
  const servers: Server[] = [];
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    for (const conduit of open) conduit.close();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await looking;
  };
  const timer = setInterval(() => void soon(), LOOK_MS);
  timer.unref();
  try {
    const addresses: { host: string; port: number }[] = [];
    for (const conduit of conduits) {
      const judge = judgeAt(conduit.controller);
      const server = createServer((client) => accept(client, conduit, judge));
      servers.push(server);
      addresses.push({ host: conduit.listen.host, port: await listen(server, conduit.listen) });
    }
    const asked = createServer(answer);
    servers.push(asked);
    const socket = `${path}.sock`;
    await rm(socket, { force: true });
    await listen(asked, { path: socket });
    return { addresses, status, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const place = "path" in where ? where.path : `${where.host}:${where.port}`;
      const message = `the gateway cannot listen on ${place} (${cause.code}); free it or give another`;
      reject(
        new AnamnesisError(cause.code === "EADDRINUSE" ? "port.taken" : "control.io", message, { cause }),
      );
    });
    server.listen(where, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
