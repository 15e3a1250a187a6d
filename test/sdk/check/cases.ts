/** Plans that must pass and plans that must not, each with what it shows. */
import type { BlockSet } from "@anamnesis/sdk/check/plan";
import type { Self } from "@anamnesis/sdk/core/types";
import { SELF } from "../../node/support/plant.ts";

const OPEN = { ports: [], functions: [] } as const;
export const from = (...sources: string[]): BlockSet => ({ ...OPEN, sources, destinations: ["any"] });
export const to = (...destinations: string[]): BlockSet => ({ ...OPEN, sources: ["any"], destinations });
export const pair = (source: string, destination: string, change: Partial<BlockSet> = {}): BlockSet => ({
  ...OPEN,
  sources: [source],
  destinations: [destination],
  ...change,
});
export const names = (...list: string[]): BlockSet => ({
  ...OPEN,
  sources: [],
  destinations: [],
  names: list,
});
const WRITE = { ports: [502], functions: [6] };

/** The plant with everything Self can say. */
export const FULL: Self = {
  ...SELF,
  assets: [...SELF.assets, { name: "portal", addresses: ["45.60.9.0/30"], domains: ["portal.example"] }],
  roles: {
    ...SELF.roles,
    engineeringStations: ["10.2.2.31"],
    safetySystems: ["10.2.3.0/29"],
  },
  conduits: [
    { name: "batch", from: ["10.2.2.50"], to: ["10.2.2.11"], protocol: "modbus", functions: [16, 22] },
    { name: "recipe", from: ["10.2.2.51"], to: ["10.2.2.12"], protocol: "modbus", functions: [] },
  ],
  services: [...SELF.services, { name: "time", addresses: ["2001:db8:123::/48"], domains: ["ntp.example"] }],
};

const NOTHING = { ...SELF, services: [], roles: { otNetwork: [], writers: [], controllers: [] } };
const FIRST: Self = { ...NOTHING, assets: [{ name: "first", addresses: ["0.0.0.0"] }] };
const LAST: Self = { ...NOTHING, assets: [{ name: "last", addresses: ["255.255.255.255"] }] };

type Case = readonly [what: string, blocks: readonly BlockSet[], self?: Self];

/** Plans that touch nothing of Self. */
export const PASSES: readonly Case[] = [
  ["a foreign address", [from("203.0.113.7")]],
  ["a foreign address as destination", [to("203.0.113.7")]],
  ["a foreign range", [from("203.0.113.0/24")]],
  ["a foreign range with one digit", [from("64.0.0.0/2")]],
  ["a foreign IPv6 address", [to("2001:db8::7")]],
  ["a foreign IPv6 address in full", [from("2001:db8:0:0:0:0:0:7")]],
  ["a foreign IPv6 range", [from("2001:db9::/33"), from("2001:db8:8000::/34"), from("8000::/1")], FULL],
  ["an IPv6 address with a gap of one", [from("2001:db8:0:0:0:0:1::")]],
  ["an IPv6 address in capitals that ends in zeros", [from("2001:DB8:ABCD::")]],
  ["a foreign address in mapped spelling", [from("::ffff:cb00:7107")]],
  ["addresses just below and just above an asset", [from("10.2.5.79", "10.2.5.81")]],
  ["ranges just below and just above a service", [from("2001:db8:122::/48", "2001:db8:124::/48")], FULL],
  ["the smallest and the largest address", [from("0.0.0.0", "255.255.255.255", "::/96")]],
  ["a stranger in the OT network writing to a controller", [pair("10.2.2.66", "10.2.2.10", WRITE)]],
  [
    "every command of an asset",
    [pair("10.2.2.40", "10.2.2.10", { ...WRITE, functions: [5, 6, 15, 16, 21, 22, 23] })],
  ],
  ["all that a stranger in the OT network begins", [pair("10.2.2.66", "10.2.2.10", { ports: [502] })], FULL],
  ["the historian's writes, never its reads", [pair("10.2.2.40", "10.2.2.10", WRITE)]],
  ["writes of a conduit's station that it was not given", [pair("10.2.2.50", "10.2.2.11", WRITE)], FULL],
  ["an asset and an attacker", [pair("10.2.2.20", "203.0.113.7"), pair("203.0.113.7", "10.2.2.20")]],
  [
    "ports and functions at their ends",
    [pair("203.0.113.7", "203.0.113.8", { ports: [0, 65_535], functions: [0, 255] })],
  ],
  ["a foreign name", [names("c2.turbine-fw.example")]],
  [
    "a foreign name with dots around it, and one with odd letters",
    [names(".c2.turbine-fw.example."), names("_a.b-9.xn--p1ai")],
  ],
  ["a name that only ends like an own one", [names("otherplant.example")]],
];

