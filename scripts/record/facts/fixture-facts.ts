import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { harmlessImage } from "../actors/harmless-image.ts";
import { type CaptureFacts, countCapture } from "./capture-facts.ts";
import { countEve, type EveFacts } from "./eve-facts.ts";

/** Everything fixtures/facts.json says apart from the version of Suricata. */
export interface FixtureFacts {
  /** The file the compromised workstation downloads. */
  maliciousFile: { sha256: string; bytes: number };
  /** By path below fixtures/. */
  eve: Record<string, EveFacts>;
  captures: Record<string, CaptureFacts>;
}

/** Reads a fixture, unpacked when its name ends in .gz. */
export function readFixture(path: string): Buffer {
  const content = readFileSync(path);
  return path.endsWith(".gz") ? gunzipSync(content) : content;
}

/** Counts every recording below a fixtures directory. */
export function countFixtures(directory: string): FixtureFacts {
  const eve: Record<string, EveFacts> = {};
  const captures: Record<string, CaptureFacts> = {};
  for (const folder of ["attacks", "benign"]) {
    for (const file of readdirSync(join(directory, folder)).sort()) {
      const name = `${folder}/${file}`;
      const content = readFixture(join(directory, name));
      if (/\.eve\.json(\.gz)?$/.test(file)) eve[name] = countEve(content);
      if (/\.pcap(\.gz)?$/.test(file)) captures[name] = countCapture(content);
    }
  }
  const image = harmlessImage();
  const sha256 = createHash("sha256").update(image).digest("hex");
  return { maliciousFile: { sha256, bytes: image.length }, eve, captures };
}
