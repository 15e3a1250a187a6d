/** One sigstore bundle with all it is verified against, made by sigstore's own clients and its mocked services. */
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bundleFromJSON, bundleToJSON } from "@sigstore/bundle";
import { fulcioHandler, initializeCA, initializeCTLog, initializeTLog, rekorHandler } from "@sigstore/mock";
import { generateKeyPair } from "@sigstore/mock/dist/util/key.js";
import { HashAlgorithm, PublicKeyDetails, type TrustedRoot } from "@sigstore/protobuf-specs";
import { FulcioSigner, MessageSignatureBundleBuilder, RekorWitness } from "@sigstore/sign";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

/** A checkpoint carries the name of its log; nothing is ever sent there. */
const LOG_URL = "https://log.example";

/** Verifies the bundle once, from its text; throws when it is not verified. */
export type VerifyOnce = () => void;

/** Signs an artifact of so many bytes and gives what verifies it. */
export async function makeSigstore(artifactBytes: number): Promise<VerifyOnce> {
  const keys = {
    ca: generateKeyPair("prime256v1"),
    ct: generateKeyPair("prime256v1"),
    tlog: generateKeyPair("prime256v1"),
  };
  const ctlog = await initializeCTLog(keys.ct);
  const ca = await initializeCA(keys.ca, ctlog);
  const tlog = await initializeTLog(LOG_URL, keys.tlog);
  const handlers = [fulcioHandler(ca), rekorHandler(tlog)];
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const handler = handlers.find(({ path }) => path === request.url);
      const answer = await handler?.fn(body);
      response.writeHead(answer?.statusCode ?? 404, { "content-type": answer?.contentType ?? "text/plain" });
      response.end(answer?.response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "none" })}.${part({ sub: "plant@member.example", iss: "https://issuer.example" })}.${part({})}`;
    const builder = new MessageSignatureBundleBuilder({
      signer: new FulcioSigner({
        fulcioBaseURL: url,
        identityProvider: { getToken: () => Promise.resolve(token) },
      }),
      witnesses: [new RekorWitness({ rekorBaseURL: url })],
    });
    const artifact = randomBytes(artifactBytes);
    const text = JSON.stringify(bundleToJSON(await builder.create({ data: artifact })));
    const always = { start: new Date(0) };
    const logOf = (publicKey: Buffer) => ({
      baseUrl: LOG_URL,
      hashAlgorithm: HashAlgorithm.SHA2_256,
      logId: { keyId: createHash("sha256").update(publicKey).digest() },
      publicKey: {
        rawBytes: publicKey,
        keyDetails: PublicKeyDetails.PKIX_ECDSA_P256_SHA_256,
        validFor: always,
      },
      operator: "",
    });
    const root = {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      certificateAuthorities: [
        {
          subject: { commonName: "sigstore", organization: "sigstore.mock" },
          uri: url,
          certChain: { certificates: [{ rawBytes: Buffer.from(ca.rootCertificate.buffer) }] },
          validFor: always,
          operator: "",
        },
      ],
      ctlogs: [logOf(ctlog.publicKey)],
      tlogs: [logOf(tlog.publicKey)],
      timestampAuthorities: [],
    } as unknown as TrustedRoot;
    const verifier = new Verifier(toTrustMaterial(root));
    const verify: VerifyOnce = () => {
      verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(text)), artifact));
    };
    verify();
    return verify;
  } finally {
    server.close();
  }
}
