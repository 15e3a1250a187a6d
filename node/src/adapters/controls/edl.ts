/** External dynamic list: plain text, one value a line, which firewalls fetch and block. */
import { stops } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorForm, IndicatorId, PurdueLevel, Self } from "@anamnesis/sdk/core/types";
import type { Application, Clock, Compiled, Control, Refusal } from "../../ports.ts";
import type { FileSystem } from "./atomic-file.ts";
import { createFileControl, type RenderedFile, stateHash } from "./file-control.ts";
import { refuse, refuseObservable } from "./observable-plan.ts";

/** Firewalls fetch lists every few minutes. */
const PACE_MS = 250;

/** Where the lists are. */
export interface EdlOptions {
  readonly name: string;
  readonly level: PurdueLevel;
  /** The list of addresses and ranges. */
  readonly path: string;
  /** The list of domain names; beside the first with `.domains` unless given. */
  readonly domainsPath?: string;
}

/** An EDL control. What is on the list is blocked by whoever fetches it, so it cannot merely alert. */
export function createEdl(
  options: EdlOptions,
  ports: { readonly clock: Clock; readonly files?: FileSystem },
): Control {
  const domainsPath = options.domainsPath ?? `${options.path}.domains`;
  return createFileControl({
    ...ports,
    name: options.name,
    kind: "edl",
    level: options.level,
    paceMs: PACE_MS,
    paths: [options.path, domainsPath],
    compile,
    render(applications) {
      const files = [
        renderList(options.path, "addresses", applications.filter(isAddress)),
        renderList(
          domainsPath,
          "domains",
          applications.filter((application) => !isAddress(application)),
        ),
      ];
      return { files, expected: () => owners(applications) };
    },
    lines: () => (application) => {
      const key = application.statement;
      return [{ path: isAddress(application) ? options.path : domainsPath, key, text: `${key}\n` }];
    },
    keysOf: (_path, text) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#")),
  });
}

function compile(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal {
  if (form.form === "behaviour")
    return refuse("plan.unsupported", "a list of addresses cannot express conduct");
  const { observable } = form;
  const { kind, value } = observable;
  if (kind !== "ipv4-addr" && kind !== "ipv6-addr" && kind !== "domain-name") {
    return refuse("plan.unsupported", `a list of addresses and names cannot hold a ${kind}`);
  }
  const refusal = refuseObservable(observable, self);
  if (refusal !== undefined) return refusal;
  if (!stops(action) || action === "deny") {
    return refuse("plan.unsupported", `what is listed is blocked; ${action} cannot be expressed`);
  }
  const open = { ports: [], functions: [] };
  const blocks =
    kind === "domain-name"
      ? [{ ...open, sources: [], destinations: [], names: [value] }]
      : [
          { ...open, sources: [value], destinations: ["any"] },
          { ...open, sources: ["any"], destinations: [value] },
        ];
  const consequences = [`every firewall that fetches the list drops all traffic with ${value}`];
  return { action: "block", statement: value, blocks, consequences };
}

function isAddress(application: Application): boolean {
  // Statements are canonical: a name has a letter after its last dot, an address has none or has colons.
  return /^[\d.]+(?:\/\d+)?$|:/.test(application.statement);
}

function renderList(path: string, what: string, applications: readonly Application[]): RenderedFile {
  const values = [...new Set(applications.map((application) => application.statement))].sort();
  const body = values.map((value) => `${value}\n`).join("");
  return { path, text: `# anamnesis ${what}\n# count ${values.length}\n# state ${stateHash(body)}\n${body}` };
}

function owners(applications: readonly Application[]): ReadonlyMap<string, readonly IndicatorId[]> {
  const map = new Map<string, IndicatorId[]>();
  for (const { statement, indicator } of applications) {
    const list = map.get(statement);
    if (list === undefined) map.set(statement, [indicator]);
    else list.push(indicator);
  }
  return map;
}
