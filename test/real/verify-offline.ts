/** `node verify-offline.ts BUNDLE TRUST`: 0 verified, 1 not. Refuses to run where a network is. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { parseBundle } from "@anamnesis/sdk/evidence/parse";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";

const [bundle, trust] = process.argv.slice(2) as [string, string];
const up = Object.keys(networkInterfaces());
if (up.length > 0) throw new Error(`there is a network: ${up.join(", ")}`);
const verdict = verifyEvidence(parseBundle(readFileSync(bundle)), parseTrust(readFileSync(trust)));
process.stdout.write(`${verdict.conclusion}\n`);
process.exitCode = verdict.verified ? 0 : 1;
