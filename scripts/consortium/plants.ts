/* The plants of a local consortium: a directory each with key, configuration, signature and tokens. */
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { signDigest } from "@anamnesis/sdk/core/signature";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import { stringify } from "yaml";
import type { Account } from "./accounts.ts";
import { openAccount, openPassword } from "./accounts.ts";

/** One plant of the local consortium. */
export interface LocalPlant {
  /** A, B, C … */
  readonly letter: string;
  readonly directory: string;
  readonly node: Account;
  readonly http: number;
  readonly peer: number;
}

/** A plant's cell, where a gateway stands before a controller. */
export interface CellSettings {
  readonly network: string;
  readonly controller: string;
  /** The only writer. */
  readonly hmi: string;
  /** A machine of the network without any role. */
  readonly attacker: string;
  /** Where the gateway stands in for the controller, and where the controller is. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly upstream: { readonly host: string; readonly port: number };
  /** Whether a standing change lets the gateway refuse commands. */
  readonly isEnforcing: boolean;
}

/** What differs between a first look and a bench. */
export interface PlantSettings {
  /** The plant's cell, when it has one. */
  readonly cell?: CellSettings;
  /** False: nothing leaves the plant. */
  readonly isSharing?: boolean;
  /** False: no standing change, so conduits do no more than alert. */
  readonly isStanding?: boolean;
  readonly chainUrl: string;
  /** More than one address of the chain, the preferred one first. */
  readonly chainUrls?: readonly string[];
  readonly consortiumFile: string;
  readonly blocksPerHour: number;
  /** Ranges that stand for the Internet. */
  readonly labPublic: readonly string[];
  /** Absolute path of the recorded benign traffic of plants A to D. */
  readonly benignDirectory: string;
}

/** Opens or creates a plant's directory with its node key. */
export async function openPlant(
  root: string,
  index: number,
  ports: { http: number; peer: number },
): Promise<LocalPlant> {
  const letter = String.fromCharCode(65 + index);
  const directory = join(root, "plants", letter.toLowerCase());
  await mkdir(join(directory, "controls"), { recursive: true, mode: 0o700 });
  const password = await openPassword(directory);
  const node = await openAccount(directory, "node", password);
  await openAccount(directory, "relay", password);
  return { letter, directory, node, ...ports };
}

/** Writes a plant's configuration, signed by its member account, and its tokens. */
export async function configurePlant(
  plant: LocalPlant,
  others: readonly LocalPlant[],
  member: Account,
  hasher: TypedDataHasher,
  settings: PlantSettings,
): Promise<void> {
  const { directory } = plant;
  const relay = await openAccount(directory, "relay", await openPassword(directory));
  await writeFile(join(directory, "relay.key"), `${toHex(relay.key)}\n`, { mode: 0o600 });
  const text =
    HEADER +
    stringify(configuration(plant, others, settings, await confirmedAt(directory)), { lineWidth: 0 });
  const bytes = Buffer.from(text);
  const digest = toHex(createHash("sha256").update(bytes).digest()) as Bytes32;
  await writeFile(join(directory, "plant.yaml"), bytes);
  const signature = {
    signer: member.address satisfies Address,
    signature: signDigest(hasher.configuration(digest), member.key),
  };
  await writeFile(join(directory, "plant.yaml.sig"), `${JSON.stringify(signature)}\n`);
  await writeTokens(directory);
}

const HEADER = `# Written and signed by the launcher at every start of the local consortium: a change here is
# overwritten there. In a real plant the member account signs this file (plant.yaml.sig beside it).
`;

/** Self is confirmed when the launcher writes it first, and again when that was more than a week ago. */
async function confirmedAt(directory: string): Promise<string> {
  const path = join(directory, "self.confirmed");
  const held = await readFile(path, "utf8").catch(() => "");
  const age = Date.now() - Date.parse(held);
  if (age >= 0 && age < 7 * 86_400_000) return held;
  const now = new Date().toISOString();
  await writeFile(path, now);
  return now;
}

async function writeTokens(directory: string): Promise<void> {
  const tokens: { role: string; name?: string; sha256: string }[] = [];
  // Two people approve what stops anything below the edge: the second one has a token of their own.
  for (const [name, role] of [
    ["operator", "operator"],
    ["approver", "operator"],
    ["detector", "detector"],
  ] as const) {
    const path = join(directory, `${name}.token`);
    let token = (await readFile(path, "utf8").catch(() => "")).trim();
    if (token === "") {
      token = randomBytes(24).toString("base64url");
      await writeFile(path, `${token}\n`, { mode: 0o600 });
      await chmod(path, 0o600);
    }
    tokens.push({
      role,
      ...(role === "operator" && { name }),
      sha256: createHash("sha256").update(token).digest("hex"),
    });
  }
  await writeFile(join(directory, "tokens.json"), `${JSON.stringify(tokens)}\n`, { mode: 0o600 });
}

