/** What `node init` fills in. */
export interface TemplateValues {
  readonly plant: string;
  readonly chain: string;
  readonly httpPort: number;
  readonly peersPort: number;
  /** Undefined: the environment has the password. */
  readonly passwordFile: string | undefined;
  /** Seconds, UTC. */
  readonly confirmedAt: string;
}

/** A configuration that starts as it is, senses nothing and touches nothing, with the rest as comments. */
export function plantTemplate(values: TemplateValues): string {
  const text = JSON.stringify;
  return `# This plant's node. Paths are relative to this file. The member account signs the whole file
# (plant.yaml.sig); unsigned, nothing above alert is ever done.
plant: ${text(values.plant)}
environment: production

http:
  host: 127.0.0.1
  port: ${values.httpPort}

peers:
  listen: "0.0.0.0:${values.peersPort}"
  dial: [] # other plants: /dns4/plant-b.example/tcp/9801

chain:
  urls: [${text(values.chain)}] # the preferred node first, then those to fall back on
  consortium: consortium.json # from the consortium's foundation: addresses and hashes
  relayKey: relay.key # pays for transactions; has no authority. Several: [relay.key, relay-2.key]
#  blockPeriodSeconds: 2 # three of them without a block while something waits are an alarm
#  emptyBlockPeriodSeconds: 60 # the same while nothing waits

keystore:
  path: node.keystore.json
  ${passwordLine(values.passwordFile)}

# Where \`anamnesis admin\` finds the member account, if it is to be used from here at all: a signer that
# speaks web3signer's JSON-RPC, or a keystore (password in ANAMNESIS_ACCOUNT_PASSWORD or passwordFile).
# member: { account: "0x1111111111111111111111111111111111111111", signer: "https://signer.example:9000" }

# blindingKey: blinding.key # fetched from an active peer when the file does not exist

detectors: []
#  - name: ids
#    format: eve
#    path: /var/log/suricata/eve.json

# What may leave the plant. Nothing does before somebody releases it, except classes listed here.
release:
  automatic: []
#   - { class: observable, minSeverity: 70 }
  tlp: amber

# Ordinary traffic of this plant, against which a peer's indicators are tested before they are supported.
validation:
  benign: []
#   - /var/lib/anamnesis/benign.eve.json.gz

# Phases: learning (nothing), shadow (what would be done), protecting.
controls: []
#  - { name: edge-list, kind: edl, level: 4, phase: shadow, path: controls/edge.txt }
#  - { name: cell-rules, kind: suricata, level: 3, phase: learning, path: controls/anamnesis.rules }

# At level 3.5 and below, what may be done above alert without asking each time.
standing: []
#  - { name: "Modbus writers", class: modbus-write-by-non-writer, controls: [cell-rules], action: deny, maxHours: 24, until: 2027-06-30T00:00:00Z }

budget:
  blocksPerHour: 10
  expiryHours: 24

# What belongs to this plant and must never be blocked. Confirm it at least every 30 days.
self:
  confirmedAt: ${values.confirmedAt}
  assets: []
#   - { name: plc-1, addresses: [10.1.0.10] }
  domains: []
  roles:
    otNetwork: []
    writers: [] # who may write to controllers
    controllers: []
  services: []
  files: []
`;
}

function passwordLine(file: string | undefined): string {
  if (file === undefined) return "# the password is in ANAMNESIS_KEYSTORE_PASSWORD; or passwordFile: FILE";
  return `passwordFile: ${JSON.stringify(file)} # or leave it out and set ANAMNESIS_KEYSTORE_PASSWORD`;
}
