/**
 * Records made by somebody who wants a plant to block itself, or who makes mistakes; and what an
 * engine would stop by the text that a control writes, read without any code of the product.
 */
import { checkPlan } from "@anamnesis/sdk/check/plan";
import type { IndicatorForm, Observable, Self } from "@anamnesis/sdk/core/types";
import ipaddr from "ipaddr.js";
import { createCommand } from "../../../../node/src/adapters/controls/command.ts";
import { createCrowdsec } from "../../../../node/src/adapters/controls/crowdsec.ts";
import { createEdl } from "../../../../node/src/adapters/controls/edl.ts";
import { createGateway } from "../../../../node/src/adapters/controls/gateway.ts";
import { createNftables } from "../../../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../../../node/src/adapters/controls/suricata.ts";
import { createZeekIntel } from "../../../../node/src/adapters/controls/zeek-intel.ts";
import type { Control } from "../../../../node/src/ports.ts";

const clock = { nowMs: () => 0, monotonicMs: () => 0 };
const OPTIONS = { name: "control", level: 4, path: "rules" } as const;
const CONTROLS: readonly Control[] = [
  createEdl(OPTIONS, { clock }),
  createNftables(OPTIONS, { clock }),
  createSuricata(OPTIONS, { clock }),
  createGateway(OPTIONS, { clock }),
  createZeekIntel(OPTIONS, { clock }),
  createCommand({ ...OPTIONS, run: ["true"] }, { clock }),
  createCrowdsec(
    { ...OPTIONS, url: "http://nowhere", machine: "m", passwordFile: "p", keyFile: "k" },
    { clock },
  ),
];

type Random = () => number;
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1));

/** A plant whose Self has addresses and names that records may come near to. */
export function drawSelf(random: Random): Self {
  const net = `10.${upTo(random, 255)}.${upTo(random, 255)}`;
  const host = () => `${net}.${1 + upTo(random, 250)}`;
  const open = () => `${pick(random, [45, 62, 80, 91])}.${upTo(random, 255)}.${upTo(random, 255)}`;
  const label = () => pick(random, ["alpha", "beta", "gamma", "delta"]);
  const hosts = (most: number) => Array.from({ length: 1 + upTo(random, most) }, host);
  const writers = hosts(3);
  return {
    assets: [
      { name: "portal", addresses: [`${open()}.${upTo(random, 255)}`], domains: [`${label()}-portal.com`] },
      { name: "edge", addresses: [`${open()}.0/${pick(random, [24, 28, 30])}`] },
      { name: "six", addresses: [`2a00:${upTo(random, 9999)}::/${pick(random, [32, 48, 64])}`] },
      { name: "machines", addresses: hosts(4) },
    ],
    domains: [`${label()}-plant.org`],
    roles: {
      otNetwork: [`${net}.0/24`],
      writers,
      controllers: hosts(2),
      ...(random() < 0.5 && { engineeringStations: hosts(1) }),
      ...(random() < 0.5 && { safetySystems: hosts(1) }),
    },
    ...(random() < 0.5 && {
      conduits: [
        {
          name: "batch",
          from: [pick(random, writers)],
          to: hosts(1),
          protocol: "modbus" as const,
          functions: [],
        },
      ],
    }),
    services: [
      { name: "vendor", addresses: [`${open()}.${upTo(random, 255)}`], domains: [`${label()}.vendor.net`] },
    ],
    files: [],
    confirmedAtMs: 0,
  };
}

/** A record that is about Self, near it, malformed, or none of these. */
export function drawForm(random: Random, self: Self): IndicatorForm {
  if (random() < 0.1) {
    const table = pick(random, ["coil", "holding"] as const);
    const functions = Array.from({ length: 1 + upTo(random, 2) }, () =>
      pick(random, [3, 5, 6, 15, 16, 22, 23, 90]),
    );
    return {
      form: "behaviour",
      behaviour: {
        class: "modbus-write-by-non-writer",
        protocol: "modbus",
        functions,
        table,
        roles: ["non-writer", "controller"],
      },
    };
  }
  const isName = random() < 0.3;
  const value = isName ? drawName(random, self) : drawAddress(random, self);
  const kind: Observable["kind"] = isName
    ? pick(random, ["domain-name", "domain-name", "url"] as const)
    : value.includes(":")
      ? "ipv6-addr"
      : "ipv4-addr";
  return { form: "observable", observable: { kind, value: kind === "url" ? `http://${value}/a` : value } };
}

