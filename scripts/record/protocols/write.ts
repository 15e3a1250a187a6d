/** `node scripts/record/protocols/write.ts`: writes the captures that are made by code to fixtures/protocols. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MADE } from "./requests.ts";

for (const { name, bytes } of MADE)
  writeFileSync(join(import.meta.dirname, "../../../fixtures/protocols", `${name}.pcap`), bytes());
