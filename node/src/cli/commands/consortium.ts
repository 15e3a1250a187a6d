/** `anamnesis consortium check`: asks a chain, and says what was found. */
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { readPrivateFile } from "../../adapters/keys/private-file.ts";
import { makeChainKey } from "../consortium/chain-key.ts";
import { checkChain, type Report, readExpected, readTrust } from "../consortium/check.ts";
import { clean } from "../output.ts";
import type { Result } from "../program.ts";

/** Options of `consortium check` as they are typed. */
export interface TypedCheckOptions {
  readonly consortium?: string;
  readonly trust?: string;
  readonly key?: string;
  readonly wait: number;
}

/** Runs `consortium check`: 0 nothing failed, 1 something did. */
export async function runCheck(urls: readonly string[], typed: TypedCheckOptions): Promise<Result> {
  for (const url of urls) {
    if (!/^https?:\/\/[^\s]+$/.test(url))
      throw new AnamnesisError("config.invalid", `${url} is no JSON-RPC address; give http://host:port`);
  }
  const reports = await checkChain({
    urls,
    key: typed.key === undefined ? makeChainKey() : readKey(typed.key),
    waitMs: typed.wait * 1000,
    ...(typed.consortium !== undefined && { consortium: readExpected(typed.consortium) }),
    ...(typed.trust !== undefined && { trust: readTrust(typed.trust) }),
  });
  return showReports(reports);
}

/** Findings of every address with a conclusion. */
export function showReports(reports: readonly Report[]): Result {
  const all = reports.flatMap(({ findings }) => findings);
  const count = (result: string) => all.filter((finding) => finding.result === result).length;
  const [failures, warnings] = [count("failed"), count("warning")];
  const conclusion =
    failures > 0
      ? `Not fit for a consortium: ${failures} failed, ${warnings} will hurt.`
      : warnings > 0
        ? `It works; ${warnings} will hurt.`
        : "Everything is as it should be.";
  return {
    json: { ok: failures === 0, conclusion, reports },
    raw: reports.flatMap(({ url, findings }) =>
      findings.map(({ check, result, detail }) => `${url}\t${check}\t${result}\t${detail}`),
    ),
    exit: failures === 0 ? 0 : 1,
    human: (style) => {
      const mark = { passed: style.good("✓"), warning: style.soft("!"), failed: style.bad("✗") };
      return [
        ...reports.flatMap(({ url, findings }) => [
          clean(url),
          ...findings.map(
            ({ check, result, detail }) => `  ${mark[result]} ${clean(check)}: ${clean(detail)}`,
          ),
          "",
        ]),
        conclusion,
      ].join("\n");
    },
  };
}

function readKey(file: string): Uint8Array {
  let text = "";
  try {
    text = readPrivateFile(file, "--key").trim();
  } catch (error) {
    if (isAnamnesisError(error)) throw error;
    // told below
  }
  if (!/^0x[0-9a-f]{64}$/.test(text))
    throw new AnamnesisError(
      "config.invalid",
      `--key ${file} is no key file: expected 0x and 64 hexadecimal digits`,
    );
  return fromHex(text);
}
