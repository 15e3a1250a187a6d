/** A running Suricata by its command socket: protocol 0.2, a JSON object a line, one answer per command. */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { z } from "zod";

/** A rule that the engine could not take. */
export interface FailedRule {
  readonly rule: string;
  /** The engine's own words, when it gives any. */
  readonly words: string;
}

/** What the engine says of its rules. */
export interface RulesetState {
  /** Rules in force, of all its files. */
  readonly loaded: number;
  readonly failed: readonly FailedRule[];
  /** End of the last load, ms since the epoch. */
  readonly loadedAtMs: number;
}

/** The calls. Each rejects with `control.io` when the engine is down, slow or says what makes no sense. */
export interface SuricataEngine {
  /** Loads the rule files anew and waits for the end of it. */
  reload(): Promise<void>;
  rules(): Promise<RulesetState>;
}

/** How long the engine may take, ms: an answer; a reload with tens of thousands of rules. */
export interface SuricataPatience {
  readonly answerMs: number;
  readonly reloadMs: number;
}

const PATIENCE: SuricataPatience = { answerMs: 5000, reloadMs: 60_000 };
/** A reload that is under way: how often and after how long it is tried again, ms. */
const BUSY_ATTEMPTS = 100;
const BUSY_MS = 100;
/** The longest answer, bytes. */
const LONGEST = 16 << 20;
const NEWLINE = 10;
/** Suricata's own client opens with it (scripts/suricatasc, VERSION). */
const HELLO = { version: "0.2" };

const answerSchema = z.object({ return: z.enum(["OK", "NOK"]), message: z.unknown().optional() });
const count = z.number().int().nonnegative();
const statsSchema = z.array(z.object({ rules_loaded: count })).min(1);
const failedSchema = z.array(z.object({ rule: z.string(), error: z.string().optional() }));
const reloadSchema = z.array(z.object({ last_reload: z.string() })).min(1);

/** The engine behind a socket. One connection per call: it may be restarted at any time. */
export function openSuricata(path: string, patience: SuricataPatience = PATIENCE): SuricataEngine {
  async function commands(names: readonly string[], timeoutMs: number): Promise<readonly unknown[]> {
    const lines = await dial(path, timeoutMs);
    try {
      const hello = await lines.ask(HELLO);
      if (hello.return !== "OK") throw fault(path, `refuses protocol ${HELLO.version}`);
      const answers: unknown[] = [];
      for (const command of names) {
        const answer = await lines.ask({ command });
        if (answer.return !== "OK")
          throw fault(path, `refuses ${command}: ${String(answer.message).slice(0, 200)}`);
        answers.push(answer.message);
      }
      return answers;
    } finally {
      lines.close();
    }
  }

  return {
    async reload() {
      for (let attempt = 1; ; attempt++) {
        try {
          await commands(["reload-rules"], patience.reloadMs);
          return;
        } catch (error) {
          // Somebody else's may have read the file before it was there.
          const isBusy = error instanceof AnamnesisError && error.message.includes("already in progress");
          if (!isBusy || attempt === BUSY_ATTEMPTS) throw error;
          await delay(BUSY_MS);
        }
      }
    },
    async rules() {
      const names = ["ruleset-stats", "ruleset-failed-rules", "ruleset-reload-time"];
      const [stats, failed, time] = await commands(names, patience.answerMs);
      // Tenants each have a list; what is in force anywhere is as old as the oldest.
      const times = parsed(reloadSchema, time, path).map(({ last_reload }) => parseTime(last_reload, path));
      return {
        loaded: parsed(statsSchema, stats, path).reduce((sum, { rules_loaded }) => sum + rules_loaded, 0),
        failed: parsed(failedSchema, failed, path).map(({ rule, error }) => ({
          rule,
          words: error ?? "the engine could not parse it; its log says why",
        })),
        loadedAtMs: Math.min(...times),
      };
    },
  };
}

type Answer = z.infer<typeof answerSchema>;

interface Lines {
  ask(question: object): Promise<Answer>;
  close(): void;
}

function dial(path: string, timeoutMs: number): Promise<Lines> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let parts: Buffer[] = [];
    let length = 0;
    let end: AnamnesisError | undefined;
    let waiting: { resolve(answer: Answer): void; reject(fault: AnamnesisError): void } | undefined;

    function fail(why: string, cause?: unknown): void {
      end ??= fault(path, why, cause);
      socket.destroy();
      reject(end);
      waiting?.reject(end);
    }
    const timer = setTimeout(() => fail(`has not answered for ${timeoutMs} ms`), timeoutMs);
    socket.once("error", (cause: NodeJS.ErrnoException) =>
      fail(`cannot be reached (${cause.code ?? cause.message})`, cause),
    );
    socket.once("close", () => {
      clearTimeout(timer);
      fail("went away while it was asked");
    });
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length > LONGEST) return fail("answers without end");
      if (part.at(-1) !== NEWLINE) return;
      const answer = readAnswer(Buffer.concat(parts).toString("utf8"));
      parts = [];
      length = 0;
      if (answer === undefined) return fail("gives an answer that is none");
      waiting?.resolve(answer);
      waiting = undefined;
    });
    socket.once("connect", () =>
      resolve({
        ask: (question) =>
          new Promise((give, refuse) => {
            if (end !== undefined) return refuse(end);
            waiting = { resolve: give, reject: refuse };
            send(socket, question);
          }),
        close: () => {
          waiting = undefined;
          socket.destroy();
        },
      }),
    );
  });
}

function send(socket: Socket, question: object): void {
  socket.write(`${JSON.stringify(question)}\n`);
}

function readAnswer(text: string): Answer | undefined {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw fault(path, `says of its rules ${JSON.stringify(value)?.slice(0, 120)}`);
}

/** As 2026-11-25T12:51:41.440060+0000. */
function parseTime(text: string, path: string): number {
  const timeMs = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  if (Number.isNaN(timeMs)) throw fault(path, `says that it loaded its rules at ${text.slice(0, 40)}`);
  return timeMs;
}

function fault(path: string, why: string, cause?: unknown): AnamnesisError {
  const advice =
    "see that suricata runs with unix-command enabled and this filename, its rules under rule-files and not given with -S; rules that it holds stay";
  return new AnamnesisError("control.io", `suricata at ${path} ${why}; ${advice}`, {
    details: { path },
    cause,
  });
}