/** Plans that touch Self, or say less than a plan must. */
export const FAILS: readonly Case[] = [
  ["nothing stated", []],
  ["everything", [{ ...OPEN, sources: ["any"], destinations: ["any"] }]],
  ["an empty side", [{ ...OPEN, sources: [], destinations: ["any"] }]],
  ["an empty pair", [{ ...OPEN, sources: ["203.0.113.7"], destinations: [] }]],
  ["a side that is no list", [{ ...OPEN, sources: "many" as never, destinations: ["203.0.113.7"] }]],
  ["an address that is no text", [from(7 as never)]],
  ["an asset", [from("10.2.5.80")]],
  ["the OT network", [from("10.2.2.66")]],
  ["a range that holds an asset", [from("10.0.0.0/8")]],
  ["a range that begins before an asset's range", [from("45.60.8.0/21")], FULL],
  ["the first and the last address of an asset's range", [to("45.60.9.0")], FULL],
  ["the last address of an asset's range", [to("45.60.9.3")], FULL],
  ["every IPv4 address", [from("0.0.0.0/0")]],
  ["every IPv6 address, IPv4-mapped ones included", [from("::/0")]],
  ["mapped ranges around an asset", [from("::ffff:0:0/95")]],
  ["a range that begins within the mapped ones", [from("::ffff:0a02:0500/120")]],
  ["a service", [to("198.51.100.10")]],
  ["a service in mapped spelling", [to("::ffff:c633:640a")]],
  ["the smallest address in mapped spelling", [from("::ffff:0:0")], FIRST],
  ["the smallest address in a range around the mapped ones", [from("::/0")], FIRST],
  ["the largest address in mapped spelling", [from("::ffff:ffff:ffff")], LAST],
  ["a service behind NAT64", [to("64:ff9b::c633:640a")]],
  ["a service's IPv6 range", [to("2001:db8:123:4::1")], FULL],
  ["a range around a service's IPv6 range", [to("2001:db8::/32")], FULL],
  ["the last address of a service's IPv6 range", [to("2001:db8:123:ffff:ffff:ffff:ffff:ffff")], FULL],
  ["a range with host bits set that holds a service", [to("198.51.100.77/24")]],
  ["a service between two sides", [pair("198.51.100.10", "10.2.5.80")]],
  ["commands from a service", [pair("198.51.100.10", "10.2.2.10", WRITE)]],
  ["commands to a service", [pair("10.2.2.66", "198.51.100.10", WRITE)]],
  ["commands from an engineering station", [pair("10.2.2.31", "10.2.2.10", WRITE)], FULL],
  ["commands to a safety system", [pair("10.2.2.66", "10.2.3.4", WRITE)], FULL],
  ["what a stranger begins with a safety system", [pair("10.2.2.66", "10.2.3.4")], FULL],
  ["a safety system", [from("10.2.3.4")], FULL],
  ["a conduit's station", [from("10.2.2.50")], { ...FULL, roles: { ...FULL.roles, otNetwork: [] } }],
  ["a writer to a controller", [pair("10.2.2.20", "10.2.2.10", WRITE)]],
  ["the second writer", [pair("10.2.2.30", "10.2.2.10", WRITE)]],
  ["what a conduit is for", [pair("10.2.2.50", "10.2.2.11", { ...WRITE, functions: [6, 16] })], FULL],
  [
    "what a conduit without functions is for",
    [pair("10.2.2.51", "10.2.2.12", { ...WRITE, functions: [22] })],
    FULL,
  ],
  ["a range around a writer", [pair("10.2.2.16/28", "10.2.2.0/24", { functions: [6] })]],
  ["a whole conversation of an asset", [pair("10.2.2.40", "10.2.2.10", { ports: [502] })]],
  ["an asset's reads", [pair("10.2.2.40", "10.2.2.10", { ports: [502], functions: [6, 3] })]],
  ["an asset's writes on every port", [pair("10.2.2.40", "10.2.2.10", { functions: [6] })]],
  [
    "an asset's functions of another protocol",
    [pair("10.2.2.40", "10.2.2.10", { ports: [502, 102], functions: [6] })],
  ],
  ["a controller's whole conversation", [pair("10.2.2.10", "10.2.2.66")], { ...SELF, assets: [] }],
  ["a writer's whole conversation", [pair("10.2.2.30", "10.2.2.66")], { ...SELF, assets: [] }],
  ["the second of two sets", [from("203.0.113.7"), from("10.2.2.10")]],
  ["the second of two sources", [from("203.0.113.7", "10.2.2.10")]],
  [
    "a wide range before a narrow one",
    [from("10.2.5.80")],
    { ...SELF, assets: [{ name: "a", addresses: ["10.2.4.0/22", "10.2.5.0/32"] }] },
  ],
  ["an own name", [names("plant.example")]],
  ["a name below an own one", [names("hmi.plant.example")]],
  ["a name far below an own one", [names("a.b.hmi.plant.example")]],
  ["a name above an own one", [names("example.com"), names("VENDOR.example.")]],
  [
    "a name above a service's",
    [names("b.example")],
    { ...SELF, services: [{ name: "s", addresses: [], domains: ["x.a.b.example"] }] },
  ],
  ["an asset's name", [names("portal.example")], FULL],
  ["the second of two names", [names("c2.turbine-fw.example", "ntp.example")], FULL],
  ["a top-level domain", [names("com")]],
  ["no names", [names()]],
  ["no name", [names("")]],
  ["a name with an empty label", [names("a..turbine-fw.example")]],
  ["a name that resolvers read in two ways", [names("turbine\u3002example.com")]],
  ["a label of 64 letters", [names(`${"a".repeat(64)}.com`)]],
  ["a name that is no text", [names(7 as never)]],
  ...[
    { sources: ["203.0.113.7"] },
    { destinations: ["203.0.113.7"] },
    { ports: [1] },
    { functions: [1] },
    { sources: ["203.0.113.7"], destinations: ["203.0.113.8"] },
    { destinations: ["203.0.113.7"], ports: [1] },
    { ports: [1], functions: [1] },
  ].map(
    (more): Case => [`names beside ${Object.keys(more).join()}`, [{ ...names("c2.example.com"), ...more }]],
  ),
  ...[
    "203.0.113.7; accept",
    "203.0.113.256",
    "203.0.256.1",
    "203.0.113.07",
    "203.0.113",
    "203.0.113.7.1",
    "203.0.113.7/33",
    "203.0.113.7/-1",
    "203.0.113.7./8",
    "203.0.113.7/",
    "1e1.0.0.1",
    " 203.0.113.7",
    "203.0.113.7\n",
    "",
    "2001:db8:1",
    "2001::db8::1",
    "2001:db8:::1",
    "2001:db8:0:0:0:0:0:0:1",
    "2001:db8:0:0:0:0:0::1",
    "2001:db8::12345",
    "2001:db8::g",
    "2001:db8::/129",
    "2001:db8::/1000",
    "::ffff:203.0.113.7",
    "fe80::1%eth0",
    "Any",
  ].map((text): Case => [`the address ${JSON.stringify(text)}`, [from(text)]]),
  ...[-1, 65_536, 1.5, Number.NaN, "502" as never].map(
    (port): Case => [`the port ${String(port)}`, [pair("203.0.113.7", "203.0.113.8", { ports: [port] })]],
  ),
  ["the function 256", [pair("203.0.113.7", "203.0.113.8", { functions: [256] })]],
  [
    "a Self that cannot be read",
    [from("203.0.113.7")],
    { ...SELF, assets: [{ name: "bad", addresses: ["ten"] }] },
  ],
  [
    "a Self with a name that cannot be read",
    [from("203.0.113.7")],
    { ...SELF, domains: ["b\u00fccher.example"] },
  ],
  [
    "a Self without writers",
    [pair("10.2.2.66", "10.2.2.10", WRITE)],
    { ...SELF, roles: { ...SELF.roles, writers: [] } },
  ],
  [
    "a Self without controllers",
    [pair("10.2.2.66", "10.2.2.20", WRITE)],
    { ...SELF, roles: { ...SELF.roles, controllers: [] } },
  ],
];

/** What the checker says of some of them: the entry of Self, or what could not be read. */
export const SAID: readonly (readonly [said: string, block: BlockSet])[] = [
  ["gateway", from("10.2.5.80")],
  ["gateway", to("10.2.5.80")],
  ["vendor", to("198.51.100.0/24")],
  ["OT network 10.2.2.0/24", from("10.2.2.66")],
  ["writer 10.2.2.30 to controller", pair("10.2.2.30", "10.2.2.10")],
  ["plant.example", names("a.plant.example")],
  ["vendor.example", names("vendor.example")],
  ["every address", { ...OPEN, sources: ["any"], destinations: ["any"] }],
  ["203.0.113.256", from("203.0.113.256")],
];
