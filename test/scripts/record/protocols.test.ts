import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { baselineOf } from "@anamnesis/sdk/core/behaviours";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import { expect, test } from "vitest";
import { MADE } from "../../../scripts/record/protocols/requests.ts";

const FOLDER = join(import.meta.dirname, "../../../fixtures/protocols");

test.each(MADE)("$name.pcap is what its code makes", ({ name, bytes }) => {
  expect(readFileSync(join(FOLDER, `${name}.pcap`)).equals(bytes())).toBe(true);
});

test("no other capture is there, each is small, and all that a stranger does is in its class", () => {
  expect(readdirSync(FOLDER).sort()).toEqual(MADE.map(({ name }) => `${name}.pcap`).sort());
  for (const { class: name, protocol, functions, bytes } of MADE) {
    expect(bytes().length).toBeLessThan(8_192);
    for (const code of functions) expect(baselineOf(icsRequest(protocol, code)!)?.class).toBe(name);
  }
});
