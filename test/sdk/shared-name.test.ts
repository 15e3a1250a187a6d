import { sharedName } from "@anamnesis/sdk/core/shared-name";
import type { Self } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";

const SELF: Self = {
  assets: [
    { name: "boiler 7", addresses: ["10.1.2.10"] },
    { name: "hmi", addresses: ["10.1.2.20"] },
  ],
  domains: ["plant.example"],
  roles: { otNetwork: [], writers: [], controllers: [] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};

test.each([
  [
    "ANAMNESIS Path traversal at the remote access gateway",
    "ANAMNESIS Path traversal at the remote access gateway",
  ],
  ["write to 10.1.2.10 Boiler 7 PLC", "write to (address) (asset) PLC"],
  ["write by a stranger to an HMI", "write by a stranger to an HMI"],
  ["scan of 10.1.2.0/24 from fe80::1 and 2001:db8::7", "scan of (address) from (address) and (address)"],
  ["login at access.plant.example", "login at access.(name)"],
  ["frame from 02:00:00:aa:bb:cc", "frame from (address)"],
  [
    "Apache HTTP Server 2.4.49 - Path Traversal (CVE-2021-41773)",
    "Apache HTTP Server 2.4.49 - Path Traversal (CVE-2021-41773)",
  ],
  ["ET SCAN: std::string in hmitool", "ET SCAN: std::string in hmitool"],
])("%s travels as %s", (name, shared) => {
  expect(sharedName(name, SELF)).toBe(shared);
});

test("a name has an end", () => {
  expect(sharedName("x".repeat(5000), SELF)).toHaveLength(200);
});
