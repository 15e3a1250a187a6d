/** The verifier without Node: bundled for a browser, run in a context that has nothing of Node. */
import { fileURLToPath } from "node:url";
import { createContext, Script } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { makeWorld } from "./world.ts";

/** Bytes, compressed, that a page has to load at most. */
const MOST_BYTES = 100_000;

const SOURCE = `
  import { parseBundle } from "@anamnesis/sdk/evidence/parse";
  import { parseTrust } from "@anamnesis/sdk/evidence/trust";
  import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
  globalThis.verify = (bytes, trust) => verifyEvidence(parseBundle(bytes), parseTrust(trust));
`;

async function bundleForPage() {
  return build({
    stdin: { contents: SOURCE, resolveDir: fileURLToPath(new URL("../../..", import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: "browser",
    target: "es2022",
    format: "esm",
  });
}

test("fits into a page, has nothing of Node, and verifies", async () => {
  const { outputFiles, metafile } = await bundleForPage();
  const code = outputFiles[0]?.text as string;
  const inputs = Object.keys(metafile.inputs);
  const outside = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect([
    ...outside,
    ...inputs.filter((file) => /platform-node|node_modules\/secp256k1\//.test(file)),
  ]).toEqual([]);
  const bytes = gzipSync(code).length;
  console.info(`the verifier for browsers: ${code.length} bytes, ${bytes} compressed`);
  expect(bytes).toBeLessThan(MOST_BYTES);

  const { bytes: bundle, trust } = await makeWorld();
  const page = createContext({ TextDecoder, TextEncoder, Uint8Array, atob, btoa }); // no Buffer, no process, no require
  await new Script(`(async()=>{${code}})()`).runInContext(page);
  const { verify } = page as unknown as {
    verify(bytes: Uint8Array, trust: string): { conclusion: string; verified: boolean };
  };
  const verdict = verify(bundle, JSON.stringify(trust));
  expect(verdict.conclusion).toMatch(/^Verified: 2 records \(2 attested\)/);
  const mutant = bundle.slice();
  const at = new TextDecoder().decode(bundle).indexOf('"signature":"0x') + 40;
  mutant[at] = mutant[at] === 0x30 ? 0x31 : 0x30;
  expect(verify(mutant, JSON.stringify(trust)).conclusion).toMatch(/evidence\.(attestation|head)/);
});
