/** Everything that n companies need before the first block, as files by path. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { blindingKeyHash } from "@anamnesis/sdk/core/ids";
import type { Address, Bytes32, Parameters } from "@anamnesis/sdk/core/types";
import { TRUST_FORMAT, type Trust } from "@anamnesis/sdk/evidence/types";
import { stringify as stringifyYaml } from "yaml";
import { besuCompose, besuGenesis, besuPermissions, besuToml, besuUnit } from "./besu.ts";
import { type ChainIdentity, enodeOf, identityOf, keyText } from "./chain-key.ts";
import type { ConsortiumPlan, PlannedCompany, PlannedNode, PlannedPlant } from "./plan.ts";

/** A file to be written; `secret` means mode 0600. */
export interface PlannedFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly secret?: true;
}

/** What chance and the clock contribute; identities and keys by node name. */
export interface PlanInputs {
  readonly identities: ReadonlyMap<string, ChainIdentity>;
  /** Keys that were generated here; a node that sent a request has none. */
  readonly keys: ReadonlyMap<string, Uint8Array>;
  /** 32 bytes: deploys the contracts and has no power afterwards. */
  readonly deployerKey: Uint8Array;
  /** 32 bytes: K of DESIGN §4. */
  readonly blindingKey: Uint8Array;
  readonly timestampSeconds: number;
}

/** foundation/founding.json: what the contracts are deployed with. */
export interface FoundingFile {
  readonly consortium: string;
  readonly chainId: number;
  /** Member accounts, numbered from 1 in this order. */
  readonly founders: readonly Address[];
  readonly parameters: Parameters;
  readonly votingPeriodSeconds: number;
  /** SHA-256 of the blinding key. */
  readonly blindingKeyHash: Bytes32;
}

/** trust.json before the founding, which adds the genesis hash and the contracts. */
export type UnfoundedTrust = Pick<Trust, "format" | "chainId" | "validators" | "epochBlocks">;

/** All files of a plan. */
export function planFiles(plan: ConsortiumPlan, inputs: PlanInputs): PlannedFile[] {
  const nodes = plan.companies.flatMap((company) => company.nodes);
  const identity = (node: PlannedNode) => inputs.identities.get(node.name) as ChainIdentity;
  const validators = nodes.filter(({ validator }) => validator).map((node) => identity(node).address);
  const genesis = json(besuGenesis(plan, validators, inputs.timestampSeconds));
  const enodes = nodes.map((node) => enodeOf(identity(node), node.ip, node.port));
  const deployer = identityOf(inputs.deployerKey).address;
  const accounts = plan.companies.flatMap(({ account, plants }) => [
    account,
    ...plants.flatMap(({ relay }) => relay),
  ]);
  const permissions = besuPermissions(enodes, [deployer, ...accounts]);
  const trust: UnfoundedTrust = {
    format: TRUST_FORMAT,
    chainId: plan.chainId,
    validators: [{ block: 0, addresses: [...validators].sort() }],
    epochBlocks: plan.chain.epochBlocks,
  };
  const founding: FoundingFile = {
    consortium: plan.name,
    chainId: plan.chainId,
    founders: plan.companies.map(({ account }) => account),
    parameters: plan.parameters,
    votingPeriodSeconds: Math.round(plan.votingPeriodHours * 3600),
    blindingKeyHash: blindingKeyHash(inputs.blindingKey),
  };
  return [
    { path: "genesis.json", text: genesis },
    { path: "trust.json", text: json(trust) },
    { path: "foundation/founding.json", text: json(founding) },
    { path: "foundation/deployer.key", text: keyText(inputs.deployerKey), secret: true },
    { path: "foundation/blinding.key", text: `${toHex(inputs.blindingKey)}\n`, secret: true },
    ...plan.companies.flatMap((company) => [
      ...company.nodes.flatMap((node) =>
        nodeFiles(plan, company, node, { genesis, permissions, enodes, inputs }),
      ),
      ...company.plants.flatMap((plant) => plantFiles(plan, company, plant)),
    ]),
  ];
}

function nodeFiles(
  plan: ConsortiumPlan,
  company: PlannedCompany,
  node: PlannedNode,
  shared: { genesis: string; permissions: string; enodes: readonly string[]; inputs: PlanInputs },
): PlannedFile[] {
  const at = (name: string) => `${company.name}/${node.name}/${name}`;
  const key = shared.inputs.keys.get(node.name);
  return [
    { path: at("genesis.json"), text: shared.genesis },
    { path: at("besu.toml"), text: besuToml(node) },
    { path: at("static-nodes.json"), text: json(shared.enodes) },
    { path: at("permissions.toml"), text: shared.permissions },
    { path: at("compose.yaml"), text: besuCompose(node) },
    { path: at("besu.service"), text: besuUnit(plan, node) },
    ...(key === undefined ? [] : [{ path: at("key"), text: keyText(key), secret: true } as const]),
  ];
}

function plantFiles(plan: ConsortiumPlan, company: PlannedCompany, plant: PlannedPlant): PlannedFile[] {
  const at = (name: string) => `${company.name}/${plant.name}/${name}`;
  const others = plan.companies.flatMap((each) => each.plants).filter((each) => each !== plant);
  const sections = {
    peers: {
      listen: `0.0.0.0:${plant.peer.port}`,
      dial: others.map(({ peer }) => `/${peer.ip.includes(":") ? "ip6" : "ip4"}/${peer.ip}/tcp/${peer.port}`),
    },
    chain: {
      urls: company.nodes.map(
        ({ rpc }) => `http://${rpc.ip.includes(":") ? `[${rpc.ip}]` : rpc.ip}:${rpc.port}`,
      ),
      consortium: "consortium.json",
      relayKey: plant.relay.map((_, i) => (i === 0 ? "relay.key" : `relay-${i + 1}.key`)),
      blockPeriodSeconds: plan.chain.blockPeriodSeconds,
      emptyBlockPeriodSeconds: plan.chain.emptyBlockPeriodSeconds,
    },
  };
  return [
    {
      path: at("plant-sections.yaml"),
      text: `# Put these sections in place of those in the plant.yaml of ${plant.name}, and sign the file again.\n${stringifyYaml(sections)}`,
    },
    { path: at("anamnesis.service"), text: plantUnit(plan, plant) },
  ];
}

function plantUnit(plan: ConsortiumPlan, plant: PlannedPlant): string {
  return `[Unit]
Description=Anamnesis node of plant ${plant.name} in the consortium ${plan.name}
Wants=network-online.target
After=network-online.target

[Service]
User=anamnesis
ExecStart=/usr/bin/anamnesis node start --config /etc/anamnesis/plants/${plant.name}/plant.yaml
Restart=on-failure
RestartSec=5
NoNewPrivileges=true
PrivateTmp=true
ProtectHome=true
ProtectSystem=strict
ReadWritePaths=/etc/anamnesis/plants/${plant.name}

[Install]
WantedBy=multi-user.target
`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
