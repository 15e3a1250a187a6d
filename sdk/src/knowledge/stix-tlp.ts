/** Traffic lights in STIX: the marking definitions that the standards fix. */
import type { Tlp } from "../core/types.ts";

/** TLP 2.0's, as FIRST and OASIS publish them (STIX 2.1's TLP 2.0 extension). */
const TLP2: Readonly<Record<Tlp | "red", string>> = {
  clear: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
  green: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
  amber: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
  "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
  red: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
};

/** Traffic lights by marking definition: TLP 1.0's (STIX 2.1 §7.2.1.4) and 2.0's. */
export const TLP_IDS: ReadonlyMap<string, Tlp | "red"> = new Map([
  ["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "clear"],
  ["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "green"],
  ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "amber"],
  ["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "red"],
  ...(Object.entries(TLP2) as [Tlp | "red", string][]).map(([tlp, id]) => [id, tlp] as const),
]);

/** The id of a traffic light's marking definition. */
export const markingRef = (tlp: Tlp): string => TLP2[tlp];
