/**
 * Any enforcement point that a program can reach: the node writes a list, runs a program with fixed
 * arguments and the list's path after them, and asks a second one what holds. Never a shell, and
 * nothing of a record is ever an argument.
 */
import { execFile } from "node:child_process";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { stops } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorForm, IndicatorId, PurdueLevel, Self } from "@anamnesis/sdk/core/types";
import type { Application, Clock, Compiled, Control, Refusal } from "../../ports.ts";
import type { FileSystem } from "./atomic-file.ts";
import { createFileControl, type Rendering } from "./file-control.ts";
import { refuse, refuseObservable } from "./observable-plan.ts";

/** The list and the programs. */
export interface CommandOptions {
  readonly name: string;
  readonly level: PurdueLevel;
  /** The list: `block KIND VALUE` or `alert KIND VALUE`, one a line. */
  readonly path: string;
  /** Program and arguments; the path follows them. Exit code 0: the whole list is in force, any other: nothing changed. */
  readonly run: readonly string[];
  /** Prints the lines that are in force. Without it the list is read back, which is no proof of enforcement. */
  readonly ask?: readonly string[];
}

/** A program that takes longer is stopped, ms. */
const TIMEOUT_MS = 30_000;
const LINE = /^(?:alert|block) (?:ipv4-addr|ipv6-addr|domain-name) \S+$/;

/** A control behind programs of the plant's own. */
export function createCommand(
  options: CommandOptions,
  ports: { readonly clock: Clock; readonly files?: FileSystem },
): Control {
  const { path, run, ask } = options;
  return createFileControl({
    ...ports,
    name: options.name,
    kind: "command",
    level: options.level,
    paths: [path],
    compile,
    render: (applications) => render(path, applications),
    keysOf: (_path, text) => linesOf(text),
    loaded: async () => void (await execute(options.name, run, path)),
    ...(ask !== undefined && { engine: async () => linesOf(await execute(options.name, ask, path)) }),
  });
}

function compile(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal {
  if (form.form === "behaviour") return refuse("plan.unsupported", "a list of values cannot express conduct");
  const { kind, value } = form.observable;
  if (kind !== "ipv4-addr" && kind !== "ipv6-addr" && kind !== "domain-name")
    return refuse("plan.unsupported", `the list has no lines for a ${kind}`);
  const refusal = refuseObservable(form.observable, self);
  if (refusal !== undefined) return refusal;
  if (action === "observe") return refuse("plan.unsupported", "nothing is put in force to observe");
  const isBlock = stops(action) && action !== "deny";
  if (!isBlock) return { action: "alert", statement: `alert ${kind} ${value}`, blocks: [], consequences: [] };
  const open = { ports: [], functions: [] };
  return {
    action: "block",
    statement: `block ${kind} ${value}`,
    blocks:
      kind === "domain-name"
        ? [{ ...open, sources: [], destinations: [], names: [value] }]
        : [
            { ...open, sources: [value], destinations: ["any"] },
            { ...open, sources: ["any"], destinations: [value] },
          ],
    consequences: [
      `the plant's own program blocks ${value}; what else that stops is known to whoever wrote it`,
    ],
  };
}

function render(path: string, applications: readonly Application[]): Rendering {
  const owners = new Map<string, IndicatorId[]>();
  for (const { statement, indicator } of applications)
    owners.set(statement, [...(owners.get(statement) ?? []), indicator]);
  const lines = [...owners.keys()].sort().map((line) => `${line}\n`);
  return { files: [{ path, text: `# anamnesis\n${lines.join("")}` }], expected: () => owners };
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => LINE.test(line));
}

function execute(name: string, [program = "", ...args]: readonly string[], path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: TIMEOUT_MS, maxBuffer: 64 << 20 };
    execFile(program, [...args, path], limits, (cause, stdout, stderr) => {
      if (cause === null) return resolve(stdout);
      const said = stderr.split("\n", 1)[0]?.slice(0, 200) || cause.message;
      const why = cause.killed === true ? `was stopped after ${TIMEOUT_MS} ms` : `failed: ${said}`;
      reject(
        new AnamnesisError("control.io", `${name}: ${program} ${why}; run it by hand with ${path}`, {
          cause,
        }),
      );
    });
  });
}
