import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, Hex, MemberNumber } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import { configurationData } from "../../adapters/chain/account-remote.ts";
import { isSignedByContract, parseContractSignature } from "../../adapters/chain/contract-signature.ts";
import type { Config } from "../../config.ts";
import type { Result } from "../program.ts";
import { numberOf } from "./admin-members.ts";
import { type AdminPlace, openSpeaker } from "./admin-place.ts";

/**
 * Signs the plant's configuration as the member account: writes plant.yaml.sig beside it. For a contract it
 * shows what its owners sign, and takes what they made of it once the contract calls it its own (EIP-1271).
 *
 * @throws AnamnesisError `config.invalid` | `keystore.*` | `signer.*`
 */
export async function signConfiguration(
  place: AdminPlace,
  { signature: given }: { readonly signature?: string } = {},
): Promise<Result> {
  const { config, governance } = place;
  if (config === undefined)
    throw new AnamnesisError(
      "config.invalid",
      "--plant is missing; name the plant whose plant.yaml is signed",
    );
  const speaker = await openSpeaker(place);
  if (speaker.how === "print") return signByContract(place, config, speaker.address, given);
  if (given !== undefined)
    throw new AnamnesisError(
      "config.invalid",
      "--signature is for a contract's; leave out --keystore and --signer",
    );
  const member = numberOf(await governance.members(), speaker.address);
  const signature = await speaker.signer.signConfiguration(config.digest);
  return written(config, speaker.address, member, signature);
}

async function signByContract(
  { governance, domain, rpc }: AdminPlace,
  config: Config,
  account: Address | undefined,
  given: string | undefined,
): Promise<Result> {
  if (account === undefined)
    throw new AnamnesisError("config.invalid", "--account is missing; name the contract whose owners sign");
  const members = await governance.members();
  const member = numberOf(members, account);
  if (!members.some((each) => each.account === account && each.isContract))
    throw new AnamnesisError(
      "config.invalid",
      `${getAddress(account)} is a key and signs itself; give --keystore, or --signer with its address`,
    );
  const digest = toHex(createHasher(domain).configuration(config.digest)) as Bytes32;
  if (given !== undefined) {
    const signature = parseContractSignature(given, "--signature");
    if (await isSignedByContract(rpc.call, account, digest, signature, "latest"))
      return written(config, account, member, signature);
    throw new AnamnesisError(
      "config.invalid",
      `contract ${getAddress(account)} does not call this signature its own (EIP-1271, digest ${digest}); plant.yaml may have changed since it was made`,
    );
  }
  const typedData = configurationData(domain, config.digest);
  return {
    json: { account, member, digest, typedData },
    raw: [digest],
    human: ({ soft }) =>
      [
        `Nothing was signed. The owners of ${getAddress(account)} (member ${member}) sign this structure:`,
        JSON.stringify(typedData, undefined, 2),
        `Its digest is ${digest}. Then:`,
        soft(
          `  anamnesis admin sign --plant ${config.plant} --account ${getAddress(account)} --signature 0x…`,
        ),
      ].join("\n"),
  };
}

function written(config: Config, signer: Address, member: MemberNumber, signature: Hex): Result {
  const file = join(config.directory, "plant.yaml.sig");
  writeFileSync(file, `${JSON.stringify({ signer, signature })}\n`);
  return {
    json: { file, signer, member, digest: config.digest },
    raw: [file],
    human: (style) =>
      `${style.good("Signed")} by member ${member} (${getAddress(signer)}): ${file}.\nStart the node again for it to hold.`,
  };
}
