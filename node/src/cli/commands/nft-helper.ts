import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { createLog } from "../../adapters/system.ts";
import { type Config, readConfig } from "../../config.ts";
import { startNftHelper } from "../../helper/nft-helper.ts";
import type { ExitCode } from "../exit.ts";
import { runService } from "../service.ts";

/** Options of `anamnesis nft-helper`. */
export interface NftHelperCommand {
  /** plant.yaml. It and what it names belong to root: who can write them decides what is never blocked. */
  readonly config: string;
  /** The control's name; may be left out when there is one nftables control with a helper only. */
  readonly control?: string;
}

/** Runs the helper of an nftables control until SIGINT or SIGTERM. */
export async function runNftHelper({ config: file, control }: NftHelperCommand): Promise<ExitCode> {
  return runService(async () => {
    const config = readConfig(file);
    const socket = socketOf(config, control);
    const log = createLog(config.plant);
    let known = config;
    const self = () => {
      const now = readConfig(file);
      // The same object as long as it says the same: what the checker prepared of it stays.
      if (now.digest !== known.digest) known = now;
      return known.self;
    };
    const helper = await startNftHelper({ socket, self, log });
    log.info("helper.started", { socket });
    return helper;
  });
}

function socketOf({ controls }: Config, name: string | undefined): string {
  const helped = controls.filter(({ kind, helper }) => kind === "nftables" && helper !== undefined);
  const [first, ...others] = name === undefined ? helped : helped.filter((control) => control.name === name);
  if (first?.helper === undefined || others.length > 0)
    throw new AnamnesisError(
      "config.invalid",
      `--control ${name ?? "is missing"}: nftables controls with a helper in plant.yaml: ${helped.map((each) => each.name).join(", ") || "none"}`,
    );
  return first.helper;
}
