import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, makeAttestation, makeConsortium } from "./consortium.ts";

const HEAD = oracle.mth(oracle.commitments(8));
const STRANGERS_KEY = oracle.privateKey(99);

type Attempt = (
  c: Consortium,
  registry: Consortium["registry"],
  memory: Consortium["memory"],
) => Promise<unknown>;

/** Every function that could change something, called with what a stranger can get hold of. */
const ATTEMPTS: Record<string, Attempt> = {
  admit: (c, registry) => registry.admit(c.stranger.address),
  suspend: (_, registry) => registry.suspend(1),
  reinstate: (_, registry) => registry.reinstate(4),
  remove: (_, registry) => registry.remove(4),
  setParameters: (_, registry) => registry.setParameters({ ...DEFAULTS, members: 1, witnesses: 1 }),
  addNodeKey: (c, registry) => registry.addNodeKey(...c.possession(c.stranger, STRANGERS_KEY)),
  revokeNodeKey: (c, registry) => registry.revokeNodeKey(oracle.addressOf(c.keys[1] as string)),
  delegate: (c, registry) => registry.delegate(c.stranger.address),
  delegateBySig: (c, registry) => registry.delegateBySig(c.stranger.address, 0, 2n ** 40n, 27, HEAD, HEAD),
  anchor: (c, registry) => {
    const head = c.signedHead(STRANGERS_KEY, 8, HEAD);
    return registry.anchor([{ ...head, feed: oracle.addressOf(c.keys[0] as string) }]);
  },
  reportEquivocation: (c, registry) => {
    const a = c.signHead(c.keys[0] as string, 8, HEAD);
    const b = c.signHead(STRANGERS_KEY, 8, oracle.mth(oracle.commitments(8, 7)));
    return registry.reportEquivocation(a[0], a[1], { ...b[0], feed: a[0].feed }, b[1], []);
  },
  attest: (c, _, memory) => {
    const attestation = makeAttestation();
    return memory.attest([attestation], [c.signAttestation(STRANGERS_KEY, attestation)]);
  },
};

const NOT_GOVERNOR = ["admit", "suspend", "reinstate", "remove", "setParameters"];

describe("authority", () => {
  let consortium: Consortium;
  let close: () => Promise<void>;

  beforeAll(async () => {
    [consortium, close] = await makeConsortium(4);
    await consortium.registry.suspend(4);
  });
  afterAll(() => close());

  /** How one of the attempts ends for a caller: an error's name, or the events that were all there was. */
  async function attempt(name: string, caller: Consortium["stranger"] | Consortium["accounts"][0]) {
    const { registry, memory, outcome, ethers } = consortium;
    const sent = (ATTEMPTS[name] as Attempt)(consortium, registry.connect(caller), memory.connect(caller));
    const [ended] = [await outcome(sent)].flat();
    if (ended !== "done") return ended;
    const block = await ethers.provider.getBlockNumber();
    const logs = await ethers.provider.getLogs({ fromBlock: block, toBlock: block });
    return logs.map((log) => (registry.interface.parseLog(log) ?? memory.interface.parseLog(log))?.name);
  }

  it("is tried at every function that is not a view", () => {
    const functions = [consortium.registry, consortium.memory].flatMap((contract) =>
      contract.interface.fragments.flatMap((f) =>
        "stateMutability" in f && f.type === "function" && f.stateMutability !== "view"
          ? [(f as unknown as { name: string }).name]
          : [],
      ),
    );
    expect(Object.keys(ATTEMPTS).concat("CLOCK_MODE").toSorted()).toEqual(functions.toSorted());
  });

  it.for(Object.keys(ATTEMPTS))("a stranger changes nothing: %s", async (name) => {
    const expected = {
      addNodeKey: "MemberRegistryNotMember",
      revokeNodeKey: "MemberRegistryForeignKey",
      delegate: "MemberRegistryDelegationForbidden",
      delegateBySig: "MemberRegistryDelegationForbidden",
      anchor: "MemberRegistryWrongSigner",
      reportEquivocation: "MemberRegistryWrongSigner",
      attest: ["Skipped"],
    }[name];
    expect(await attempt(name, consortium.stranger)).toEqual(expected ?? "MemberRegistryNotGovernor");
  });

  it.for(NOT_GOVERNOR)("a member changes nothing alone: %s", async (name) => {
    expect(await attempt(name, consortium.accounts[0] as Consortium["accounts"][0])).toBe(
      "MemberRegistryNotGovernor",
    );
  });

  it("a member cannot close another's key", async () => {
    const member = consortium.accounts[0] as Consortium["accounts"][0];
    expect(await attempt("revokeNodeKey", member)).toBe("MemberRegistryForeignKey");
  });

  it("the governor does not speak for a member", async () => {
    expect(await attempt("addNodeKey", consortium.governor)).toBe("MemberRegistryNotMember");
    expect(await attempt("revokeNodeKey", consortium.governor)).toBe("MemberRegistryForeignKey");
  });

  it("an attestation changed on its way is nobody's", async () => {
    const { memory, keys, signAttestation, events } = consortium;
    const signed = makeAttestation();
    const signature = signAttestation(keys[0] as string, signed);
    for (const change of [
      { subject: oracle.hex(oracle.sha256("other")) },
      { stance: 2, validUntil: 0 },
      { basis: 2 },
      { confidence: 81 },
      { validUntil: signed.validUntil + 1 },
      { version: signed.version + 1 },
      { content: oracle.hex(oracle.sha256("other")) },
    ]) {
      expect(await events(memory.attest([{ ...signed, ...change }], [signature]))).toEqual([
        ["Skipped", 0n, 1n],
      ]);
    }
    expect(await events(memory.attest([signed], [signature]))).toEqual([
      ["Attested", ...Array(9).fill(expect.anything())],
    ]);
  });
});