function drawAddress(random: Random, self: Self): string {
  const own = pick(random, addressesOf(self));
  const near = random();
  const base =
    near < 0.6 ? (own.split("/")[0] ?? own) : near < 0.8 ? neighbour(own, random) : foreign(random);
  const isV6 = base.includes(":");
  const length = upTo(random, isV6 ? 128 : 32);
  const spelling = random();
  if (spelling < 0.3) return base;
  if (spelling < 0.6) return `${network(base, length)}/${length}`;
  if (spelling < 0.7) return `${base}/${length}`; // host bits
  if (spelling < 0.8 && !isV6) {
    const hex = Buffer.from(ipaddr.parse(base).toByteArray()).toString("hex");
    return `${pick(random, ["::ffff:", "64:ff9b::", "::", "2002:"])}${hex.slice(0, 4)}:${hex.slice(4)}${pick(random, ["", "::"])}`;
  }
  const clumsy = [
    base.toUpperCase(),
    ` ${base}`,
    `${base}\n${own}`,
    base.replace(/\.(\d+)$/, ".0$1"),
    `${base}/`,
    `${base}, ${own}`,
    `${base} }\nflush ruleset`,
    `${base}-${own}`,
    "any",
    "0.0.0.0/0",
    "::/0",
  ];
  return pick(random, clumsy);
}

function drawName(random: Random, self: Self): string {
  const own = pick(random, namesOf(self));
  const parent = own.split(".").slice(1).join(".");
  const names = [
    own,
    own.toUpperCase(),
    `${own}.`,
    `.${own}`,
    `*.${own}`,
    `hmi.${own}`,
    parent,
    own.replace("a", "\u0430"),
    own.replace(".", "\u3002"),
    own.replace(".", ".."),
    `evil-${own}`,
    `c2.${pick(random, ["turbine-fw.com", "update.net", "example.org"])}`,
    `${own}"; drop`,
    encodeURIComponent(own).replace(".", "%2e"),
  ];
  return pick(random, names);
}

function addressesOf({ assets, services, roles }: Self): readonly string[] {
  const { otNetwork, writers, controllers, engineeringStations = [], safetySystems = [] } = roles;
  return [
    ...[...assets, ...services].flatMap(({ addresses }) => addresses),
    ...[otNetwork, writers, controllers, engineeringStations, safetySystems].flat(),
  ];
}

function namesOf({ assets, services, domains }: Self): readonly string[] {
  return [...domains, ...[...assets, ...services].flatMap(({ domains: own = [] }) => own)];
}

function network(address: string, length: number): string {
  const bytes = ipaddr.parse(address).toByteArray();
  const cut = bytes.map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, length - 8 * i))) & 0xff);
  return ipaddr.fromByteArray(cut).toString();
}

function neighbour(own: string, random: Random): string {
  const bytes = ipaddr.parse(own.split("/")[0] ?? own).toByteArray();
  const at = bytes.length - 1 - upTo(random, 1);
  bytes[at] = ((bytes[at] as number) + (random() < 0.5 ? 1 : 255)) & 255;
  return ipaddr.fromByteArray(bytes).toString();
}

function foreign(random: Random): string {
  return random() < 0.8
    ? `${11 + upTo(random, 100)}.${upTo(random, 255)}.${upTo(random, 255)}.${upTo(random, 255)}`
    : `2a0${upTo(random, 9)}:${upTo(random, 9999)}::${1 + upTo(random, 99)}`;
}

/** How many controls would act above alert on a record, and what of Self their text would stop. */
export function blockedSelf(
  form: IndicatorForm,
  self: Self,
): { readonly stopping: number; readonly hits: readonly string[] } {
  let stopping = 0;
  const hits: string[] = [];
  for (const control of CONTROLS) {
    const compiled = control.compile(form, "isolate", self);
    if ("refused" in compiled || compiled.action === "alert" || compiled.action === "observe") continue;
    if (!checkPlan(compiled.blocks, self).ok) continue;
    stopping += 1;
    for (const line of compiled.statement.split("\n")) hits.push(...stoppedBy(line, control.kind, self));
  }
  return { stopping, hits };
}

