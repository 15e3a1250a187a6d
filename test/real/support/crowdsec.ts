/** CrowdSec's configuration in a folder of its own: nothing of this machine's, and nothing online. */
import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const OWN = fileURLToPath(new URL("../crowdsec", import.meta.url));

/** A node's API, and the token of role detector. */
export interface CrowdsecReceiver {
  readonly url: string;
  readonly token: string;
}

/** What CrowdSec follows, and where it listens and tells, on loopback. */
export interface CrowdsecPlaces {
  readonly eve: string;
  /** To whom its HTTP plugin posts alerts; without it there is no plugin, and nothing but the hub's own items. */
  readonly receiver?: CrowdsecReceiver;
  /** Port of its local API. */
  readonly api: number;
}

/**
 * A folder as CrowdSec wants it: the hub's parser and scenarios for Suricata and, with a receiver, a parser and
 * a scenario for Modbus as a plant would add them. `root` is where its package is unpacked.
 * @returns the configuration's path
 */
export function writeCrowdsecConfig(
  root: string,
  work: string,
  { eve, receiver, api }: CrowdsecPlaces,
): string {
  const hub = join(root, "usr/share/crowdsec/hub");
  const etc = join(work, "etc");
  for (const folder of [
    ...["parsers/s00-raw", "parsers/s01-parse", "parsers/s02-enrich", "scenarios", "notifications"].map(
      (name) => join(etc, name),
    ),
    join(work, "data"),
    join(work, "plugins"),
  ])
    mkdirSync(folder, { recursive: true });
  cpSync(join(root, "etc/crowdsec/patterns"), join(etc, "patterns"), { recursive: true });
  for (const item of [
    "parsers/s00-raw/crowdsecurity/syslog-logs.yaml",
    "parsers/s01-parse/crowdsecurity/suricata-logs.yaml",
    "parsers/s02-enrich/crowdsecurity/dateparse-enrich.yaml",
    "scenarios/crowdsecurity/suricata-alerts.yaml",
  ])
    symlinkSync(join(hub, item), join(etc, item.replace("crowdsecurity/", "")));
  if (receiver === undefined) writeFileSync(join(etc, "profiles.yaml"), "name: nobody\nfilters: ['false']\n");
  else {
    copyFileSync(join(OWN, "modbus-parser.yaml"), join(etc, "parsers/s01-parse/modbus.yaml"));
    copyFileSync(join(OWN, "modbus-scenario.yaml"), join(etc, "scenarios/modbus.yaml"));
    copyFileSync(join(OWN, "profiles.yaml"), join(etc, "profiles.yaml"));
    // Plugins are told apart by their names, as type-name.
    cpSync(join(root, "usr/lib/crowdsec/plugins/http"), join(work, "plugins/notification-http"));
    writeFileSync(
      join(etc, "notifications/http.yaml"),
      JSON.stringify({
        type: "http",
        name: "node",
        log_level: "info",
        format: "{{.|toJson}}",
        url: `${receiver.url}/api/v1/detections`,
        method: "POST",
        headers: { Authorization: `Bearer ${receiver.token}`, "Content-Type": "application/x-ndjson" },
      }),
    );
  }
  writeFileSync(join(etc, "simulation.yaml"), "simulation: off\n");
  writeFileSync(join(etc, "credentials.yaml"), "");
  writeFileSync(join(work, "acquis.yaml"), `filenames: [${eve}]\nlabels: {type: suricata-evelogs}\n`);
  const config = join(work, "crowdsec.yaml");
  writeFileSync(
    config,
    JSON.stringify({
      common: { daemonize: false, log_media: "stdout", log_level: "info", working_dir: work },
      config_paths: {
        config_dir: etc,
        data_dir: join(work, "data"),
        simulation_path: join(etc, "simulation.yaml"),
        hub_dir: hub,
        index_path: join(hub, ".index.json"),
        notification_dir: join(etc, "notifications"),
        plugin_dir: join(work, "plugins"),
      },
      crowdsec_service: { acquisition_path: join(work, "acquis.yaml"), parser_routines: 1 },
      cscli: { output: "json" },
      db_config: { log_level: "info", type: "sqlite", db_path: join(work, "data/crowdsec.db") },
      plugin_config: { user: userInfo().username, group: userInfo().username },
      api: {
        client: { credentials_path: join(etc, "credentials.yaml") },
        server: {
          log_level: "info",
          listen_uri: `127.0.0.1:${api}`,
          profiles_path: join(etc, "profiles.yaml"),
        },
      },
      prometheus: { enabled: false },
    }),
  );
  return config;
}
