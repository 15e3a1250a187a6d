/**
 * Indicators as Suricata 7 rules, pure. Nothing of an indicator's text reaches a rule unescaped:
 * contents are letters, digits and hexadecimal, messages are ours.
 */
import { toCidrs } from "@anamnesis/sdk/core/address-set";
import { type CarvedPredicate, carve, compileBehaviour, MODBUS_WRITES } from "@anamnesis/sdk/core/compile";
import { stops } from "@anamnesis/sdk/core/policy";
import type { ActionClass, Behaviour, IndicatorForm, Observable, Self } from "@anamnesis/sdk/core/types";
import type { Compiled, Refusal, TrafficSet } from "../../ports.ts";
import { refuse, refuseObservable } from "./observable-plan.ts";
import { compileProtocol } from "./suricata-conduct.ts";

/** Where a rule's sid goes: `sid:@N`, N being the rule's place among the indicator's own, 0–7. */
export const SID_MARK = /sid:@([0-7]);/g;
/** Suricata refuses longer rules (DETECT_MAX_RULE_SIZE 8192). */
const LONGEST_RULE = 8000;
/** One alert per source in five minutes: an attack that repeats must not bury the operator. */
const LIMIT = "threshold:type limit,track by_src,count 1,seconds 300;";
const OPEN = { ports: [], functions: [] } as const;

