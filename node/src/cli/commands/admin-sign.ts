import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { getAddress } from "ethers";
import type { Result } from "../program.ts";
import { numberOf } from "./admin-members.ts";
import { type AdminPlace, openSpeaker } from "./admin-place.ts";

/**
 * Signs the plant's configuration as the member account: writes plant.yaml.sig beside it.
 *
 * @throws AnamnesisError `config.invalid` | `keystore.*` | `signer.*`
 */
export async function signConfiguration(place: AdminPlace): Promise<Result> {
  const { config, governance } = place;
  if (config === undefined)
    throw new AnamnesisError(
      "config.invalid",
      "--plant is missing; name the plant whose plant.yaml is signed",
    );
  const speaker = await openSpeaker(place);
  if (speaker.how === "print")
    throw new AnamnesisError(
      "config.invalid",
      "a configuration is signed by a key; a contract cannot, so a plant of such a member warns and never blocks",
    );
  const member = numberOf(await governance.members(), speaker.address);
  const signature = await speaker.signer.signConfiguration(config.digest);
  const file = join(config.directory, "plant.yaml.sig");
  writeFileSync(file, `${JSON.stringify({ signer: speaker.address, signature })}\n`);
  return {
    json: { file, signer: speaker.address, member, digest: config.digest },
    raw: [file],
    human: (style) =>
      `${style.good("Signed")} by member ${member} (${getAddress(speaker.address)}): ${file}.\nStart the node again for it to hold.`,
  };
}
