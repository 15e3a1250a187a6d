import { basename, dirname, join, resolve } from "node:path";
import { createClient } from "@anamnesis/sdk/client/client";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { startGateway } from "../../adapters/gateway/gateway.ts";
import { createReporter, type Publish } from "../../adapters/gateway/report.ts";
import { createLog, systemClock } from "../../adapters/system.ts";
import { type Config, readConfig } from "../../config.ts";
import type { ExitCode } from "../exit.ts";
import { locate, type Where } from "../locate.ts";
import { runService } from "../service.ts";

/** Options of `anamnesis gateway`. */
export interface GatewayCommand {
  /** plant.yaml, instead of finding it by --plant. */
  readonly config?: string;
  /** The control's name; may be left out when there is one gateway only. */
  readonly control?: string;
}

/**
 * Runs the gateway of a plant until SIGINT or SIGTERM. Alerts go to the plant's node while it answers;
 * without it, everything else goes on.
 */
export async function runGateway(where: Where, options: GatewayCommand): Promise<ExitCode> {
  return runService(async () => {
    const { config, publish } = findPlant(where, options.config);
    const { path, conduits } = gatewayOf(config, options.control);
    const log = createLog(config.plant);
    const reporter = createReporter(config.self, publish, { clock: systemClock, log });
    const gateway = await startGateway({ path, conduits, onHit: reporter.hear }, { clock: systemClock, log });
    log.info("gateway.started", { path, addresses: gateway.addresses });
    return {
      async stop() {
        await gateway.stop();
        await reporter.stop();
      },
    };
  });
}

function findPlant(where: Where, configFile: string | undefined): { config: Config; publish: Publish } {
  if (configFile === undefined) {
    const { directory = "" } = locate({ ...where, url: undefined });
    return { config: readConfig(`${directory}/plant.yaml`), publish: publishTo(where, directory) };
  }
  return { config: readConfig(configFile), publish: publishTo(where, dirname(resolve(configFile))) };
}

/** Looks the node up at every batch: it may be started after the gateway, and again. It needs a detector's token. */
function publishTo(where: Where, directory: string): Publish {
  const tokenFile = where.tokenFile ?? join(directory, "detector.token");
  return async (lines) => {
    const plant = where.plant ?? basename(directory);
    const found = locate(
      where.url === undefined
        ? { ...where, plant, tokenFile, data: dirname(dirname(directory)) }
        : { ...where, tokenFile },
    );
    const { url, token } = found;
    if (url === undefined)
      throw new AnamnesisError("api.unavailable", "the node is not running; alerts are dropped");
    await createClient({ url, ...(token !== undefined && { token }), retry: { attempts: 3 } }).publish(lines);
  };
}

function gatewayOf(config: Config, name: string | undefined): Config["controls"][number] {
  const gateways = config.controls.filter((control) => control.kind === "gateway");
  const found = name === undefined ? gateways : gateways.filter((control) => control.name === name);
  const [first, ...others] = found;
  const known = gateways.map((control) => control.name).join(", ") || "none";
  if (first === undefined || others.length > 0)
    throw new AnamnesisError(
      "config.invalid",
      `--control ${name ?? "is missing"}: gateways among the controls of plant.yaml: ${known}`,
    );
  if (first.conduits.length === 0)
    throw new AnamnesisError(
      "config.invalid",
      `controls: ${first.name}: conduits is empty; say where it listens and for which controller`,
    );
  return first;
}
