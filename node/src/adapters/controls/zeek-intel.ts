/** Zeek's Intel framework: a tab-separated file that a running Zeek reads again by itself, and only ever watches. */
import type {
  ActionClass,
  IndicatorForm,
  IndicatorId,
  Observable,
  PurdueLevel,
  Self,
} from "@anamnesis/sdk/core/types";
import type { Application, Clock, Compiled, Control, Refusal } from "../../ports.ts";
import type { FileSystem } from "./atomic-file.ts";
import { createFileControl, type Rendering } from "./file-control.ts";
import { refuse, refuseObservable } from "./observable-plan.ts";

/** Where the file is. */
export interface ZeekIntelOptions {
  readonly name: string;
  readonly level: PurdueLevel;
  /** Add it to `Intel::read_files`, and load `policy/frameworks/intel/do_notice`. */
  readonly path: string;
}

/** Zeek reads the file again within seconds. */
const PACE_MS = 250;
const FIELDS = ["indicator", "indicator_type", "meta.source", "meta.desc", "meta.do_notice"];

/** A Zeek control: what it holds becomes a line in intel.log and a notice. */
export function createZeekIntel(
  options: ZeekIntelOptions,
  ports: { readonly clock: Clock; readonly files?: FileSystem },
): Control {
  const { path } = options;
  return createFileControl({
    ...ports,
    name: options.name,
    kind: "zeek-intel",
    level: options.level,
    paceMs: PACE_MS,
    paths: [path],
    compile,
    render: (applications) => render(path, applications),
    lines:
      () =>
      ({ statement, indicator }) => [{ path, key: statement, text: lineOf(statement, indicator) }],
    keysOf: (_path, text) =>
      text.split("\n").flatMap((line) => {
        if (line === "" || line.startsWith("#")) return [];
        return [line.split("\t").slice(0, 2).join("\t")];
      }),
  });
}

function compile(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal {
  if (form.form === "behaviour")
    return refuse("plan.unsupported", "an intelligence file cannot express conduct");
  if (action === "observe") return refuse("plan.unsupported", "nothing is put in force to observe");
  const { observable } = form;
  const refusal = refuseObservable(observable, self);
  if (refusal !== undefined) return refusal;
  const row = rowOf(observable);
  if (row === undefined)
    return refuse("plan.unsupported", `Zeek has no intelligence of kind ${observable.kind}`);
  return { action: "alert", statement: row, blocks: [], consequences: [] };
}

/** Indicator and type; Zeek's URLs have no scheme. Values have passed their shapes: none holds a tab. */
function rowOf({ kind, value }: Observable): string | undefined {
  switch (kind) {
    case "ipv4-addr":
    case "ipv6-addr":
      return `${value}\tIntel::${value.includes("/") ? "SUBNET" : "ADDR"}`;
    case "domain-name":
      return `${value}\tIntel::DOMAIN`;
    case "url":
      return `${value.replace(/^https?:\/\//, "")}\tIntel::URL`;
    case "file":
      return `${value}\tIntel::FILE_HASH`;
    default:
      return undefined;
  }
}

function lineOf(row: string, indicator: IndicatorId): string {
  return `${row}\tanamnesis\t${indicator}\tT\n`;
}

/** One row for a value, whoever names it. */
function render(path: string, applications: readonly Application[]): Rendering {
  const owners = new Map<string, IndicatorId[]>();
  for (const { statement, indicator } of applications) {
    const list = owners.get(statement);
    if (list === undefined) owners.set(statement, [indicator]);
    else list.push(indicator);
  }
  const rows = [...owners].map(([row, [first]]) => lineOf(row, first as IndicatorId)).sort();
  return {
    files: [{ path, text: `#fields\t${FIELDS.join("\t")}\n${rows.join("")}` }],
    expected: () => owners,
  };
}