/** Plants A to D are the recorded ones; further plants are built like them, again from A on. */
function configuration(
  plant: LocalPlant,
  others: readonly LocalPlant[],
  settings: PlantSettings,
  confirmed: string,
) {
  const recorded = (plant.letter.charCodeAt(0) - 65) % 4;
  const net = `10.${recorded + 1}`;
  const { cell, isSharing = true, isStanding = true } = settings;
  const benign = `plant-${String.fromCharCode(97 + recorded)}.eve.json.gz`;
  const ofCell = (what: "network" | "controller" | "hmi"): string[] =>
    cell === undefined ? [] : [cell[what]];
  return {
    plant: plant.letter,
    environment: "lab",
    data: "store",
    http: { host: "127.0.0.1", port: plant.http },
    peers: {
      listen: `127.0.0.1:${plant.peer}`,
      dial: others.map((other) => `/ip4/127.0.0.1/tcp/${other.peer}`),
    },
    chain: {
      urls: settings.chainUrls ?? [settings.chainUrl],
      consortium: settings.consortiumFile,
      relayKey: "relay.key",
    },
    keystore: { path: "node.json", passwordFile: "password" },
    blindingKey: "blinding.key",
    detectors: [{ name: "suricata", format: "eve", path: "eve.json" }],
    release: {
      automatic: isSharing
        ? [
            { class: "observable", minSeverity: 30 },
            { class: "modbus-write-by-non-writer", minSeverity: 30 },
          ]
        : [],
      tlp: "amber",
      validityDays: 30,
    },
    validation: { benign: [join(settings.benignDirectory, benign)], minEvents: 1000, minHours: 0.9 },
    controls: [
      { name: "edge-list", kind: "edl", level: 4, phase: "protecting", path: "controls/edge.edl" },
      { name: "edge-firewall", kind: "nftables", level: 4, phase: "protecting", path: "controls/edge.nft" },
      {
        name: "conduit-ips",
        kind: "suricata",
        level: 2,
        phase: "protecting",
        path: "controls/conduit.rules",
      },
      ...(cell === undefined ? [] : [gatewayOf(cell)]),
    ],
    standing: isStanding ? standingChanges(cell) : [],
    budget: { blocksPerHour: settings.blocksPerHour, expiryHours: 24 },
    lab: { public: settings.labPublic },
    self: {
      confirmedAt: confirmed,
      assets: [
        { name: "plc", addresses: [`${net}.2.10`, ...ofCell("controller")] },
        { name: "hmi", addresses: [`${net}.2.20`, ...ofCell("hmi")] },
        { name: "engineering station", addresses: [`${net}.2.30`] },
        { name: "historian", addresses: [`${net}.2.40`] },
        { name: "workstation", addresses: [`${net}.5.50`] },
        { name: "remote access gateway", addresses: [`${net}.5.80`] },
      ],
      domains: ["plant.example"],
      roles: {
        otNetwork: [`${net}.2.0/24`, ...ofCell("network")],
        writers: [`${net}.2.20`, `${net}.2.30`, ...ofCell("hmi")],
        controllers: [`${net}.2.10`, ...ofCell("controller")],
      },
      services: [
        { name: "vendor support", addresses: ["198.51.100.10"], domains: ["support.vendor.example"] },
        { name: "resolver", addresses: ["198.51.100.53"], domains: [] },
      ],
    },
  };
}

function gatewayOf({ listen, controller, upstream }: CellSettings) {
  const text = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
  return {
    name: "cell-gateway",
    kind: "gateway",
    level: 2,
    phase: "protecting",
    path: "controls/cell.rules",
    conduits: [{ listen: text(listen), controller, upstream: text(upstream) }],
  };
}

/** What the member lets its conduits do by themselves. */
function standingChanges(cell: CellSettings | undefined) {
  const common = { class: "modbus-write-by-non-writer", maxHours: 24, until: "2099-01-01T00:00:00Z" };
  return [
    {
      ...common,
      name: "drop writes of strangers to controllers",
      controls: ["conduit-ips"],
      action: "block",
    },
    ...(cell?.isEnforcing === true
      ? [
          {
            ...common,
            name: "refuse single writes of strangers at the cell's gateway",
            controls: ["cell-gateway"],
            action: "deny",
          },
        ]
      : []),
  ];
}
