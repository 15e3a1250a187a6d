import { expect, test } from "vitest";
import * as sdk from "../../sdk/src/index.ts";

test("the public exports are these and no others", () => {
  expect(Object.keys(sdk).sort()).toMatchInlineSnapshot(`
    [
      "AnamnesisError",
      "blindingKeyHash",
      "canonicalBytes",
      "canonicalText",
      "commitmentHex",
      "createClient",
      "createHasher",
      "decodeEntry",
      "decodeMessage",
      "encodeEntry",
      "fromHex",
      "indicatorId",
      "isAnamnesisError",
      "leafHash",
      "memoryHash",
      "parseAddress",
      "parseBytes32",
      "parsePattern",
      "parseSignature",
      "recoverSigner",
      "responseId",
      "responseStatus",
      "score",
      "status",
      "stixId",
      "subjectOf",
      "toHex",
      "toPattern",
      "uidOf",
      "verifyConsistency",
      "verifyHead",
      "verifyInclusion",
      "verifyMessage",
      "wins",
    ]
  `);
});
