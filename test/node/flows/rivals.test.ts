import type { Address } from "@anamnesis/sdk/core/types";
import { describe, expect, it } from "vitest";
import { createRivals, RIVAL_MS } from "../../../node/src/flows/rivals.ts";

const PEER = `0x${"01".repeat(20)}` as Address;
const OTHER = `0x${"02".repeat(20)}` as Address;

function make() {
  let nowMs = 1000;
  const rivals = createRivals({ clock: { nowMs: () => 0, monotonicMs: () => nowMs } });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { hear: rivals.hear, pass };
}

describe("rivals", () => {
  it("tells the second process of a key for as long as the first one speaks", () => {
    const { hear, pass } = make();
    for (let second = 0; second < 5; second++) {
      expect(hear(PEER, "0x01")).toBe(false);
      expect(hear(PEER, "0x02")).toBe(true);
      pass(1000);
    }
    expect(hear(OTHER, "0x02")).toBe(false); // another key is nobody's rival
  });

  it("lets a process go on that was started again, once the one before is silent", () => {
    const { hear, pass } = make();
    expect(hear(PEER, "0x01")).toBe(false);
    pass(RIVAL_MS - 1);
    expect(hear(PEER, "0x02")).toBe(true); // asking does not count as speaking
    pass(1);
    expect(hear(PEER, "0x02")).toBe(false);
    expect(hear(PEER, "0x01")).toBe(true);
  });
});
