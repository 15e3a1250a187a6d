import { resolve } from "node:path";
import type { Self } from "@anamnesis/sdk/core/types";
import { readConfig } from "./config.ts";
import { parseYamlText, readBytes } from "./config-file.ts";
import { loadSelf } from "./self-file.ts";

/** The Self of no plant: nobody is its own, and nobody confirmed it. */
export const NOBODY: Self = {
  assets: [],
  domains: [],
  roles: { otNetwork: [], writers: [], controllers: [] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};

/** Self from a plant.yaml, or from a self.yaml alone. Throws `config.invalid`. */
export function readSelf(path: string): Self {
  const file = resolve(path);
  return isPlantFile(file) ? readConfig(file).self : loadSelf({ file }, file).self;
}

/** Whether a file of YAML is a plant.yaml and not a self.yaml. Throws `config.invalid` when it cannot be read. */
export function isPlantFile(path: string): boolean {
  const content = parseYamlText(readBytes(path, "Self", "give the path of a plant.yaml or self.yaml"), path);
  return typeof content === "object" && content !== null && ("plant" in content || "self" in content);
}

/** Self from the text of a self.yaml; `name` is what its mistakes are reported under. */
export function readSelfText(text: string, name: string): Self {
  return loadSelf(parseYamlText(Buffer.from(text), name) as Record<string, unknown>, name).self;
}
