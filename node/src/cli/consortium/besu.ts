/** What Hyperledger Besu (26.7.1 or newer) reads: genesis, options, allowlists, and how it is started. */
import type { Address } from "@anamnesis/sdk/core/types";
import { stringify as stringifyYaml } from "yaml";
import { genesisExtraData } from "./extra-data.ts";
import type { ConsortiumPlan, PlannedNode } from "./plan.ts";

/** The oldest release that these files are written for. */
export const BESU_VERSION = "26.7.1";

/** keccak256("Istanbul practical byzantine fault tolerance"). */
const BFT_MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365";
const CONFIG = "/etc/besu";
const DATA = "/var/lib/besu";

/** genesis.json: QBFT in header mode, Cancun from the first block, no base fee, nobody owns anything. */
export function besuGenesis(
  plan: ConsortiumPlan,
  validators: readonly Address[],
  timestampSeconds: number,
): unknown {
  const { chain } = plan;
  return {
    config: {
      chainId: plan.chainId,
      berlinBlock: 0,
      londonBlock: 0,
      shanghaiTime: 0,
      cancunTime: 0,
      zeroBaseFee: true,
      qbft: {
        epochlength: chain.epochBlocks,
        blockperiodseconds: chain.blockPeriodSeconds,
        emptyblockperiodseconds: chain.emptyBlockPeriodSeconds,
        requesttimeoutseconds: chain.requestTimeoutSeconds,
      },
    },
    nonce: "0x0",
    timestamp: `0x${timestampSeconds.toString(16)}`,
    extraData: genesisExtraData(validators),
    gasLimit: `0x${chain.gasLimit.toString(16)}`,
    difficulty: "0x1",
    mixHash: BFT_MIX_HASH,
    coinbase: `0x${"0".repeat(40)}`,
    alloc: {},
  };
}

/** besu.toml of one node. */
export function besuToml(node: PlannedNode): string {
  const lines: readonly (readonly [string, unknown] | string)[] = [
    `# Options of node ${node.name}, for Besu ${BESU_VERSION} or newer.`,
    ["data-path", DATA],
    ["genesis-file", `${CONFIG}/genesis.json`],
    "# Take this line out when a security module holds the key.",
    ["node-private-key-file", `${CONFIG}/key`],
    ["sync-mode", "FULL"],
    node.archive
      ? "# Every state is kept, so that proofs of old blocks can be had."
      : "# Only the newest states are kept: old proofs come from the archive nodes.",
    ["data-storage-format", node.archive ? "FOREST" : "BONSAI"],
    ["p2p-host", node.ip],
    ["p2p-port", node.port],
    ["discovery-enabled", false],
    ["static-nodes-file", `${CONFIG}/static-nodes.json`],
    ["permissions-nodes-config-file-enabled", true],
    ["permissions-nodes-config-file", `${CONFIG}/permissions.toml`],
    ["permissions-accounts-config-file-enabled", true],
    ["permissions-accounts-config-file", `${CONFIG}/permissions.toml`],
    "# For this company's plants only: keep other networks out by firewall.",
    ["rpc-http-enabled", true],
    ["rpc-http-host", node.rpc.ip],
    ["rpc-http-port", node.rpc.port],
    ["rpc-http-api", ["ETH", "NET", "WEB3", "QBFT", "TXPOOL"]],
    ["host-allowlist", [...new Set(["localhost", "127.0.0.1", node.rpc.ip])]],
    ["rpc-max-logs-range", 5000],
    "# Gas costs nothing here, and accounts own nothing.",
    ["min-gas-price", 0],
    ["tx-pool", "sequenced"],
    ["tx-pool-enable-balance-check", false],
  ];
  return lines
    .map((line) => (typeof line === "string" ? line : `${line[0]}=${toml(line[1])}`))
    .join("\n")
    .concat("\n");
}

/** permissions.toml: which nodes may connect and which accounts may send. The same at every node. */
export function besuPermissions(enodes: readonly string[], accounts: readonly Address[]): string {
  const list = (values: readonly string[]) => `[\n${values.map((value) => `  ${toml(value)},\n`).join("")}]`;
  return `nodes-allowlist=${list(enodes)}\naccounts-allowlist=${list(accounts)}\n`;
}

/** compose.yaml of one node, beside its files. */
export function besuCompose(node: PlannedNode): string {
  return stringifyYaml({
    services: {
      [node.name]: {
        image: `hyperledger/besu:${BESU_VERSION}`,
        command: [`--config-file=${CONFIG}/besu.toml`],
        network_mode: "host",
        restart: "unless-stopped",
        volumes: [`.:${CONFIG}:ro`, `${node.name}-data:${DATA}`],
        ulimits: { nofile: 65_536 },
      },
    },
    volumes: { [`${node.name}-data`]: {} },
  });
}

/** besu.service of one node, for machines without containers. */
export function besuUnit(plan: ConsortiumPlan, node: PlannedNode): string {
  return `[Unit]
Description=Chain node ${node.name} of the consortium ${plan.name}
Wants=network-online.target
After=network-online.target

[Service]
User=besu
ExecStart=/opt/besu/bin/besu --config-file=${CONFIG}/besu.toml
Restart=on-failure
RestartSec=5
LimitNOFILE=65536
NoNewPrivileges=true
PrivateTmp=true
ProtectHome=true
ProtectSystem=strict
ReadWritePaths=${DATA}

[Install]
WantedBy=multi-user.target
`;
}

/** A value in TOML's terms; JSON's strings, numbers, booleans and lists of strings are TOML's, too. */
function toml(value: unknown): string {
  return JSON.stringify(value);
}
