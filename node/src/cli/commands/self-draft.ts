import type { TrafficFold } from "@anamnesis/sdk/learn/fold";
import type { LearntPart, ProposedEntry, SelfProposal } from "@anamnesis/sdk/learn/propose";
import { stringify } from "yaml";
import { clean } from "../output.ts";

/**
 * A proposal as a self.yaml. It is confirmed by nobody, and until somebody does the plant alerts only.
 *
 * Services stand in it as comments: a beacon looks the same as a service.
 */
export function draftOf(proposal: SelfProposal, fold: TrafficFold): string {
  const of = (part: LearntPart) => proposal.entries.filter((entry) => entry.part === part);
  const nameOf = nameAssets(proposal);
  const noted = ({ value, why, lastMs, evidence: [first] }: ProposedEntry) => ({
    value,
    seen: iso(lastMs),
    comment: `learnt: ${why}${first === undefined ? "" : `; ${first.file}:${first.line}`}`.slice(0, 500),
  });
  const assets = of("asset").map((entry) => {
    const mac = fold.macs.get(entry.value);
    return {
      name: nameOf(entry.value),
      addresses: [noted(entry)],
      ...(mac !== undefined && { macs: [mac] }),
    };
  });
  // A conduit says more than the role, and makes its beginning a writer by itself.
  const hasConduit = new Set(proposal.conduits.filter(({ writes }) => writes).map(({ from }) => from));
  const roles = Object.fromEntries(
    (["otNetwork", "writers", "controllers", "engineeringStations", "safetySystems"] as const).map((part) => [
      part,
      of(part)
        .filter(({ value }) => part !== "writers" || !hasConduit.has(value))
        .map(noted),
    ]),
  );
  const conduits = proposal.conduits.map(({ from, to, functions, count, lastMs, evidence: [first] }) => ({
    name: `${nameOf(from)} to ${nameOf(to)}`,
    from: [from],
    to: [to],
    protocol: "modbus",
    functions,
    seen: iso(lastMs),
    comment: `learnt: ${count} requests${first === undefined ? "" : `; from ${first.file}:${first.line}`}`,
  }));
  const services = proposal.heldBack
    .filter(({ reason }) => reason === "service")
    .map(({ value, names = [], text }) => ({
      name: names[0] ?? value,
      addresses: [value],
      domains: names,
      comment: text,
    }));
  return [
    "# Learnt from logs, and confirmed by nobody. Read every line; then say so in confirmedAt.",
    "# Until then this plant only alerts.",
    stringify({ confirmedAt: "1970-01-01T00:00:00Z", assets, roles, conduits }, { lineWidth: 0 }),
    ...(services.length === 0
      ? []
      : [
          "# Servers outside that the plant speaks to. A beacon looks the same: take over what the plant needs.",
          ...stringify({ services }, { lineWidth: 0 })
            .trimEnd()
            .split("\n")
            .map((line) => `# ${clean(line)}`),
          "",
        ]),
  ].join("\n");
}

/** Names by what a machine does: `controller 10.1.2.10`, `writer 10.1.2.20`, `host 10.1.5.50`. */
function nameAssets({ entries }: SelfProposal): (address: string) => string {
  const words: readonly (readonly [LearntPart, string])[] = [
    ["safetySystems", "safety controller"],
    ["controllers", "controller"],
    ["engineeringStations", "engineering station"],
    ["writers", "writer"],
  ];
  return (address) => {
    const role = words.find(([part]) => entries.some((one) => one.part === part && one.value === address));
    return `${role?.[1] ?? "host"} ${address}`;
  };
}

function iso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
