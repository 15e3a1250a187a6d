/**
 * The conduit gateway as a control: rules in its file, and the gateway itself asked what it enforces.
 * Single commands are refused and the connection lives.
 */
import { connect } from "node:net";
import { toCidrs } from "@anamnesis/sdk/core/address-set";
import { type BehaviourPredicate, carve, compileBehaviour, MODBUS_WRITES } from "@anamnesis/sdk/core/compile";
import {
  type ConduitStatement,
  conduitKey,
  conduitLine,
  conduitStatement,
  parseConduitLine,
} from "@anamnesis/sdk/core/conduit-rules";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { stops } from "@anamnesis/sdk/core/policy";
import type {
  ActionClass,
  Behaviour,
  IndicatorForm,
  IndicatorId,
  PurdueLevel,
  Self,
} from "@anamnesis/sdk/core/types";
import type { Application, Clock, Compiled, Control, Refusal } from "../../ports.ts";
import type { FileSystem } from "./atomic-file.ts";
import { createFileControl, type Rendering, stateHash } from "./file-control.ts";
import { refuse, refuseObservable } from "./observable-plan.ts";

/** Where the rule file is. */
export interface GatewayControlOptions {
  readonly name: string;
  readonly level: PurdueLevel;
  /** The rule file; the gateway answers on the Unix socket of the same name with `.sock`. */
  readonly path: string;
}

/** Asks the gateway and gives its answer's text. */
export type AskGateway = (socket: string) => Promise<string>;

/** A gateway that has not answered by then is down, ms. */
const TIMEOUT_MS = 2000;

/** A gateway control. */
export function createGateway(
  options: GatewayControlOptions,
  ports: { readonly clock: Clock; readonly files?: FileSystem; readonly ask?: AskGateway },
): Control {
  const { name, path } = options;
  const ask = ports.ask ?? askSocket;

  /** The rules it says it enforces. Throws `control.io` when it is down or could not take the file up. */
  async function held(): Promise<readonly string[]> {
    const answer = await ask(`${path}.sock`);
    let status: { format?: unknown; rules?: unknown; fault?: unknown };
    try {
      status = JSON.parse(answer) as typeof status;
    } catch {
      throw down(name, `it answers ${JSON.stringify(answer.slice(0, 60))}`);
    }
    const { format, rules, fault } = status;
    if (format !== "anamnesis/gateway/1" || !Array.isArray(rules))
      throw down(name, "something else answers there");
    if (fault !== null) throw down(name, `it keeps its rules before: ${JSON.stringify(fault).slice(0, 200)}`);
    return rules as readonly string[];
  }

  const control = createFileControl({
    clock: ports.clock,
    ...(ports.files && { files: ports.files }),
    name,
    kind: "gateway",
    level: options.level,
    paths: [path],
    compile,
    render: (applications) => render(path, applications),
    keysOf: (_path, text) =>
      text.split("\n").flatMap((line) => {
        if (line === "" || line.startsWith("#")) return [];
        const rule = parseConduitLine(line);
        return [conduitKey(rule.indicator, conduitStatement(rule))];
      }),
    loaded: async () => void (await held()),
    engine: held,
  });
  return {
    ...control,
    async preflight() {
      await control.preflight();
      try {
        await held();
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        throw new AnamnesisError("control.preflight", error.message, { details: { path }, cause: error });
      }
    },
  };
}

function render(path: string, applications: readonly Application[]): Rendering {
  const body = applications
    .map(({ indicator, expiresAtMs, statement }) => conduitLine(indicator, expiresAtMs, statement))
    .join("");
  const text = `# anamnesis gateway: remove a line, or the file, and it no longer holds\n# count ${applications.length}\n# state ${stateHash(body)}\n${body}`;
  const expected = (): ReadonlyMap<string, readonly IndicatorId[]> =>
    new Map(applications.map(({ indicator, statement }) => [conduitKey(indicator, statement), [indicator]]));
  return { files: [{ path, text }], expected };
}

function compile(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal {
  if (action === "observe") return refuse("plan.unsupported", "nothing is put in force to observe");
  if (form.form === "behaviour") return compileConduct(form.behaviour, action, self);
  const { observable } = form;
  const { kind, value } = observable;
  if (kind !== "ipv4-addr" && kind !== "ipv6-addr")
    return refuse("plan.unsupported", `a gateway sees no ${kind}`);
  const refusal = refuseObservable(observable, self);
  if (refusal !== undefined) return refusal;
  const isBlock = stops(action) && action !== "deny";
  const statement = { sources: [value], destinations: ["any"], functions: [] };
  if (!isBlock) return compiled({ ...statement, action: "alert" }, []);
  return compiled({ ...statement, action: "block" }, [
    `no connection from ${value} reaches a controller behind this gateway; open ones end`,
  ]);
}

/** A write to a table is one way to attack it: at deny and above, every function that writes it is refused. */
function compileConduct(behaviour: Behaviour, action: ActionClass, self: Self): Compiled | Refusal {
  const predicate = compileBehaviour(behaviour, self);
  if ("refused" in predicate) return predicate;
  const table = behaviour.protocol === "modbus" ? behaviour.table : "holding";
  const functions = MODBUS_WRITES[table];
  const of = ({ sources, destinations }: BehaviourPredicate) => ({
    sources: sources.flatMap(toCidrs),
    destinations: destinations.flatMap(toCidrs),
  });
  if (!stops(action))
    return compiled({ ...of(predicate), action: "alert", functions: predicate.functions }, []);
  const carved = carve(predicate, self);
  if ("refused" in carved) return compiled({ ...of(predicate), action: "alert", functions }, [carved.reason]);
  return compiled({ ...of(carved), action: "deny", functions }, [
    `every Modbus write to a ${table} register (functions ${functions.join(", ")}) by who is no writer is answered with exception 01; reads and other commands of the same connection pass`,
    ...carved.spared.map(
      ({ side, address, what }) => `not refused, only watched: ${side} ${address} (${what})`,
    ),
  ]);
}

/** The set that is enforced is the set that is checked: they are one object. */
function compiled(statement: ConduitStatement, consequences: readonly string[]): Compiled {
  const { action, sources, destinations, functions } = statement;
  const isStopping = action !== "alert";
  const ports = action === "deny" ? [502] : [];
  return {
    action,
    statement: conduitStatement(statement),
    blocks: isStopping ? [{ sources, destinations, ports, functions }] : [],
    consequences,
  };
}

function askSocket(socket: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = connect(socket);
    let text = "";
    const fail = (why: string, cause?: unknown): void => {
      asking.destroy();
      const message = `the gateway at ${socket} does not answer (${why}); start it with \`anamnesis gateway\`; what it enforced last stays in force`;
      reject(new AnamnesisError("control.io", message, { details: { path: socket }, cause }));
    };
    asking.setTimeout(TIMEOUT_MS, () => fail(`nothing for ${TIMEOUT_MS} ms`));
    asking.setEncoding("utf8");
    asking.on("data", (part: string) => {
      text += part;
    });
    asking.on("error", (cause: NodeJS.ErrnoException) => fail(cause.code ?? cause.message, cause));
    asking.on("end", () => resolve(text));
    asking.write("status\n");
  });
}

function down(name: string, why: string): AnamnesisError {
  return new AnamnesisError("control.io", `${name}: ${why}; look at the gateway's own log`);
}