/** Compiles for Suricata. Drops only what is asked for as block or above and is exactly a set. */
export function compileRules(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal {
  if (action === "observe") return refuse("plan.unsupported", "nothing is put in force to observe");
  // Suricata's drop takes the whole flow, so a request to refuse single commands is only watched.
  const isDrop = stops(action) && action !== "deny";
  const compiled =
    form.form === "behaviour"
      ? compileConduct(form.behaviour, isDrop, self)
      : compileObservable(form.observable, isDrop, self);
  if ("refused" in compiled) return compiled;
  const longest = Math.max(...compiled.statement.split("\n").map((line) => line.length));
  return longest <= LONGEST_RULE
    ? compiled
    : refuse("plan.unsupported", `a rule of ${longest} characters is too long; state Self as ranges`);
}

/**
 * A drop takes the flow with its reads, so machines of the plant that have a name are left out and
 * watched instead: what is dropped is what strangers in the OT network begin.
 */
function compileConduct(behaviour: Behaviour, isDrop: boolean, self: Self): Compiled | Refusal {
  if (behaviour.protocol !== "modbus") return compileProtocol(behaviour, self, rule);
  const predicate = compileBehaviour(behaviour, self);
  if ("refused" in predicate) return predicate;
  const { otNetwork, writers, controllers } = self.roles;
  const { table, functions } = behaviour;
  const isWholeTable = MODBUS_WRITES[table].every((code) => functions.includes(code));
  const matches = isWholeTable
    ? [`access write ${table === "coil" ? "coils" : "holding"}`]
    : functions.map((code) => `function ${code}`);
  const rulesOf = (verb: "alert" | "drop", spared: SparedSides, first: number): readonly string[] => {
    const from = [...otNetwork, ...[...writers, ...spared.source].map((each) => `!${each}`)].join(",");
    const to = [...controllers, ...spared.destination.map((each) => `!${each}`)].join(",");
    return matches.map((match, i) =>
      rule(
        `${verb} modbus [${from}] any -> [${to}] ${predicate.port}`,
        `Modbus write by a non-writer, ${match}`,
        `flow:to_server,established; modbus:${match};`,
        first + i,
        "target:dest_ip; ",
      ),
    );
  };
  const watch: Compiled = {
    action: "alert",
    statement: rulesOf("alert", NOBODY, 0).join("\n"),
    blocks: [],
    consequences: [],
  };
  if (!isDrop) return watch;
  const carved = carve(predicate, self, true);
  if ("refused" in carved) return { ...watch, consequences: [carved.reason] };
  const spared = { source: addressesOf(carved, "source"), destination: addressesOf(carved, "destination") };
  const isAll = carved.spared.length === 0;
  const drops = rulesOf("drop", spared, 0);
  const longest = Math.max(...drops.map((line) => line.length));
  if (longest > LONGEST_RULE)
    return {
      ...watch,
      consequences: [`a drop rule of ${longest} characters is too long; state Self as ranges`],
    };
  const set: TrafficSet = {
    sources: carved.sources.flatMap(toCidrs),
    destinations: carved.destinations.flatMap(toCidrs),
    ports: [predicate.port],
    functions: [],
  };
  return {
    action: "block",
    statement: [...drops, ...(isAll ? [] : rulesOf("alert", NOBODY, matches.length))].join("\n"),
    blocks: [set],
    consequences: [
      "the whole flow is dropped after the first such command, later reads of the same connection included",
      ...carved.spared.map(
        ({ side, address, what }) => `not dropped, only watched: ${side} ${address} (${what})`,
      ),
    ],
  };
}

type SparedSides = Readonly<Record<"source" | "destination", readonly string[]>>;
const NOBODY: SparedSides = { source: [], destination: [] };

function addressesOf({ spared }: CarvedPredicate, side: keyof SparedSides): readonly string[] {
  return [...new Set(spared.filter((each) => each.side === side).map(({ address }) => address))];
}

function compileObservable(observable: Observable, wantsDrop: boolean, self: Self): Compiled | Refusal {
  const refusal = refuseObservable(observable, self);
  if (refusal !== undefined) return refusal;
  const { kind, value } = observable;
  const alertOnly = (statement: string): Compiled => ({
    action: "alert",
    statement,
    blocks: [],
    consequences: [],
  });
  switch (kind) {
    case "ipv4-addr":
    case "ipv6-addr": {
      const verb = wantsDrop ? "drop" : "alert";
      const statement = [
        rule(
          `${verb} ip ${value} any -> any any`,
          "traffic from a known attacker",
          "",
          0,
          "target:dest_ip; ",
        ),
        rule(`${verb} ip any any -> ${value} any`, "traffic to a known attacker", "", 1, "target:src_ip; "),
      ].join("\n");
      if (!wantsDrop) return alertOnly(statement);
      const blocks = [
        { ...OPEN, sources: [value], destinations: ["any"] },
        { ...OPEN, sources: ["any"], destinations: [value] },
      ];
      return {
        action: "block",
        statement,
        blocks,
        consequences: [`all packets from and to ${value} are dropped`],
      };
    }
    case "domain-name": {
      const verb = wantsDrop ? "drop" : "alert";
      const suffix = `dotprefix; content:"${escapeContent(`.${value}`)}"; `;
      const statement = [
        rule(
          `${verb} dns any any -> any any`,
          "lookup of a known name",
          `dns.query; ${suffix}nocase; endswith;`,
          0,
        ),
        rule(
          `${verb} tls any any -> any any`,
          "TLS to a known name",
          `flow:to_server,established; tls.sni; ${suffix}nocase; endswith;`,
          1,
          "target:src_ip; ",
        ),
        rule(
          `${verb} http any any -> any any`,
          "HTTP to a known name",
          `flow:to_server,established; http.host; ${suffix}endswith;`,
          2,
          "target:src_ip; ",
        ),
      ].join("\n");
      if (!wantsDrop) return alertOnly(statement);
      const blocks = [{ ...OPEN, sources: [], destinations: [], names: [value] }];
      return {
        action: "block",
        statement,
        blocks,
        consequences: [`look-ups and connections by the name ${value} and below are dropped`],
      };
    }
    case "url":
      return compileUrl(value, alertOnly);
    case "file":
      // The hash is known when the file has passed, so it can only be watched for.
      return alertOnly(`filesha256 ${value}`);
    case "ja3":
      return alertOnly(
        rule(
          "alert tls any any -> any any",
          "TLS client fingerprint",
          `ja3.hash; content:"${escapeContent(value)}";`,
          0,
          "target:dest_ip; ",
        ),
      );
    case "ja4":
      return refuse("plan.unsupported", "Suricata 7 has no rule keyword for JA4");
  }
}

function compileUrl(value: string, alertOnly: (statement: string) => Compiled): Compiled | Refusal {
  const [, scheme, host, path] = /^(https?):\/\/([^/?#@:]+)(?::\d+)?([/?][^#]*)?$/.exec(value) ?? [];
  if (scheme !== "http" || host === undefined) {
    return refuse("plan.unsupported", "only the path of a plain http URL can be seen");
  }
  const uri = path === undefined ? "/" : path.startsWith("?") ? `/${path}` : path;
  const match = [
    "flow:to_server,established;",
    `http.host; content:"${escapeContent(host.toLowerCase())}"; startswith; endswith;`,
    `http.uri.raw; content:"${escapeContent(uri)}"; startswith; endswith;`,
  ].join(" ");
  return alertOnly(
    rule("alert http any any -> any any", "request of a known URL", match, 0, "target:src_ip; "),
  );
}

function rule(
  header: string,
  message: string,
  match: string,
  place: number,
  target = "",
  metadata = "",
  limit = `${LIMIT} `,
): string {
  const options = match === "" ? "" : `${match} `;
  return `${header} (msg:"ANAMNESIS ${message}"; ${options}${limit}${target}metadata:anamnesis @ID${metadata}; sid:@${place}; rev:1;)`;
}

/** A content string of letters, digits, `.`, `-`, `_` and `/`; everything else as hexadecimal. */
export function escapeContent(text: string): string {
  let out = "";
  let hex: string[] = [];
  const flush = (): void => {
    if (hex.length > 0) out += `|${hex.join(" ")}|`;
    hex = [];
  };
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    if (/[A-Za-z0-9._/-]/.test(char)) {
      flush();
      out += char;
    } else hex.push(byte.toString(16).padStart(2, "0"));
  }
  flush();
  return out;
}
