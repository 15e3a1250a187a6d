import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../sdk/src/core/bytes.ts";
import { blindOf, blindingKeyHash, indicatorId, responseId, subjectOf } from "../../sdk/src/core/ids.ts";
import * as merkle from "../../sdk/src/core/merkle.ts";
import { recoverSigner, signDigest } from "../../sdk/src/core/signature.ts";
import { responseStatus, status } from "../../sdk/src/core/status.ts";
import { createHasher } from "../../sdk/src/core/typed-data.ts";
import { serialise, vectors } from "./generate.ts";

// The vectors are plain JSON; the SDK's branded types are its own business.
type Vector = any;

const FILES = vectors();
const load = (name: string): Vector => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const bytes = (list: string[]) => list.map(fromHex);

describe("golden vectors", () => {
  it.for(Object.entries(FILES))("%s is what the oracles say", ([name, vector]) => {
    expect(readFileSync(new URL(name, import.meta.url), "utf8")).toBe(serialise(vector));
  });
});

describe("the SDK agrees with the golden vectors", () => {
  const { indicators, responses, blinding } = load("ids.json");
  it.for(indicators as Vector[])("id of an indicator: $name", ({ patternType, pattern, id }) => {
    expect(indicatorId({ patternType, pattern })).toBe(id);
  });
  it.for(responses as Vector[])("id of a response: $name", ({ indicator, object, id }) => {
    expect(responseId(indicator, object)).toBe(id);
  });
  it.for(blinding as Vector[])("subject of $id", ({ key, keyHash, id, blind, subject }) => {
    expect(blindingKeyHash(fromHex(key))).toBe(keyHash);
    expect(toHex(blindOf(fromHex(key), id))).toBe(blind);
    expect(subjectOf(fromHex(key), id)).toBe(subject);
  });

  const { domain, attestations, heads, malformedSignatures } = load("typed-data.json");
  const hasher = createHasher(domain);
  it.for(attestations as Vector[])("attestation: $name", ({ attestation, digest, privateKey, signer, signature }) => {
    expect(toHex(hasher.attestation(attestation))).toBe(digest);
    expect(signDigest(fromHex(digest), fromHex(privateKey))).toBe(signature);
    expect(recoverSigner(fromHex(digest), signature)).toBe(signer);
  });
  it.for(heads as Vector[])("head: $name", ({ head, digest, privateKey, signature }) => {
    expect(toHex(hasher.head(head))).toBe(digest);
    expect(signDigest(fromHex(digest), fromHex(privateKey))).toBe(signature);
  });
  it.for(malformedSignatures as Vector[])("malformed signature: $name", ({ digest, signature }) => {
    expect(recoverSigner(fromHex(digest), signature)).toBeUndefined();
  });

  const tree = load("merkle.json");
  const leaves = bytes(tree.commitments).map(merkle.leafHash);
  const { closed } = merkle.appendLeaves(merkle.EMPTY_FRONTIER, leaves);
  const nodes = new Map(closed.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  const node: merkle.NodeReader = (level, index) => nodes.get(`${level}/${index}`) as Uint8Array;
  it.for(tree.roots as Vector[])("root of $size leaves", ({ size, root }) => {
    expect(toHex(merkle.rootOf(merkle.appendLeaves(merkle.EMPTY_FRONTIER, leaves.slice(0, size)).frontier))).toBe(root);
  });
  it("inclusion paths", () => {
    for (const { size, index, commitment, path, root } of tree.inclusion) {
      expect(merkle.inclusionPath(node, index, size).map(toHex)).toEqual(path);
      const leaf = merkle.leafHash(fromHex(commitment));
      expect(merkle.verifyInclusion(leaf, index, size, bytes(path), fromHex(root))).toBe(true);
    }
  });
  it("consistency paths", () => {
    for (const { older, newer, olderRoot, newerRoot, path, fullPath } of tree.consistency) {
      expect(merkle.consistencyPath(node, older, newer).map(toHex)).toEqual(path);
      expect(merkle.consistencyPath(node, older, newer, true).map(toHex)).toEqual(fullPath);
      expect(merkle.verifyConsistency(older, fromHex(olderRoot), newer, fromHex(newerRoot), bytes(path))).toBe(true);
      if (older === newer) continue;
      const rebuilt = merkle.rootsFromPath(older, newer, bytes(fullPath));
      expect(rebuilt && [toHex(rebuilt.old), toHex(rebuilt.new)]).toEqual([olderRoot, newerRoot]);
    }
  });

  const agreement = load("status.json");
  const activeOf = ({ members, suspended }: Vector): Vector =>
    new Set(Array.from({ length: members }, (_, i) => i + 1).filter((member) => !suspended.includes(member)));
  it.for(agreement.indicators as Vector[])("status of an indicator: $name", (vector) => {
    expect(status(vector.registers, activeOf(vector), vector.parameters, agreement.at)).toEqual(vector.expected);
  });
  it.for(agreement.responses as Vector[])("status of a response: $name", (vector) => {
    const { indicator, response, parameters, expected } = vector;
    const cause = status(indicator, activeOf(vector), parameters, agreement.at);
    expect(responseStatus(cause, response, activeOf(vector), parameters, agreement.at)).toEqual(expected);
  });
});