/** What of Self one line of a control's text stops. */
function stoppedBy(line: string, kind: Control["kind"], self: Self): readonly string[] {
  if (kind === "gateway") {
    const rule = JSON.parse(line) as { sources: string[]; destinations: string[]; functions: number[] };
    if (rule.destinations.includes("any")) return rule.sources.flatMap((range) => ownIn(range, self));
    return commands(rule.sources, [], rule.destinations, rule.functions, self);
  }
  const conduct = /^drop modbus \[([^\]]*)\] any -> \[([^\]]*)\] 502 /.exec(line);
  if (conduct !== null) {
    const [sources = [], targets = []] = conduct.slice(1).map((list) => list.split(","));
    const without = sources.filter((each) => each.startsWith("!")).map((each) => each.slice(1));
    // The flow dies with its reads.
    return commands(
      sources.filter((each) => !each.startsWith("!")),
      without,
      targets.filter((each) => !each.startsWith("!")),
      [],
      self,
      targets.filter((each) => each.startsWith("!")).map((each) => each.slice(1)),
    );
  }
  if (line.startsWith("alert ")) return [];
  const name =
    /content:"\.([^"|]+)"/.exec(line)?.[1] ??
    /^block domain-name (\S+)$/.exec(line)?.[1] ??
    (/^[a-z0-9.-]*[a-z][a-z0-9.-]*$/.test(line) && !line.includes(":") ? line : undefined);
  if (name !== undefined)
    return namesOf(self).filter(
      (own) => own === name || own.endsWith(`.${name}`) || name.endsWith(`.${own}`),
    );
  const value =
    /^block ipv[46]-addr ([0-9a-f.:/]+)$/.exec(line)?.[1] ??
    /^ban (?:Ip|Range) ([0-9a-f.:/]+)$/.exec(line)?.[1] ??
    /^drop ip (?:any any -> )?([0-9a-f.:/]+) /.exec(line)?.[1] ??
    /\{ ([0-9a-f.:/]+) \}/.exec(line)?.[1] ??
    line;
  return ownIn(value, self);
}

function ownIn(range: string, self: Self): readonly string[] {
  return addressesOf(self).filter(
    (own) => isIn(own.split("/")[0] ?? own, range) || isIn(range.split("/")[0] ?? range, own),
  );
}

/** Commands and conversations between machines of Self that are stopped and needed. */
function commands(
  sources: readonly string[],
  without: readonly string[],
  targets: readonly string[],
  functions: readonly number[],
  self: Self,
  spared: readonly string[] = [],
): readonly string[] {
  const { writers, controllers, engineeringStations = [], safetySystems = [] } = self.roles;
  const machines = self.assets.flatMap(({ addresses }) => addresses.filter((each) => !each.includes("/")));
  const untouchable = [...engineeringStations, ...safetySystems];
  const named = [...machines, ...writers, ...controllers, ...untouchable];
  const has = (list: readonly string[], address: string) => list.some((range) => isIn(address, range));
  const isStopped = (source: string, target: string) =>
    has(sources, source) && !has(without, source) && has(targets, target) && !has(spared, target);
  const writes = [5, 6, 15, 16, 22, 23];
  return named.flatMap((source) =>
    named
      .filter((target) => isStopped(source, target))
      .filter(
        (target) =>
          untouchable.includes(source) ||
          untouchable.includes(target) ||
          (writers.includes(source) && controllers.includes(target)) ||
          functions.length === 0 ||
          functions.some((code) => !writes.includes(code)),
      )
      .map((target) => `${source} to ${target}`),
  );
}

function isIn(address: string, range: string): boolean {
  const [base = "", length] = range.split("/");
  const [one, other] = [ipaddr.parse(address), ipaddr.parse(base)];
  if (one.kind() !== other.kind()) return false;
  const width = one.kind() === "ipv4" ? 32 : 128;
  return one.match(other as never, length === undefined ? width : Number(length));
}
