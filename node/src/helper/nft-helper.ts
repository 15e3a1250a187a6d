/**
 * The only part of a plant's node that may change the kernel's packet filter. The node runs without any
 * right and hands scripts over a Unix socket; this process holds CAP_NET_ADMIN and loads nothing but our own
 * table (sdk/core/nft-table), of whose blocks each has passed the checker against the Self that it read itself.
 * So who takes the node over still cannot block the plant, nor touch another table.
 */
import { spawn } from "node:child_process";
import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { checkPlan } from "@anamnesis/sdk/check/plan";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { parseNftScript } from "@anamnesis/sdk/core/nft-table";
import type { Self } from "@anamnesis/sdk/core/types";
import type { Log } from "../ports.ts";

/** What the helper needs. */
export interface NftHelperOptions {
  /** The Unix socket; it is made readable and writable for its owner and group. */
  readonly socket: string;
  /** Self as the plant has it now; throws when that cannot be read, and then nothing is loaded. */
  readonly self: () => Self;
  readonly log: Log;
  /** Runs nft; the input goes to its standard input. */
  readonly nft?: (args: readonly string[], input?: string) => Promise<string>;
}

/** A running helper. */
export interface NftHelper {
  stop(): Promise<void>;
}

/** A question: `load` with a script, or `list`. */
interface Question {
  readonly do: "load" | "list";
  readonly script?: string;
}

/** The longest question, bytes: 100,000 elements and more. */
const LONGEST = 32 << 20;
const MOST_ASKERS = 8;
/** Who has not asked by then is let go, ms. */
const PATIENCE_MS = 10_000;
const TIMEOUT_MS = 10_000;

/** Starts the helper. Throws `port.taken` when another one answers there, `control.io` when it cannot listen. */
export async function startNftHelper(options: NftHelperOptions): Promise<NftHelper> {
  const { socket: path, log } = options;
  const nft = options.nft ?? runNft;
  let queue: Promise<unknown> = Promise.resolve();
  const open = new Set<Socket>();

  async function load(script: string): Promise<string> {
    const elements = parseNftScript(script);
    const self = options.self();
    for (const { set, value, comment } of elements) {
      if (!set.startsWith("block")) continue;
      const side = { ports: [], functions: [] };
      const verdict = checkPlan(
        [
          { ...side, sources: [value], destinations: ["any"] },
          { ...side, sources: ["any"], destinations: [value] },
        ],
        self,
      );
      if (!verdict.ok)
        throw new AnamnesisError(
          "plan.self",
          `${value} of ${comment}: ${verdict.reason}; nothing was loaded`,
        );
    }
    await nft(["-f", "-"], script);
    log.info("helper.loaded", { elements: elements.length });
    return "";
  }

  async function list(): Promise<string> {
    const { nftables } = JSON.parse(await nft(["-j", "list", "tables"])) as {
      readonly nftables: readonly { readonly table?: { readonly family: string; readonly name: string } }[];
    };
    const isThere = nftables.some(({ table }) => table?.family === "inet" && table.name === "anamnesis");
    return isThere ? nft(["-j", "list", "table", "inet", "anamnesis"]) : JSON.stringify({ nftables: [] });
  }

  async function answer(text: string): Promise<string> {
    const question = questionOf(text);
    return question.do === "load" ? load(question.script ?? "") : list();
  }

  function accept(asker: Socket): void {
    if (open.size >= MOST_ASKERS) {
      asker.destroy();
      return;
    }
    open.add(asker);
    asker.once("close", () => open.delete(asker));
    asker.on("error", () => asker.destroy());
    asker.setTimeout(PATIENCE_MS, () => asker.destroy());
    const parts: Buffer[] = [];
    let length = 0;
    asker.on("data", (part: Buffer) => {
      length += part.length;
      parts.push(part);
      if (length > LONGEST) asker.destroy();
      else if (part.at(-1) === 10) {
        asker.setTimeout(0);
        asker.removeAllListeners("data");
        const text = Buffer.concat(parts).toString("utf8");
        queue = queue.then(() => reply(asker, text));
      }
    });
  }

  async function reply(asker: Socket, text: string): Promise<void> {
    try {
      asker.end(`${JSON.stringify({ ok: true, output: await answer(text) })}\n`);
    } catch (error) {
      const code = error instanceof AnamnesisError ? error.code : "control.io";
      const message = error instanceof Error ? error.message : String(error);
      log.warn("helper.refused", { code, message });
      asker.end(`${JSON.stringify({ ok: false, code, message })}\n`);
    }
  }

  const server = createServer(accept);
  await listen(server, path);
  await chmod(path, 0o660);
  return {
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      await queue;
      for (const asker of open) asker.destroy();
      await closed;
    },
  };
}

function questionOf(text: string): Question {
  let question: Partial<Question>;
  try {
    question = JSON.parse(text) as Partial<Question>;
  } catch (cause) {
    throw new AnamnesisError("input.invalid", "the question is not one line of JSON", { cause });
  }
  const { do: what, script } = question ?? {};
  if (what === "list") return { do: what };
  if (what === "load" && typeof script === "string") return { do: what, script };
  throw new AnamnesisError("input.invalid", 'the question is neither "list" nor "load" with a script');
}

/** Takes the place of a socket that a dead helper left, never that of a living one. */
async function listen(server: Server, path: string): Promise<void> {
  const attempt = () =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      // From its first moment on nobody else may use it.
      const before = process.umask(0o117);
      server.listen({ path }, () => {
        server.removeListener("error", reject);
        resolve();
      });
      process.umask(before);
    });
  try {
    await attempt();
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    if (cause.code !== "EADDRINUSE")
      throw new AnamnesisError("control.io", `${path} cannot be made (${cause.code}); create its directory`, {
        cause,
      });
    if (await isAnswered(path))
      throw new AnamnesisError("port.taken", `another helper answers at ${path}; stop it first`);
    await rm(path);
    await attempt();
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function runNft(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("nft", args, { stdio: ["pipe", "pipe", "pipe"], timeout: TIMEOUT_MS });
    let [output, said] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      output += part;
    });
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      said = (said + part).slice(0, 2000);
    });
    child.stdin.on("error", () => undefined); // nft that ends early says why
    child.once("error", (cause) =>
      reject(new AnamnesisError("control.io", `nft cannot be run: ${cause.message}`, { cause })),
    );
    child.once("close", (code, signal) => {
      if (code === 0) return resolve(output);
      const why = said.split("\n", 1)[0] || `ended by ${signal ?? code}`;
      reject(
        new AnamnesisError("control.io", `nft ${args.join(" ")}: ${why}; the kernel keeps the state before`),
      );
    });
    child.stdin.end(input ?? "");
  });
}
